package interop_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/chromedp/chromedp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const (
	loginAPI = "https://api.example" // the audience of the API, which oidcprovider/client.mjs knows

	consentForm = "form:has(input[value=consent])"
)

// loginSite is a web application at http://localhost, for users of providers at http://127.0.0.1. For a browser these are
// two sites, so it treats them like an application and a provider with different domains.
type loginSite struct {
	url string
	mux *http.ServeMux

	mu       sync.Mutex // guards requests
	requests []*http.Request
}

func startLoginSite(t *testing.T) *loginSite {
	t.Helper()
	s := &loginSite{mux: http.NewServeMux()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Clone(r.Context()))
		s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://localhost:" + port
	return s
}

// callbacks returns the requests for the callbacks so far.
func (s *loginSite) callbacks() (all []*http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.HasSuffix(r.URL.Path, "/callback") {
			all = append(all, r)
		}
	}
	return all
}

// addApp adds an App below base, with a page for signed-in users and an API that accepts only tokens of p.
func (s *loginSite) addApp(t *testing.T, p *oidcProvider, base string, sessions *scs.SessionManager, o client.AuthorizationOptions) {
	t.Helper()
	id, secret := registerLogin(t, p, s.url+base)
	c, err := client.New(client.Config{
		Issuer: p.issuer, ClientID: id, ClientSecret: secret, RedirectURI: s.url + base + "/auth/callback",
		Scopes: []string{"openid", "offline_access", "api:read"}, Resource: []string{loginAPI},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Prompt = []string{"consent"} // without it, oidc-provider issues no refresh token
	app, err := weblogin.New(weblogin.Config{
		Client: c, Sessions: sessions, Prefix: base + "/auth/", AfterLogin: base + "/", AfterLogout: "/public", Authorization: o, InsecureHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{Issuer: p.issuer, Audience: []string{loginAPI}})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(netHTTP(guard, middleware.Scopes("api:read")))
	t.Cleanup(api.Close)
	proxy, err := app.Proxy(base+"/api/", api.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	s.mux.Handle(base+"/auth/", app)
	s.mux.Handle(base+"/api/", proxy)
	s.mux.Handle(base+"/", app.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := weblogin.UserFromContext(r.Context())
		if !ok {
			http.Error(w, "no user", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><p id="who">%s at %s</p><form id="logout" method="post" action="%s/auth/logout"><button>Sign out</button></form>`,
			u.Subject(), u.Claims()["iss"], base)
	})))
}

func registerLogin(t *testing.T, p *oidcProvider, app string) (id, secret string) {
	t.Helper()
	return register(t, p, map[string]any{
		"redirect_uris": []string{app + "/auth/callback"}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "scope": "openid offline_access api:read",
	})
}

// signIn opens a page, signs alice in at the provider, and waits for the page.
func (b tab) signIn(t *testing.T, page string) {
	t.Helper()
	b.open(t, page, "input[name=login]")
	b.fill(t, "input[name=login]", "alice")
	b.fill(t, "input[name=password]", "any")
	b.click(t, "button[type=submit]", consentForm)
	b.click(t, consentForm+" button", "#who")
}

// fetch sends a request as a script of the page does, and returns the status and the body.
func (b tab) fetch(t *testing.T, method, path string) string {
	t.Helper()
	script := fmt.Sprintf(`fetch(%q, {method: %q}).then(async r => r.status + " " + await r.text())`, path, method)
	said, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return said
}

// The provider's page posts the response to the application. The browser does not send the application's cookies with that
// request, but it does with the form of the page that the application returns.
func TestCaseW8_BrowserFormPost(t *testing.T) {
	t.Parallel()
	chromium := findChromium(t)
	p, site := startScript(t, "client.mjs"), startLoginSite(t)
	site.addApp(t, p, "", scs.New(), client.AuthorizationOptions{ResponseMode: "form_post"})
	tab := startChromium(t, chromium)

	// Nobody is signed in: a bookmarked callback shows what to do, and its link starts a sign-in.
	tab.open(t, site.url+"/auth/callback", "a#login")
	tab.shows(t, "h1", "The sign-in did not work")
	tab.shows(t, "p", "allow cookies")
	tab.click(t, "a#login", "input[name=login]")

	before := len(site.callbacks())
	tab.signIn(t, site.url+"/?page=7")
	tab.shows(t, "#who", "alice at "+p.issuer)
	address, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string]("location.href"))
	if err != nil || address != site.url+"/?page=7" {
		t.Error(address, err)
	}
	posts := site.callbacks()[before:]
	if len(posts) != 2 {
		t.Fatalf("%d requests for the callback, expected 2", len(posts))
	}
	for i, want := range []struct {
		site    string
		cookies bool
	}{{"cross-site", false}, {"same-origin", true}} {
		r := posts[i]
		if r.Method != http.MethodPost || r.URL.RawQuery != "" || r.Header.Get("Sec-Fetch-Site") != want.site || (len(r.Cookies()) > 0) != want.cookies {
			t.Errorf("request %d: %s %s, Sec-Fetch-Site %s, %d cookies", i, r.Method, r.URL, r.Header.Get("Sec-Fetch-Site"), len(r.Cookies()))
		}
	}
	if got := tab.fetch(t, http.MethodGet, "/api/orders"); got != "200 alice" {
		t.Error(got)
	}

	// A stale callback leads a signed-in user to the application.
	tab.open(t, site.url+"/auth/callback?state=x&code=y", "#who")
	tab.click(t, "#logout button", "h1") // on a page of the provider; the App has ended its login by then
	tab.open(t, site.url+"/auth/callback?state=x&code=y", "a#login")
}

// Two Apps for two providers share one session. Each uses its own login, token and refresh token.
func TestCaseS1_BrowserTwoApps(t *testing.T) {
	t.Parallel()
	chromium := findChromium(t)
	one, two, site := startScript(t, "client.mjs"), startScript(t, "client.mjs"), startLoginSite(t)
	sessions := scs.New()
	site.addApp(t, one, "/a", sessions, client.AuthorizationOptions{})
	site.addApp(t, two, "/b", sessions, client.AuthorizationOptions{ResponseMode: "form_post"})
	tab := startChromium(t, chromium)

	tab.signIn(t, site.url+"/a/")
	tab.shows(t, "#who", "alice at "+one.issuer)
	if got := tab.fetch(t, http.MethodGet, "/b/api/orders"); !strings.HasPrefix(got, "401 ") {
		t.Error("a login at one provider counts for the other:", got)
	}
	tab.signIn(t, site.url+"/b/")
	tab.shows(t, "#who", "alice at "+two.issuer)
	tab.open(t, site.url+"/a/", "#who")
	tab.shows(t, "#who", "alice at "+one.issuer)
	for _, base := range []string{"/a", "/b"} {
		if got := tab.fetch(t, http.MethodPost, base+"/auth/refresh"); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, `"signed_in":true`) {
			t.Error(base, got)
		}
		if got := tab.fetch(t, http.MethodGet, base+"/api/orders"); got != "200 alice" {
			t.Error(base, got)
		}
	}
	tab.click(t, "#logout button", "h1") // on a page of the provider; the App has ended its login by then
	tab.open(t, site.url+"/b/", "#who")
	tab.shows(t, "#who", "alice at "+two.issuer)
	if got := tab.fetch(t, http.MethodGet, "/a/api/orders"); !strings.HasPrefix(got, "401 ") {
		t.Error("signed in after the logout:", got)
	}
	if got := tab.fetch(t, http.MethodGet, "/b/api/orders"); got != "200 alice" {
		t.Error(got)
	}
}
