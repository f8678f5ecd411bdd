package weblogin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// An ID token that is too long for a URL is not sent as a hint. The logout at the server works without it.
func TestCaseW12_LongIDToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bytes int // of one claim
		hint  bool
	}{
		"short": {10, true}, "4 KiB": {4 << 10, true}, "8 KiB": {8 << 10, false}, "18 KiB": {18 << 10, false}, "40 KiB": {40 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.PostLogoutRedirectURI = "https://app.test/bye" })
			w.claims = map[string]any{"groups": strings.Repeat("x", test.bytes)}
			u := w.user(t)
			w.signIn(u)
			p := u.do(http.MethodPost, "/auth/logout", nil)
			to, err := p.Location()
			if err != nil || to.Path != "/end" || to.Query().Get("client_id") != "web" || to.Query().Get("post_logout_redirect_uri") == "" {
				t.Fatal(p.Status, to, err)
			}
			if to.Query().Has("id_token_hint") != test.hint || len(to.String()) > 8000 {
				t.Errorf("the URL has %d bytes, and a hint: %t", len(to.String()), to.Query().Has("id_token_hint"))
			}
			if u.signedIn() || len(w.revoked) != 1 {
				t.Error("not signed out", w.revoked)
			}
		})
	}
}

// The longest URL with a hint has 8000 bytes.
func TestCaseW12_Bound(t *testing.T) {
	t.Parallel()
	longest, shortest := 0, 1<<20 // with and without the hint
	for size := 5560; size < 5700; size += 5 {
		w := newLocalWorld(t)
		w.claims = map[string]any{"groups": strings.Repeat("x", size)}
		u := w.user(t)
		w.signIn(u)
		to := u.do(http.MethodPost, "/auth/logout", nil).Header.Get("Location")
		if strings.Contains(to, "id_token_hint") {
			longest = max(longest, len(to))
			continue
		}
		shortest = min(shortest, size)
	}
	if longest > 8000 || longest < 7980 || shortest == 1<<20 {
		t.Errorf("the longest URL with a hint has %d bytes; it is omitted from a claim of %d bytes on", longest, shortest)
	}
}

// Servers whose logout has other parameters. No token is in these URLs.
func TestCaseW13_LogoutURL(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]string{
		"Cognito": "https://shop.auth.eu.test/logout?client_id=web&logout_uri=https%3A%2F%2Fapp.test%2Fbye",
		"Auth0":   "https://shop.eu.test/v2/logout?client_id=web&returnTo=https%3A%2F%2Fapp.test%2Fbye",
		"plain":   "https://login.test/signout",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, idToken := range []bool{true, false} {
				w := newLocalWorld(t, func(cfg *weblogin.Config) {
					cfg.LogoutURL = place
					if !idToken {
						cfg.Authorization.Scopes = []string{"api"}
					}
				})
				w.noIDToken = !idToken
				u := w.user(t)
				w.signIn(u)
				if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != place || u.signedIn() || len(w.revoked) != 1 {
					t.Error(p.Status, p.Header)
				}
				if p := u.do(http.MethodPost, "/auth/logout", nil); p.Header.Get("Location") != "/bye" { // nobody is signed in
					t.Error(p.Header)
				}
			}
		})
	}
}

func TestCaseW13_WrongLogoutURL(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for name, cfg := range map[string]weblogin.Config{
		"a path":     {LogoutURL: "/logout"},
		"a script":   {LogoutURL: "javascript:alert(1)"},
		"plain http": {LogoutURL: "http://login.test/logout"},
		"a user":     {LogoutURL: "https://a:b@login.test/logout"},
		"a fragment": {LogoutURL: "https://login.test/logout#"},
		"no host":    {LogoutURL: "https:///logout"},
		"both":       {LogoutURL: "https://login.test/logout", PostLogoutRedirectURI: "https://app.test/"},
	} {
		cfg.Client, cfg.Sessions = w.client(t), scs.New()
		if _, err := weblogin.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.LogoutURL") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := w.client(t, func(cfg *client.Config) { cfg.RedirectURI = "http://127.0.0.1:80/auth/callback" })
	if _, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New(), LogoutURL: "http://127.0.0.1/logout", InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
}

// New compares the redirect URI with the callback, and the error names both.
func TestCaseW14_RedirectURI(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for _, test := range []struct {
		redirect, prefix, mode string
		ok                     bool
	}{
		{"https://app.test/auth/callback", "", "", true},
		{"https://app.test/auth/callback", "/auth/", "form_post", true},
		{"https://app.test/login/callback", "/login/", "", true},
		{"https://app.test/callback", "/", "", true},
		{"https://app.test/auth/callback?tenant=1", "", "", true},
		{"https://app.test/auth/callback/", "", "", false},
		{"https://app.test/auth/Callback", "", "", false},
		{"https://app.test/AUTH/callback", "", "", false},
		{"https://app.test//auth/callback", "", "", false},
		{"https://app.test/auth//callback", "", "", false},
		{"https://app.test/auth/callback2", "", "", false},
		{"https://app.test/auth/../auth/callback", "", "", false},
		{"https://app.test/x/auth/callback", "", "", false},
		{"https://app.test/auth/callback", "/login/", "", false},
		{"https://app.test/auth/callback", "/", "form_post", false},
		{"https://app.test", "", "", false},
		{"https://app.test/", "/", "", false},
		{"https://app.test/?/auth/callback", "", "", false},
	} {
		for _, replaced := range []bool{false, true} {
			cfg := weblogin.Config{Sessions: scs.New(), Prefix: test.prefix, Authorization: client.AuthorizationOptions{ResponseMode: test.mode}}
			field := "Config.Client.RedirectURI"
			cfg.Client = w.client(t, func(cfg *client.Config) { cfg.RedirectURI = test.redirect })
			if replaced {
				field, cfg.Authorization.RedirectURI = "Config.Authorization.RedirectURI", test.redirect
				cfg.Client = w.client(t)
			}
			_, err := weblogin.New(cfg)
			if (err == nil) != test.ok {
				t.Errorf("%v: %v", test, err)
			}
			if test.ok || err == nil {
				continue
			}
			prefix := test.prefix
			if prefix == "" {
				prefix = "/auth/"
			}
			for _, part := range []string{field, test.redirect, prefix + "callback", "Config.Prefix"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %s", err, part)
				}
			}
		}
	}
}
