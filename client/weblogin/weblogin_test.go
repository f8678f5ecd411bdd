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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const issuer = "https://login.test"

// world is a provider, an application behind TLS, an API, and one user's browser.
type world struct {
	issuer *bearertest.Issuer
	app    *weblogin.App
	site   *httptest.Server
	api    *httptest.Server

	mu      sync.Mutex // guards what follows
	nonces  map[string]string
	rotated int
	revoked []string
	seen    []*http.Request // by the API
	apiSays func(w http.ResponseWriter, r *http.Request)
}

// RoundTrip is the provider's token and revocation endpoint.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.ParseForm()
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := httptest.NewRecorder()
	say := func(idToken string, lifetime int) {
		_, _ = fmt.Fprintf(answer, `{"access_token":"secret-at%d","token_type":"Bearer","refresh_token":"secret-rt%d","expires_in":%d,"scope":"openid api","id_token":%q}`,
			w.rotated, w.rotated, lifetime, idToken)
	}
	switch {
	case r.URL.Path == "/revoke":
		w.revoked = append(w.revoked, r.PostForm.Get("token"))
	case r.PostForm.Get("grant_type") == "authorization_code":
		say(w.idToken().Set("nonce", w.nonces[r.PostForm.Get("code")]).Sign(), 3600)
	case r.PostForm.Get("refresh_token") == fmt.Sprintf("secret-rt%d", w.rotated):
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
	return token.Set("client_id", bearertest.Absent).Set("jti", bearertest.Absent).Set("scope", bearertest.Absent).Set("address", "private")
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		issuer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuer, Audience: "web", Algorithms: []string{"ES256"}}),
		nonces: make(map[string]string),
	}
	w.apiSays = func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "orders") }
	w.api = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r.Clone(context.Background()))
		says := w.apiSays
		w.mu.Unlock()
		says(rw, r)
	}))
	t.Cleanup(w.api.Close)
	mux := http.NewServeMux()
	w.site = httptest.NewTLSServer(mux)
	t.Cleanup(w.site.Close)
	cfg := weblogin.Config{
		Client: w.client(t), Sessions: scs.New(), AfterLogout: "/bye", Transport: w.api.Client().Transport,
	}
	var err error
	if w.app, err = weblogin.New(cfg); err != nil {
		t.Fatal(err)
	}
	orders, err := w.app.Proxy("/api/orders/", w.api.URL+"/v1/")
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/auth/", w.app)
	mux.Handle("/api/orders/", orders)
	mux.Handle("/page", w.app.RequireLogin(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		u, _ := weblogin.UserFromContext(r.Context())
		_, _ = fmt.Fprint(rw, "hello ", u.Subject())
	})))
	return w
}

func (w *world) client(t testing.TB) *client.Client {
	t.Helper()
	keys, err := jwks.ParseJWKS(w.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: "web", ClientSecret: "s", Scopes: []string{"openid", "api"}, RedirectURI: w.site.URL + "/auth/callback",
		Keys: keys, HTTPClient: &http.Client{Transport: w},
		Metadata: &oidcdiscovery.Metadata{
			Issuer: issuer, AuthorizationEndpoint: issuer + "/auth", TokenEndpoint: issuer + "/token", RevocationEndpoint: issuer + "/revoke",
			EndSessionEndpoint: issuer + "/end", IDTokenSigningAlgValuesSupported: []string{"ES256"},
		},
		Algorithms: []string{"ES256"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// user is a browser that follows no redirect by itself.
type user struct {
	*http.Client

	t    testing.TB
	site *url.URL
}

func (w *world) user(t testing.TB) user {
	t.Helper()
	c := w.site.Client()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	site, err := url.Parse(w.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	return user{&http.Client{
		Transport: c.Transport, Jar: jar,
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
		u.t.Errorf("%s %s: a token is in the answer", method, path)
	}
	return page{resp, string(text)}
}

// begin goes to the login and returns what the provider would send the user back with.
func (w *world) begin(u user, returnTo string) string {
	u.t.Helper()
	p := u.do(http.MethodGet, "/auth/login?"+url.Values{"return_to": {returnTo}}.Encode(), nil)
	to, err := p.Location()
	if err != nil || p.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), issuer+"/auth?") {
		u.t.Fatal(p.Status, err)
	}
	code := client.RandomValue(8)
	w.mu.Lock()
	w.nonces[code] = to.Query().Get("nonce")
	w.mu.Unlock()
	return "/auth/callback?" + url.Values{"state": {to.Query().Get("state")}, "code": {code}}.Encode()
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
		if p := u.do(http.MethodGet, path, nil); p.StatusCode != http.StatusBadRequest { // replayed
			t.Error(p.Status)
		}
		if u.cookie() == before {
			t.Error("the session is the one from before the sign-in")
		}
		before = u.cookie()
	}
	denied := strings.Replace(w.begin(u, "/"), "code=", "error=access_denied&x=", 1)
	if p := u.do(http.MethodGet, denied, nil); p.StatusCode != http.StatusForbidden || strings.Contains(p.text, "denied") {
		t.Error(p.Status, p.text)
	}
}

func TestReturnToIsLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, to := range []string{
		"https://evil.test/", "//evil.test/", "/\\evil.test", "/\t/evil.test", "\\\\evil.test", "javascript:x", "page", "/%2f/x\n", "/\\/evil.test", "",
	} {
		u := w.user(t)
		if p := u.do(http.MethodGet, w.begin(u, to), nil); p.Header.Get("Location") != "/" {
			t.Errorf("%q: %s", to, p.Header.Get("Location"))
		}
	}
}

// Another site's page can have a browser send its cookies, and gets nothing for it.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	for _, path := range []string{"/auth/logout", "/auth/refresh", "/api/orders/1"} {
		for name, change := range map[string]func(*http.Request){
			"cross-site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"same-site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"another origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.test") },
			"says nothing":   func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") },
		} {
			if p := u.do(http.MethodPost, path, change); p.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %s", path, name, p.Status)
			}
		}
	}
	if p := u.do(http.MethodGet, "/api/orders/1", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); p.StatusCode != http.StatusForbidden {
		t.Error(p.Status)
	}
	if p := u.do(http.MethodGet, "/auth/logout", nil); p.StatusCode != http.StatusMethodNotAllowed {
		t.Error(p.Status)
	}
	if len(w.seen) != 0 || w.rotated != 0 {
		t.Error("something was done")
	}
}

func TestProxyPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	for _, path := range []string{
		"/api/orders/../admin", "/api/orders/%2e%2e/admin", "/api/orders/a%2f..%2fb", "/api/orders/a%5c..%5cb", "/api/orders/..;/admin",
		"/api/orders//evil", "/api/orders/%252e%252e/x", "/api/orders/a%00b", "/api/orders/a%0d%0ab",
	} {
		before := len(w.seen)
		p := u.do(http.MethodGet, path, func(r *http.Request) { r.URL.Opaque = "//" + u.site.Host + path })
		if p.StatusCode < 300 || len(w.seen) != before {
			t.Errorf("%s: %s", path, p.Status)
		}
	}
	for path, want := range map[string]string{"/api/orders/a%20b/ü?q=%2f": "/v1/a%20b/%C3%BC?q=%2f", "/api/orders/": "/v1/"} {
		u.do(http.MethodGet, path, nil)
		if got := w.seen[len(w.seen)-1].URL.String(); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	for name, args := range map[string][2]string{
		"prefix": {"/api", "https://a.test/"}, "upstream": {"/api/", "https://a.test/x"}, "query": {"/api/", "https://a.test/?x"}, "relative": {"/api/", "/x/"},
	} {
		if _, err := w.app.Proxy(args[0], args[1]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.apiSays = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Set-Cookie", "__Host-session=stolen")
		rw.Header().Set("WWW-Authenticate", "Basic")
		rw.Header().Set("Access-Control-Allow-Origin", "*")
		rw.Header().Set("X-Total", "3")
		rw.WriteHeader(http.StatusTeapot)
	}
	p := u.do(http.MethodGet, "/api/orders/1", func(r *http.Request) {
		for name, value := range map[string]string{
			"Authorization": "Bearer mine", "DPoP": "x", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-User": "root", "Forwarded": "for=x", "X-Real-Ip": "1",
			"Connection": "X-Secret", "X-Secret": "1", "Proxy-Authorization": "x", "Referer": "https://app/secret", "Te": "trailers", "X-Own": "kept",
		} {
			r.Header.Set(name, value)
		}
	})
	if p.StatusCode != http.StatusTeapot || p.Header.Get("X-Total") != "3" || p.Header.Get("Cache-Control") != "no-store" {
		t.Error(p.Status, p.Header)
	}
	for _, name := range []string{"Set-Cookie", "WWW-Authenticate", "Access-Control-Allow-Origin"} {
		if p.Header.Get(name) != "" {
			t.Errorf("%s came back", name)
		}
	}
	got := w.seen[0].Header
	for name := range got {
		if !slices.Contains([]string{"Authorization", "X-Own", "User-Agent", "Accept-Encoding", "Te"}, name) {
			t.Errorf("%s: %s was sent", name, got.Get(name))
		}
	}
	if got.Get("Authorization") != "Bearer secret-at0" || got.Get("X-Own") != "kept" {
		t.Error(got)
	}
	if p := u.do(http.MethodGet, "/api/orders/1", func(r *http.Request) { r.Header.Set("Upgrade", "websocket"); r.Header.Set("Connection", "Upgrade") }); p.StatusCode != http.StatusNotImplemented {
		t.Error(p.Status)
	}
}

// Two tabs, one refresh token that works once.
func TestC28_OneRefreshASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.apiSays = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer secret-at0" {
			rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			rw.WriteHeader(http.StatusUnauthorized)
		}
	}
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
		t.Errorf("%d refreshes", w.rotated)
	}
	w.mu.Lock()
	w.rotated = 100 // the server has forgotten the session
	w.mu.Unlock()
	if p := u.do(http.MethodPost, "/auth/refresh", nil); p.StatusCode != http.StatusUnauthorized {
		t.Error(p.Status)
	}
}

func TestC31_LoggedOutElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, bystander := w.user(t), w.user(t)
	w.signIn(u)
	w.signIn(bystander)
	send := func(claims map[string]any) int {
		token := w.idToken().Set("jti", client.RandomValue(8)).Set("name", bearertest.Absent).
			Set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})
		for name, value := range claims {
			token.Set(name, value)
		}
		body := url.Values{"logout_token": {token.Sign()}}.Encode()
		return w.user(t).do(http.MethodPost, "/auth/backchannel-logout", func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site") // a server, no browser
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}).StatusCode
	}
	signedIn := func(u user) bool { return u.do(http.MethodGet, "/page", nil).StatusCode == http.StatusOK }
	if status := send(map[string]any{"sid": "another"}); status != http.StatusOK || !signedIn(u) {
		t.Error(status)
	}
	if status := send(map[string]any{"aud": "another"}); status != http.StatusBadRequest || !signedIn(u) {
		t.Error(status)
	}
	if status := send(nil); status != http.StatusOK || signedIn(u) || signedIn(bystander) {
		t.Error(status)
	}
	w.signIn(u)
	if !signedIn(u) {
		t.Error("a session that began later has ended")
	}
	if status := send(map[string]any{"sid": bearertest.Absent}); status != http.StatusOK || signedIn(u) {
		t.Error(status)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c := newWorld(t).client
	for name, cfg := range map[string]weblogin.Config{
		"nothing": {}, "key": {Client: c(t), Sessions: scs.New(), Key: []byte("short")},
		"after":  {Client: c(t), Sessions: scs.New(), AfterLogin: "//evil.test"},
		"prefix": {Client: c(t), Sessions: scs.New(), Prefix: "auth"},
		"mode":   {Client: c(t), Sessions: scs.New(), Authorization: client.AuthorizationOptions{ResponseMode: "form_post"}},
	} {
		if _, err := weblogin.New(cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	plain := scs.New()
	if _, err := weblogin.New(weblogin.Config{Client: c(t), Sessions: plain, InsecureHTTP: true}); err != nil || plain.Cookie.Secure || plain.Cookie.Name != "session" {
		t.Error(err, plain.Cookie)
	}
}
