package providers

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// browser sends the requests of a user's browser to an App.
type browser struct {
	app http.Handler
	jar *cookiejar.Jar
}

func newBrowser(app http.Handler) browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	return browser{app, jar}
}

// send sends one request. A request of another site has no cookies, because those of the App have the attribute SameSite.
func (b browser) send(t *testing.T, method, path string, form url.Values, fromOtherSite bool) *httptest.ResponseRecorder {
	t.Helper()
	place := "https://shop.example.com" + path
	r := httptest.NewRequestWithContext(t.Context(), method, place, strings.NewReader(form.Encode()))
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !fromOtherSite {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, cookie := range b.jar.Cookies(r.URL) {
			r.AddCookie(cookie)
		}
	}
	w := httptest.NewRecorder()
	b.app.ServeHTTP(w, r)
	set := http.Response{Header: w.Header()}
	b.jar.SetCookies(r.URL, set.Cookies())
	return w
}

// hiddenField matches a field of the form that the App sends again.
var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// callback brings the parameters of the server to the App: in the URL, or as a form that a page of the server sends.
func (b browser) callback(t *testing.T, params url.Values, isPosted bool) *httptest.ResponseRecorder {
	t.Helper()
	if !isPosted {
		return b.send(t, http.MethodGet, "/auth/callback?"+params.Encode(), nil, false)
	}
	page := b.send(t, http.MethodPost, "/auth/callback", params, true).Body.String()
	form := make(url.Values)
	for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	return b.send(t, http.MethodPost, "/auth/callback", form, false)
}

// runApp signs the user in and out of a web application.
func (s signIn) runApp(t *testing.T, server *script) {
	t.Helper()
	c, err := s.make(clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	make := s.app
	if make == nil {
		make = func(c *client.Client) (*weblogin.App, error) {
			return weblogin.New(weblogin.Config{Client: c, Sessions: scs.New(), Authorization: s.options})
		}
	}
	app, err := make(c)
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(app)
	login := b.send(t, http.MethodGet, "/auth/login", nil, false)
	params := server.visit(t, login.Header().Get("Location"))
	params.Del("code")
	params.Set("error", server.declined)
	if got := b.callback(t, params, s.options.ResponseMode == "form_post"); got.Code != http.StatusForbidden {
		t.Errorf("if the user declines, the App responds with %d, want 403", got.Code)
	}
	login = b.send(t, http.MethodGet, "/auth/login?return_to=/orders", nil, false)
	params = server.visit(t, login.Header().Get("Location"))
	signedIn := b.callback(t, params, s.options.ResponseMode == "form_post")
	if to := signedIn.Header().Get("Location"); signedIn.Code != http.StatusSeeOther || to != "/orders" {
		t.Fatalf("after the sign-in the App responds with %d to %q: %s", signedIn.Code, to, signedIn.Body)
	}
	session := b.send(t, http.MethodGet, "/auth/session", nil, false)
	if text := session.Body.String(); session.Code != http.StatusOK || s.user != "" && !strings.Contains(text, `"sub":"`+s.user+`"`) {
		t.Errorf("the session is %d %s", session.Code, text)
	}
	logout := b.send(t, http.MethodPost, "/auth/logout", nil, false)
	to := logout.Header().Get("Location")
	switch {
	case s.logout != "":
		if to != s.logout {
			t.Errorf("the logout leads to %q, want %q", to, s.logout)
		}
	case server.logout != "":
		if !strings.HasPrefix(to, server.logout+"?") || !strings.Contains(to, "id_token_hint=") {
			t.Errorf("the logout leads to %q, want %s with an ID token", to, server.logout)
		}
	case to != "/":
		t.Errorf("the logout leads to %q, want the application", to)
	}
	if server.revoke != "" && server.refresh+server.access != "" {
		t.Error("the logout has not revoked the token")
	}
}
