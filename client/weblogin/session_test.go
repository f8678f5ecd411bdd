package weblogin_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

func TestReturnToIsLocal(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for _, to := range []string{
		"https://evil.test/", "//evil.test/", "/\\evil.test", "/\t/evil.test", "\\\\evil.test", "javascript:x", "page", "/%2f/x\n", "/\\/evil.test", "",
		"/%2f/evil.test", "/%5cevil.test", "/%09/evil.test", "/a\x00b", "/a%0d%0ab", "/a\u0085b", "///evil.test", "http:/evil.test", " /page", "/%zz",
		"/page?a=\\evil.test", "/auth/login", "/auth/login?return_to=/page", "/auth/callback?code=x", "/" + strings.Repeat("x", 1024),
	} {
		u := w.user(t)
		if p := u.do(http.MethodGet, w.begin(u, to), nil); p.Header.Get("Location") != "/" {
			t.Errorf("%q: %s", to, p.Header.Get("Location"))
		}
	}
	for _, to := range []string{"/page", "/a/b?c=https://x.test/&d=%2f#e", "/auth/session"} {
		u := w.user(t)
		p := u.do(http.MethodGet, w.begin(u, to), nil)
		got, err := p.Location()
		want, _ := url.Parse(w.site + to)
		if err != nil || got.String() != want.String() {
			t.Errorf("%q: %s", to, p.Header.Get("Location"))
		}
	}
}

// A page of another site can load the login in a hundred frames, but this sets no cookies.
func TestLoginIsTopLevel(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for name, headers := range map[string][2]string{
		"a frame": {"navigate", "iframe"}, "an image": {"no-cors", "image"}, "a script": {"cors", "empty"}, "an object": {"navigate", "object"},
	} {
		p := w.user(t).do(http.MethodGet, "/auth/login", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", headers[0])
			r.Header.Set("Sec-Fetch-Dest", headers[1])
		})
		if p.StatusCode != http.StatusForbidden || len(p.Cookies()) != 0 {
			t.Errorf("%s: %s", name, p.Status)
		}
	}
	p := w.user(t).do(http.MethodGet, "/auth/login", func(r *http.Request) { // a link on another site
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
	})
	if p.StatusCode != http.StatusSeeOther || len(p.Cookies()) != 1 {
		t.Error(p.Status)
	}
}

// A browser that begins many sign-ins keeps a few of them, and the server stores none.
func TestSignInsUnderWay(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	first := w.begin(u, "/page")
	for range 30 {
		w.begin(u, "/"+strings.Repeat("x", 1023))
		size := 0
		for _, c := range u.Jar.Cookies(u.site) {
			size += len(c.String())
		}
		if size > 16<<10 {
			t.Fatalf("the cookies have %d octets", size)
		}
	}
	if all, err := w.store.All(); err != nil || len(all) != 0 {
		t.Error(len(all), err)
	}
	if p := u.do(http.MethodGet, first, nil); p.StatusCode != http.StatusBadRequest {
		t.Error(p.Status)
	}
	w.signIn(u)
}

func TestCookies(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	pending := u.do(http.MethodGet, "/auth/login", nil).Cookies()
	session := u.do(http.MethodGet, w.begin(u, "/"), nil).Cookies()
	seen := 0
	for _, c := range append(pending, session...) {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			t.Error(c)
		}
		if strings.Contains(c.Value, "alice") || c.MaxAge == 0 && strings.Contains(c.Name, "signin") {
			t.Error(c)
		}
		seen++
	}
	if seen != 3 { // a sign-in that begins, one that ends, and the session
		t.Error(seen)
	}
}

// Responses are not cached, and URLs are not sent to other origins.
func TestResponsesAreNotCached(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	for _, request := range []string{
		"GET /auth/session", "GET /auth/login", "GET /auth/callback", "POST /auth/refresh", "GET /auth/refresh", "GET /auth/none", "GET /page",
		"GET /api/orders/1", "POST /auth/backchannel-logout", "POST /auth/logout", "GET /auth/session", "GET /api/orders/1", "GET /page",
	} {
		method, path, _ := strings.Cut(request, " ")
		p := u.do(method, path, nil)
		if p.Header.Values("Cache-Control")[0] != "no-store" {
			t.Errorf("%s: %s %s", request, p.Status, p.Header)
		}
		if strings.HasPrefix(path, "/auth/") && (p.Header.Get("Referrer-Policy") != "no-referrer" || p.Header.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: %s", request, p.Header)
		}
	}
}

// A page of another site can make a browser send its cookies. The requests are rejected.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	changes := map[string]func(*http.Request){
		"cross-site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"another origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.test") },
		"no origin":      func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "null") },
		"says nothing":   func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") },
	}
	for _, path := range []string{"/auth/logout", "/auth/refresh", "/api/orders/1", "/page"} {
		for name, change := range changes {
			if p := u.do(http.MethodPost, path, change); p.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %s", path, name, p.Status)
			}
		}
	}
	for _, path := range []string{"/api/orders/1", "/auth/session"} {
		for _, name := range []string{"cross-site", "same-site"} {
			if p := u.do(http.MethodGet, path, changes[name]); p.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", path, p.Status)
			}
		}
	}
	if p := u.do(http.MethodGet, "/page", changes["cross-site"]); p.StatusCode != http.StatusOK { // a link
		t.Error(p.Status)
	}
	if p := u.do(http.MethodGet, "/auth/logout", nil); p.StatusCode != http.StatusMethodNotAllowed {
		t.Error(p.Status)
	}
	own := func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", w.site) }
	if len(w.seen) != 0 || w.rotated != 0 || !u.signedIn() {
		t.Error("a rejected request had an effect")
	}
	if p := u.do(http.MethodPost, "/api/orders/1", own); p.StatusCode != http.StatusOK { // an older browser
		t.Error(p.Status)
	}
}

// While the store fails, no user is treated as signed in. Afterwards, all users are still signed in.
func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	for name, fail := range map[string]func(name string) bool{
		"all of it": func(string) bool { return true }, "what has ended": func(name string) bool { return strings.HasPrefix(name, "ended.") },
		"what is gone": func(name string) bool { return strings.HasPrefix(name, "gone.") },
	} {
		w.store.failing(func(_, name string) error { return failsOn(fail(name)) })
		for _, request := range []string{"GET /page", "GET /auth/session", "POST /auth/refresh", "GET /api/orders/1"} {
			method, path, _ := strings.Cut(request, " ")
			p := u.do(method, path, func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") })
			if p.StatusCode != http.StatusServiceUnavailable || strings.Contains(p.text, "disk") || strings.Contains(p.text, "store") {
				t.Errorf("%s, %s: %s, %s", name, request, p.Status, p.text)
			}
		}
	}
	w.store.failing(nil)
	if !u.signedIn() || len(w.seen) != 0 {
		t.Error("a rejected request had an effect")
	}
}

// If the provider cannot be reached, the user learns no details. The log has them.
func TestLoginWithoutServer(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		c, err := client.New(client.Config{
			Issuer: issuer, ClientID: "web", ClientSecret: "s", Scopes: []string{"openid"}, RedirectURI: "https://app.test/auth/callback",
			HTTPClient: &http.Client{Transport: away{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Client, cfg.Logger = c, slog.New(slog.NewTextHandler(&said, nil))
	})
	u := w.user(t)
	p := u.do(http.MethodGet, "/auth/login", nil)
	if p.StatusCode != http.StatusServiceUnavailable || len(p.Cookies()) != 0 || strings.Contains(p.text, "10.0.0.7") || !strings.Contains(p.text, "try again") {
		t.Error(p.Status, p.text)
	}
	if !strings.Contains(said.String(), "10.0.0.7") {
		t.Error("the log does not name the cause:", said.String())
	}
}

type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("no route to 10.0.0.7: %w", context.DeadlineExceeded)
}

// If the exchange fails, the old session remains, and the user can sign in again.
func TestCallbackWithoutServer(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	answer := w.begin(u, "/page")
	w.meanwhile(func(*http.Request) error { return context.DeadlineExceeded })
	if p := u.do(http.MethodGet, answer, nil); p.StatusCode != http.StatusServiceUnavailable || !u.signedIn() {
		t.Error(p.Status, p.text)
	}
	w.meanwhile(nil)
	w.signIn(u)
}

// Iterate finds the sessions, and no other entries of the store.
func TestIterate(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u, other := w.user(t), w.user(t)
	w.signIn(u)
	w.signIn(other)
	u.do(http.MethodPost, "/auth/logout", nil)
	var ids []string
	if err := w.cfg.Sessions.Iterate(t.Context(), func(ctx context.Context) error {
		ids = append(ids, w.cfg.Sessions.Token(ctx))
		return nil
	}); err != nil || len(ids) != 1 || ids[0] != other.cookie() {
		t.Error(ids, err)
	}
}

// Stores without contexts work, and so do hashed session ids.
func TestPlainStore(t *testing.T) {
	t.Parallel()
	for _, hashed := range []bool{false, true} {
		w := newLocalWorld(t, func(cfg *weblogin.Config) {
			cfg.Sessions.Store = plain{cfg.Sessions.Store}
			cfg.Sessions.HashTokenInStore = hashed
		})
		u := w.user(t)
		w.signIn(u)
		id := u.cookie()
		if !u.signedIn() {
			t.Error("not signed in after the sign-in")
		}
		u.do(http.MethodPost, "/auth/logout", nil)
		if w.with(t, id).signedIn() || len(w.store.names(t, "token.")) != 0 {
			t.Error("signed in after the logout")
		}
		if err := w.cfg.Sessions.Iterate(t.Context(), func(context.Context) error { return nil }); err == nil {
			t.Error("a store that cannot list its entries was listed")
		}
	}
}

type plain struct{ scs.Store }

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.Key = []byte("secret-key-secret-key-secret-key")
		cfg.Logger = slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	w.page("/user", func(rw http.ResponseWriter, r *http.Request) {
		u, _ := weblogin.UserFromContext(r.Context())
		for _, value := range []any{u, *u} {
			_, _ = fmt.Fprintf(rw, "%v %+v %#v %s %x", value, value, value, value, value)
			w.cfg.Logger.InfoContext(r.Context(), "user", slog.Any("user", value))
		}
	})
	u := w.user(t)
	w.signIn(u)
	text := u.do(http.MethodGet, "/user", nil).text
	for _, value := range []any{w.cfg, &w.cfg, w.app, *u.Client} {
		text += fmt.Sprintf("%v %+v %#v %s", value, value, value, value)
	}
	for _, value := range []any{w.cfg, &w.cfg, w.app} {
		w.cfg.Logger.Info("value", slog.Any("value", value))
	}
	w.meanwhile(func(*http.Request) error { return errDisk })
	u.do(http.MethodPost, "/auth/refresh", nil)
	u.do(http.MethodPost, "/auth/logout", nil)
	u.do(http.MethodGet, "/auth/callback?code=secret-code&state=secret-state", nil)
	for _, secret := range []string{"secret-", "alice", "Alice", hex.EncodeToString([]byte("secret-key")), "115 101 99 114 101 116", "eyJ"} {
		if strings.Contains(text+said.String(), secret) {
			t.Errorf("%q was printed: %s\n%s", secret, text, said.String())
		}
	}
	if !strings.Contains(said.String(), "not revoked") {
		t.Error(said.String())
	}
}

func TestStatusShowsConfiguredClaimsOnly(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Claims = []string{"name", "absent"} })
	u := w.user(t)
	read := func() (answer map[string]any) {
		if err := json.NewDecoder(strings.NewReader(u.do(http.MethodGet, "/auth/session", nil).text)).Decode(&answer); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return answer
	}
	if got := read(); len(got) != 1 || got["signed_in"] != false {
		t.Error(got)
	}
	w.signIn(u)
	got := read()
	if fmt.Sprint(got["claims"]) != "map[name:Alice]" || got["signed_in"] != true || got["expires_at"] == nil || len(got) != 4 {
		t.Error(got)
	}
}

// jsonCodec decodes a []byte as a string.
type jsonCodec struct{}

func (jsonCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"deadline": deadline, "values": values})
}

func (jsonCodec) Decode(text []byte) (time.Time, map[string]any, error) {
	var decoded struct {
		Deadline time.Time
		Values   map[string]any
	}
	err := json.Unmarshal(text, &decoded)
	return decoded.Deadline, decoded.Values, err
}

func TestConfig(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	c := func() *client.Client { return w.client(t) }
	at := func(redirect string) *client.Client {
		return w.client(t, func(cfg *client.Config) { cfg.RedirectURI = redirect })
	}
	noLifetime := scs.New()
	noLifetime.Lifetime = 0
	asJSON := scs.New()
	asJSON.Codec = jsonCodec{}
	for name, test := range map[string]struct {
		cfg   weblogin.Config
		field string
	}{
		"nothing":          {weblogin.Config{}, "Client"},
		"key":              {weblogin.Config{Client: c(), Sessions: scs.New(), Key: []byte("short")}, "Key"},
		"after":            {weblogin.Config{Client: c(), Sessions: scs.New(), AfterLogin: "//evil.test"}, "AfterLogin"},
		"after is login":   {weblogin.Config{Client: c(), Sessions: scs.New(), AfterLogin: "/auth/login?x=y"}, "AfterLogin"},
		"after is encoded": {weblogin.Config{Client: c(), Sessions: scs.New(), AfterLogin: "/auth/%6cogin"}, "AfterLogin"},
		"after logout":     {weblogin.Config{Client: c(), Sessions: scs.New(), AfterLogout: "https://evil.test"}, "AfterLogout"},
		"after all":        {weblogin.Config{Client: c(), Sessions: scs.New(), PostLogoutRedirectURI: "/bye"}, "PostLogoutRedirectURI"},
		"prefix":           {weblogin.Config{Client: c(), Sessions: scs.New(), Prefix: "auth"}, "Prefix"},
		"pattern":          {weblogin.Config{Client: c(), Sessions: scs.New(), Prefix: "/{auth}/"}, "Prefix"},
		"no path":          {weblogin.Config{Client: c(), Sessions: scs.New(), Prefix: "/a/../b/"}, "Prefix"},
		"user": {
			weblogin.Config{Client: c(), Sessions: scs.New(), Authorization: client.AuthorizationOptions{Subject: "alice"}},
			"Authorization.Subject",
		},
		"return": {
			weblogin.Config{Client: c(), Sessions: scs.New(), Authorization: client.AuthorizationOptions{ReturnTo: "/x"}},
			"Authorization.ReturnTo",
		},
		"timeout":         {weblogin.Config{Client: c(), Sessions: scs.New(), APITimeout: -1}, "APITimeout"},
		"cookie":          {weblogin.Config{Client: c(), Sessions: scs.New(), ProxyHeaders: []string{"X-Own", "cookie"}}, "ProxyHeaders"},
		"cors":            {weblogin.Config{Client: c(), Sessions: scs.New(), ProxyHeaders: []string{"access-control-allow-origin"}}, "ProxyHeaders"},
		"trailer":         {weblogin.Config{Client: c(), Sessions: scs.New(), ProxyHeaders: []string{"trailer"}}, "ProxyHeaders"},
		"no store":        {weblogin.Config{Client: c(), Sessions: new(scs.SessionManager)}, "Sessions"},
		"another codec":   {weblogin.Config{Client: c(), Sessions: asJSON}, "Sessions.Codec"},
		"no lifetime":     {weblogin.Config{Client: c(), Sessions: noLifetime}, "Sessions.Lifetime"},
		"no redirect":     {weblogin.Config{Client: at(""), Sessions: scs.New()}, "Client.RedirectURI"},
		"another path":    {weblogin.Config{Client: at("https://app.test/callback"), Sessions: scs.New()}, "Client.RedirectURI"},
		"another slash":   {weblogin.Config{Client: at("https://app.test/auth/callback/"), Sessions: scs.New()}, "Client.RedirectURI"},
		"an encoded path": {weblogin.Config{Client: at("https://app.test/auth/%63allback"), Sessions: scs.New()}, "Client.RedirectURI"},
		"no host":         {weblogin.Config{Client: at("/auth/callback"), Sessions: scs.New()}, "Client.RedirectURI"},
		"an app's scheme": {weblogin.Config{Client: at("app://x/auth/callback"), Sessions: scs.New()}, "Client.RedirectURI"},
		"a user":          {weblogin.Config{Client: at("https://a@app.test/auth/callback"), Sessions: scs.New()}, "Client.RedirectURI"},
		"a fragment":      {weblogin.Config{Client: at("https://app.test/auth/callback#x"), Sessions: scs.New()}, "Client.RedirectURI"},
		"plain http":      {weblogin.Config{Client: at("http://app.test/auth/callback"), Sessions: scs.New()}, "Client.RedirectURI"},
		"another prefix":  {weblogin.Config{Client: c(), Sessions: scs.New(), Prefix: "/login/"}, "Client.RedirectURI"},
		"replaced": {
			weblogin.Config{Client: c(), Sessions: scs.New(), Authorization: client.AuthorizationOptions{RedirectURI: "https://app.test/x"}},
			"Authorization.RedirectURI",
		},
	} {
		_, err := weblogin.New(test.cfg)
		if err == nil || !strings.HasPrefix(err.Error(), "weblogin: Config.") || !strings.Contains(err.Error(), "Config."+test.field+" ") {
			t.Errorf("%s: %v, expected an error about %s", name, err, test.field)
		}
	}
	plain := scs.New()
	plain.Cookie.Name, plain.Cookie.Domain = "own", "app.test"
	if _, err := weblogin.New(weblogin.Config{Client: at("http://app.test/callback"), Sessions: plain, InsecureHTTP: true, Prefix: "/"}); err != nil {
		t.Error(err)
	}
	if plain.Cookie.Secure || !strings.HasPrefix(plain.Cookie.Name, "session-") || plain.Cookie.Domain != "" {
		t.Error(plain.Cookie)
	}
	for _, redirect := range []string{"https://app.test/auth/callback?tenant=1", "https://APP.test:443/auth/callback"} {
		if _, err := weblogin.New(weblogin.Config{Client: at(redirect), Sessions: scs.New()}); err != nil {
			t.Errorf("%s: %v", redirect, err)
		}
	}
}

// After each redirect the browser continues with GET (RFC 9700, Section 4.12).
func TestC33_RedirectsAreSeeOther(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	opens := func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }
	for _, request := range []string{"GET /page", "GET /auth/login", "GET " + w.begin(u, "/page"), "POST /auth/logout", "POST /auth/logout"} {
		method, path, _ := strings.Cut(request, " ")
		if p := u.do(method, path, opens); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") == "" {
			t.Errorf("%s: %s", request, p.Status)
		}
	}
}
