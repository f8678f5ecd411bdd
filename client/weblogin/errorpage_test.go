package weblogin_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

// The default error page says what the user can do. It repeats nothing that the server or the request says, and its policy
// allows nothing.
func TestErrorPage(t *testing.T) {
	t.Parallel()
	edited := func(w *world, u user, from, to string) string {
		return strings.Replace(w.begin(u, "/pay?a=b&c"), from, to, 1)
	}
	for name, test := range map[string]struct {
		change func(*weblogin.Config)
		path   func(w *world, u user) string
		status int
		text   string
		link   string // to the login
	}{
		"no cookie": {
			path:   func(*world, user) string { return "/auth/callback?state=x&code=y" },
			status: http.StatusBadRequest, text: "allow cookies", link: "/auth/login",
		},
		"another browser": {
			path:   func(w *world, u user) string { w.begin(u, "/"); return "/auth/callback?state=x&code=y" },
			status: http.StatusBadRequest, text: "another browser", link: "/auth/login",
		},
		"not its response": {
			path:   func(w *world, u user) string { return edited(w, u, "code=", "iss=secret-issuer&x=") },
			status: http.StatusBadRequest, text: "does not belong to this sign-in", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"declined": {
			path: func(w *world, u user) string {
				return edited(w, u, "code=", "error=access_denied&error_description=secret-text&x=")
			},
			status: http.StatusForbidden, text: "declined it", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"no user takes part": {
			path:   func(w *world, u user) string { return edited(w, u, "code=", "error=login_required&x=") },
			status: http.StatusForbidden, text: "your input", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"requirements of the server": {
			path: func(w *world, u user) string {
				return edited(w, u, "code=", "error=unmet_authentication_requirements&x=")
			},
			status: http.StatusForbidden, text: "another way to sign in", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"canceled, with a code of the server": {
			path:   func(w *world, u user) string { return edited(w, u, "code=", "error=user_cancelled_authorize&x=") },
			status: http.StatusForbidden, text: "declined it", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"another error": {
			path: func(w *world, u user) string {
				return edited(w, u, "code=", "error=secret-code&error_uri=https://secret-uri.test/&x=")
			},
			status: http.StatusBadGateway, text: "contact the operator", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"the server says unavailable": {
			path:   func(w *world, u user) string { return edited(w, u, "code=", "error=temporarily_unavailable&x=") },
			status: http.StatusServiceUnavailable, text: "cannot be reached", link: "/auth/login?return_to=%2Fpay%3Fa%3Db%26c",
		},
		"unavailable": {
			path: func(w *world, u user) string {
				path := w.begin(u, "/pay")
				w.meanwhile(func(*http.Request) error { return errors.New("secret-network") })
				return path
			},
			status: http.StatusServiceUnavailable, text: "cannot be reached", link: "/auth/login?return_to=%2Fpay",
		},
		"no store": {
			path: func(w *world, u user) string {
				path := w.begin(u, "/pay")
				w.store.failing(func(operation, _ string) error { return failsOn(operation == "commit") })
				return path
			},
			status: http.StatusServiceUnavailable, text: "cannot store", link: "/auth/login?return_to=%2Fpay",
		},
		"not accepted": {
			change: func(cfg *weblogin.Config) {
				cfg.OnSignIn = func(context.Context, *weblogin.SignIn) error { return errors.New("secret-reason") }
			},
			path:   func(w *world, u user) string { return w.begin(u, "/pay") },
			status: http.StatusForbidden, text: "cannot use this application", link: "/auth/login?prompt=login&amp;return_to=%2Fpay",
		},
		"not accepted, no openid": {
			change: func(cfg *weblogin.Config) {
				cfg.Authorization.Scopes = []string{"api"}
				cfg.OnSignIn = func(context.Context, *weblogin.SignIn) error { return errors.New("secret-reason") }
			},
			path:   func(w *world, u user) string { w.noIDToken = true; return w.begin(u, "/pay") },
			status: http.StatusForbidden, text: "cannot use this application", link: "/auth/login?return_to=%2Fpay",
		},
		"another acr": {
			change: func(cfg *weblogin.Config) { cfg.Authorization.ACRValues = []string{"gold"} },
			path:   func(w *world, u user) string { return w.begin(u, "/pay") },
			status: http.StatusForbidden, text: "does not meet the requirements", link: "/auth/login?prompt=login&amp;return_to=%2Fpay",
		},
		"a bad link": {
			change: func(cfg *weblogin.Config) { cfg.LoginParams = []string{"prompt"} },
			path:   func(*world, user) string { return "/auth/login?prompt=secret-%00" },
			status: http.StatusBadRequest, text: "not valid", link: "/auth/login",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, func(cfg *weblogin.Config) {
				if test.change != nil {
					test.change(cfg)
				}
			})
			u := w.user(t)
			p := u.do(http.MethodGet, test.path(w, u), nil)
			link := loginLink.FindStringSubmatch(p.text)
			if p.StatusCode != test.status || !strings.Contains(p.text, test.text) || link == nil || link[1] != test.link {
				t.Fatal(p.Status, link, p.text)
			}
			if !strings.Contains(p.text, `<a id="start" href="/bye">`) || strings.Contains(p.text, "<script") || strings.Contains(p.text, "style=") {
				t.Error(p.text)
			}
			if got := p.Header.Get("Content-Security-Policy"); got != "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" || p.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Error(p.Header)
			}
			w.store.failing(nil)
			w.meanwhile(nil)
			if p := u.do(http.MethodGet, html.UnescapeString(link[1]), nil); p.StatusCode != http.StatusSeeOther {
				t.Error("the link does not start a sign-in:", p.Status)
			}
		})
	}
}

// After a logout that failed, the page does not suggest a sign-in.
func TestErrorPageOfALogout(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.store.failing(func(operation, _ string) error { return failsOn(operation == "commit") })
	p := u.do(http.MethodPost, "/auth/logout", nil)
	if p.StatusCode != http.StatusServiceUnavailable || !strings.Contains(p.text, "still be signed in") || strings.Contains(p.text, "/auth/login") {
		t.Error(p.Status, p.text)
	}
}

// The ErrorHandler can tell the kinds of errors apart.
func TestErrorHandlerReceivesTheReason(t *testing.T) {
	t.Parallel()
	var told error
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, status int, err error) {
			told = err
			rw.WriteHeader(status)
			_, _ = fmt.Fprint(rw, "own page")
		}
	})
	if p := w.user(t).do(http.MethodGet, "/auth/callback?"+url.Values{"state": {"x"}}.Encode(), nil); p.text != "own page" || told == nil {
		t.Error(p.text, told)
	}
}
