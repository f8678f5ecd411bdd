package weblogin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const issuer = "https://login.test"

// world is a provider, an application with one App, and an API.
type world struct {
	name     string // of the provider, within its tokens; empty for the usual one
	base     string // of the application's paths; empty for the usual one
	url      string // of the issuer
	issuer   *bearertest.Issuer
	cfg      weblogin.Config
	app      *weblogin.App
	store    *store
	mux      *http.ServeMux
	site     string
	transfer http.RoundTripper // to the site

	mu      sync.Mutex // guards what follows
	claims  map[string]any
	nonces  map[string]string
	asked   int // how often a token was
	rotated int
	revoked []string
	seen    []*http.Request // by the API
	bodies  []string
	apiSays func(w http.ResponseWriter, r *http.Request)
	before  func(r *http.Request) error // called before each response of the provider

	direct    http.HandlerFunc // if not nil, the API, without a look at the body
	noIDToken bool
	deviates  func(w http.ResponseWriter, body string) // how the provider writes a token response, if not nil
	refuses   func(w http.ResponseWriter)              // how the provider responds to a refresh, if not nil
}

// RoundTrip responds as the token and the revocation endpoint of the provider.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.ParseForm()
	w.mu.Lock()
	before := w.before
	if r.URL.Path == "/token" {
		w.asked++
	}
	w.mu.Unlock()
	if before != nil {
		if err := before(r); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := httptest.NewRecorder()
	say := func(idToken string, lifetime int) {
		body := fmt.Sprintf(`{"access_token":"secret-%sat%d","token_type":"Bearer","refresh_token":"secret-%srt%d","expires_in":%d,"scope":"openid api","id_token":%q}`,
			w.name, w.rotated, w.name, w.rotated, lifetime, idToken)
		if w.deviates != nil {
			w.deviates(answer, body)
			return
		}
		_, _ = answer.WriteString(body)
	}
	switch {
	case r.URL.Path == "/revoke":
		w.revoked = append(w.revoked, r.PostForm.Get("token"))
	case r.PostForm.Get("grant_type") == "refresh_token" && w.refuses != nil:
		w.refuses(answer)
	case r.PostForm.Get("grant_type") == "authorization_code" && w.noIDToken:
		_, _ = fmt.Fprint(answer, `{"access_token":"secret-at0","token_type":"Bearer","refresh_token":"secret-rt0","expires_in":3600}`)
	case r.PostForm.Get("grant_type") == "authorization_code":
		say(w.idToken().Set("nonce", w.nonces[r.PostForm.Get("code")]).Sign(), 3600)
	case r.PostForm.Get("refresh_token") == fmt.Sprintf("secret-%srt%d", w.name, w.rotated):
		w.rotated++
		say("", 3600)
	default:
		answer.WriteHeader(http.StatusBadRequest)
		_, _ = answer.WriteString(`{"error":"invalid_grant"}`)
	}
	response := answer.Result()
	response.Request = r
	return response, nil
}

func (w *world) idToken() *bearertest.Token {
	token := w.issuer.AccessToken().SetHeader("typ", bearertest.Absent).Set("aud", "web").Set("sub", "alice").Set("sid", "s1").Set("name", "Alice")
	token.Set("client_id", bearertest.Absent).Set("jti", bearertest.Absent).Set("scope", bearertest.Absent).Set("address", "private")
	for name, value := range w.claims {
		token.Set(name, value)
	}
	return token
}

// api responds as the test has set it.
func (w *world) api(rw http.ResponseWriter, r *http.Request) {
	if w.direct != nil {
		w.direct(rw, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	w.seen, w.bodies = append(w.seen, r.Clone(context.Background())), append(w.bodies, string(body))
	says := w.apiSays
	w.mu.Unlock()
	says(rw, r)
}

// let makes the API respond with says from now on.
func (w *world) let(says http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apiSays = says
}

// meanwhile calls before ahead of each response of the provider from now on.
func (w *world) meanwhile(before func(r *http.Request) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = before
}

// newWorld runs an application and an API behind servers.
func newWorld(t testing.TB, changes ...func(*weblogin.Config)) *world {
	t.Helper()
	w := prepare()
	api := httptest.NewTLSServer(http.HandlerFunc(w.api))
	t.Cleanup(api.Close)
	site := httptest.NewTLSServer(w.mux)
	t.Cleanup(site.Close)
	w.site, w.transfer = site.URL, site.Client().Transport
	w.build(t, api.URL, api.Client().Transport, changes...)
	return w
}

// newLocalWorld runs them without a network, for tests in virtual time.
func newLocalWorld(t testing.TB, changes ...func(*weblogin.Config)) *world {
	t.Helper()
	w := prepare()
	w.site, w.transfer = "https://app.test", handled{w.mux}
	w.build(t, "https://api.test", handled{http.HandlerFunc(w.api)}, changes...)
	return w
}

type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(answer, r)
	}()
	select {
	case <-done:
		response := answer.Result()
		response.Request = r
		return response, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func prepare() *world { return prepareAt(issuer) }

func prepareAt(url string) *world {
	w := &world{
		url:    url,
		issuer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: url, Audience: "web", Algorithms: []string{"ES256"}}),
		nonces: make(map[string]string), mux: http.NewServeMux(), store: &store{CtxStore: noCtx{memstore.NewWithCleanupInterval(0)}},
	}
	w.let(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "orders") })
	return w
}

func (w *world) build(t testing.TB, api string, transport http.RoundTripper, changes ...func(*weblogin.Config)) {
	t.Helper()
	w.store.sealFor(t)
	sessions := &scs.SessionManager{Store: w.store, Codec: scs.GobCodec{}, Lifetime: 24 * time.Hour, ErrorFunc: failed}
	w.cfg = weblogin.Config{Client: w.client(t), Sessions: sessions, AfterLogout: "/bye", Transport: transport, Prefix: w.base + "/auth/"}
	for _, change := range changes {
		change(&w.cfg)
	}
	var err error
	if w.app, err = weblogin.New(w.cfg); err != nil {
		t.Fatal(err)
	}
	orders, err := w.app.Proxy(w.base+"/api/orders/", api+"/v1/")
	if err != nil {
		t.Fatal(err)
	}
	w.mux.Handle(w.base+"/auth/", w.app)
	w.mux.Handle(w.base+"/api/orders/", orders)
	w.page("/page", func(rw http.ResponseWriter, r *http.Request) {
		u, ok := weblogin.UserFromContext(r.Context())
		if !ok {
			t.Error("RequireLogin called its handler without a user")
			return
		}
		_, _ = fmt.Fprint(rw, "hello ", u.Subject())
	})
}

func (w *world) page(path string, handler http.HandlerFunc) {
	w.mux.Handle(w.base+path, w.app.RequireLogin(handler))
}

func failed(w http.ResponseWriter, _ *http.Request, _ error) {
	w.WriteHeader(http.StatusInternalServerError)
}

// store is a store whose operations a test can make fail.
type store struct {
	scs.CtxStore

	inner scs.CtxStore // below the sealed store; nil: the entries are not sealed

	mu   sync.Mutex // guards fail
	fail func(operation, name string) error
}

type noCtx struct{ *memstore.MemStore }

func (s noCtx) FindCtx(_ context.Context, name string) (b []byte, found bool, err error) {
	return s.Find(name)
}

func (s noCtx) CommitCtx(_ context.Context, name string, b []byte, end time.Time) error {
	return s.Commit(name, b, end)
}
func (s noCtx) DeleteCtx(_ context.Context, name string) error { return s.Delete(name) }

func (s *store) failing(fail func(operation, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *store) check(operation, name string) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(operation, name)
}

func (s *store) FindCtx(ctx context.Context, name string) (b []byte, found bool, err error) {
	if err := s.check("find", name); err != nil {
		return nil, false, err
	}
	return s.CtxStore.FindCtx(ctx, name)
}

func (s *store) CommitCtx(ctx context.Context, name string, b []byte, end time.Time) error {
	if err := s.check("commit", name); err != nil {
		return err
	}
	return s.CtxStore.CommitCtx(ctx, name, b, end)
}

func (s *store) DeleteCtx(ctx context.Context, name string) error {
	if err := s.check("delete", name); err != nil {
		return err
	}
	return s.CtxStore.DeleteCtx(ctx, name)
}

func (s *store) All() (map[string][]byte, error) {
	return s.CtxStore.(scs.IterableStore).All() //nolint:forcetypeassert // the tests use no other
}

// names returns the names of entries with a prefix. Without a prefix, it returns the session ids.
func (s *store) names(t testing.TB, prefix string) (names []string) {
	t.Helper()
	all, err := s.All()
	if err != nil {
		t.Fatal(err)
	}
	for name := range all {
		if prefix == "" && !strings.Contains(name, ".") || prefix != "" && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

func (w *world) client(t testing.TB, changes ...func(*client.Config)) *client.Client {
	t.Helper()
	keys, err := jwks.ParseJWKS(w.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	cfg := client.Config{
		Issuer: w.url, ClientID: "web", ClientSecret: "s", Scopes: []string{"openid", "api"}, RedirectURI: w.site + w.base + "/auth/callback",
		Keys: keys, HTTPClient: &http.Client{Transport: w},
		Metadata: &oidcdiscovery.Metadata{
			Issuer: w.url, AuthorizationEndpoint: w.url + "/auth", TokenEndpoint: w.url + "/token", RevocationEndpoint: w.url + "/revoke",
			EndSessionEndpoint: w.url + "/end", IDTokenSigningAlgValuesSupported: []string{"ES256"},
		},
		Algorithms: []string{"ES256"},
	}
	for _, change := range changes {
		change(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// user is a browser that does not follow redirects.
type user struct {
	*http.Client

	t    testing.TB
	site *url.URL
}

func (w *world) user(t testing.TB) user {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	site, err := url.Parse(w.site)
	if err != nil {
		t.Fatal(err)
	}
	return user{&http.Client{
		Transport: w.transfer, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, t, site}
}

type page struct {
	*http.Response

	text string
}

// do sends a request as a page of the same origin would.
func (u user) do(method, path string, change func(*http.Request)) page {
	u.t.Helper()
	r, err := http.NewRequestWithContext(u.t.Context(), method, u.site.String()+path, http.NoBody)
	if err != nil {
		u.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if change != nil {
		change(r)
	}
	resp, err := u.Do(r)
	if err != nil {
		u.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if all := string(text) + fmt.Sprint(resp.Header); strings.Contains(all, "secret-") {
		u.t.Errorf("%s %s: the response contains a token", method, path)
	}
	return page{resp, string(text)}
}

// begin opens the login, and returns the URL to which the provider would redirect the user.
func (w *world) begin(u user, returnTo string) string {
	u.t.Helper()
	p := u.do(http.MethodGet, w.base+"/auth/login?"+url.Values{"return_to": {returnTo}}.Encode(), nil)
	to, err := p.Location()
	if err != nil || p.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), w.url+"/auth?") {
		u.t.Fatal(p.Status, err)
	}
	code := client.RandomValue(8)
	w.mu.Lock()
	w.nonces[code] = to.Query().Get("nonce")
	w.mu.Unlock()
	return w.base + "/auth/callback?" + url.Values{"state": {to.Query().Get("state")}, "code": {code}}.Encode()
}

func (w *world) signIn(u user) {
	u.t.Helper()
	if p := u.do(http.MethodGet, w.begin(u, "/page"), nil); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/page" {
		u.t.Fatal(p.Status, p.text)
	}
}

func (u user) cookie() string {
	for _, c := range u.Jar.Cookies(u.site) {
		if c.Name == "__Host-session" {
			return c.Value
		}
	}
	return ""
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	if p := u.do(http.MethodGet, "/page?q=1", func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }); p.Header.Get("Location") != "/auth/login?return_to=%2Fpage%3Fq%3D1" {
		t.Error(p.Status, p.Header)
	}
	if p := u.do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusUnauthorized {
		t.Error(p.Status)
	}
	w.signIn(u)
	if p := u.do(http.MethodGet, "/page", nil); p.text != "hello alice" || p.Header.Get("Cache-Control") != "no-store" {
		t.Error(p.Status, p.text)
	}
	var status struct {
		SignedIn bool           `json:"signed_in"`
		Scopes   []string       `json:"scopes"`
		Claims   map[string]any `json:"claims"`
		Expires  time.Time      `json:"expires_at"`
	}
	if err := json.Unmarshal([]byte(u.do(http.MethodGet, "/auth/session", nil).text), &status); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"sub": "alice", "name": "Alice"}, status.Claims); diff != "" || !status.SignedIn || len(status.Scopes) != 2 || status.Expires.IsZero() {
		t.Error(diff, status)
	}
	if p := u.do(http.MethodGet, "/api/orders/7?x=1", nil); p.text != "orders" {
		t.Error(p.Status, p.text)
	}
	if r := w.seen[0]; r.URL.String() != "/v1/7?x=1" || r.Header.Get("Authorization") != "Bearer secret-at0" || r.Header.Get("Cookie") != "" {
		t.Error(r.URL, r.Header)
	}
	if p := u.do(http.MethodPost, "/auth/refresh", nil); p.StatusCode != http.StatusOK || w.rotated != 1 {
		t.Error(p.Status, w.rotated)
	}
	p := u.do(http.MethodPost, "/auth/logout", nil)
	to, err := p.Location()
	if err != nil || to.Query().Get("id_token_hint") == "" || to.Path != "/end" {
		t.Error(p.Status, to)
	}
	if diff := cmp.Diff([]string{"secret-rt1"}, w.revoked); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"/page", "/api/orders/7"} {
		if p := u.do(http.MethodGet, path, nil); p.StatusCode != http.StatusUnauthorized {
			t.Error(path, p.Status)
		}
	}
	if p := u.do(http.MethodPost, "/auth/logout", nil); p.Header.Get("Location") != "/bye" {
		t.Error(p.Status, p.Header)
	}
}

func TestC14_Callback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, mallory := w.user(t), w.user(t)
	one, two := w.begin(u, "/one"), w.begin(u, "/two") // two tabs
	for name, test := range map[string]struct {
		who  user
		path string
	}{
		"another browser": {mallory, one},
		"another state":   {u, "/auth/callback?state=x&code=y"},
		"no state":        {u, "/auth/callback?code=y"},
	} {
		if p := test.who.do(http.MethodGet, test.path, nil); p.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, p.Status)
		}
	}
	before := u.cookie()
	for path, want := range map[string]string{two: "/two", one: "/one"} {
		if p := u.do(http.MethodGet, path, nil); p.Header.Get("Location") != want {
			t.Error(p.Status, p.Header)
		}
		asked := w.asked
		if p := u.do(http.MethodGet, path, nil); p.Header.Get("Location") != "/" || w.asked != asked || len(w.revoked) != 0 { // replayed
			t.Error(p.Status, p.Header)
		}
		if u.cookie() == before {
			t.Error("the session has the id from before the sign-in")
		}
		before = u.cookie()
	}
	denied := strings.Replace(w.begin(u, "/"), "code=", "error=access_denied&x=", 1)
	if p := u.do(http.MethodGet, denied, nil); p.StatusCode != http.StatusForbidden || strings.Contains(p.text, "denied") {
		t.Error(p.Status, p.text)
	}
}

// Ten requests of one session share one refresh, because the refresh token works only once.
func TestC28_OneRefreshASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.let(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer secret-at0" {
			rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			rw.WriteHeader(http.StatusUnauthorized)
		}
	})
	var tabs sync.WaitGroup
	for range 10 {
		tabs.Go(func() {
			if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusOK {
				t.Error(p.Status)
			}
		})
	}
	tabs.Wait()
	if w.rotated != 1 {
		t.Errorf("%d refreshes, expected 1", w.rotated)
	}
	w.mu.Lock()
	w.rotated = 100 // the server has forgotten the session
	w.mu.Unlock()
	if p := u.do(http.MethodPost, "/auth/refresh", nil); p.StatusCode != http.StatusUnauthorized {
		t.Error(p.Status)
	}
}
