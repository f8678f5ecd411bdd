package weblogin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// newPair runs two Apps for two issuers on one host. The second has its endpoints, API and pages below /b.
func newPair(t testing.TB, change func(one, two *weblogin.Config)) (one, two *world) {
	t.Helper()
	one = newLocalWorld(t)
	two = prepareAt("https://other-login.test")
	two.name, two.base, two.mux, two.site, two.transfer = "b-", "/b", one.mux, one.site, one.transfer
	two.build(t, "https://other-api.test", handled{http.HandlerFunc(two.api)}, func(cfg *weblogin.Config) { change(&one.cfg, cfg) })
	return one, two
}

func ownManagers(one, two *weblogin.Config) {}

func sharedStore(one, two *weblogin.Config) { two.Sessions.Store = one.Sessions.Store }

func sharedManager(one, two *weblogin.Config) { two.Sessions = one.Sessions }

func (w *world) signedInAt(u user) bool {
	u.t.Helper()
	return u.do(http.MethodGet, w.base+"/page", nil).StatusCode == http.StatusOK
}

// call sends a request to the API of w, and returns the status and the tokens that the API has received so far.
func (w *world) call(u user) (status int, tokens string) {
	u.t.Helper()
	status = u.do(http.MethodGet, w.base+"/api/orders/1", nil).StatusCode
	for _, r := range w.seen {
		tokens += r.Header.Get("Authorization") + " "
	}
	return status, tokens
}

// Two issuers, one host: neither App uses a login, a token, or a session of the other, and neither signs the other's user
// out.
func TestCaseX1_TwoAppsOnOneHost(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(one, two *weblogin.Config){
		"own managers": ownManagers, "own managers, one store": sharedStore, "one manager": sharedManager,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := newPair(t, change)
			u := one.user(t)
			one.signIn(u)
			if !one.signedInAt(u) || two.signedInAt(u) {
				t.Error("a login of one App does not count for exactly that App")
			}
			if status, tokens := two.call(u); status != http.StatusUnauthorized || tokens != "" {
				t.Error("the other API received a token:", status, tokens)
			}
			if p := u.do(http.MethodPost, "/b/auth/refresh", nil); p.StatusCode != http.StatusUnauthorized || two.asked != 0 {
				t.Error("the other server received a refresh token:", p.Status)
			}
			two.signIn(u)
			if !one.signedInAt(u) || !two.signedInAt(u) {
				t.Error("one App has signed the user of the other out")
			}
			for _, w := range []*world{one, two} {
				if p := u.do(http.MethodPost, w.base+"/auth/refresh", nil); p.StatusCode != http.StatusOK || w.rotated != 1 {
					t.Error(w.url, p.Status, w.rotated)
				}
				if status, tokens := w.call(u); status != http.StatusOK || tokens != "Bearer secret-"+w.name+"at1 " {
					t.Error(w.url, status, tokens)
				}
			}
			if p := u.do(http.MethodPost, "/auth/logout", nil); !strings.HasPrefix(p.Header.Get("Location"), one.url) {
				t.Error(p.Header)
			}
			if one.signedInAt(u) || !two.signedInAt(u) {
				t.Error("a logout of one App does not end exactly its own login")
			}
			if p := u.do(http.MethodPost, "/b/auth/logout", nil); !strings.HasPrefix(p.Header.Get("Location"), two.url) || two.signedInAt(u) {
				t.Error(p.Header)
			}
			if diff := cmp.Diff([][]string{{"secret-rt1"}, {"secret-b-rt1"}}, [][]string{one.revoked, two.revoked}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A sign-in or a logout deletes the earlier values of the session, even if it has other logins.
func TestCaseX1_SharedSessionKeepsLoginsOnly(t *testing.T) {
	t.Parallel()
	one, two := newPair(t, sharedManager)
	one.page("/put", func(_ http.ResponseWriter, r *http.Request) { one.cfg.Sessions.Put(r.Context(), "cart", "7") })
	one.page("/cart", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte(one.cfg.Sessions.GetString(r.Context(), "cart")))
	})
	u := one.user(t)
	one.signIn(u)
	u.do(http.MethodGet, "/put", nil)
	before := u.cookie()
	two.signIn(u)
	if p := u.do(http.MethodGet, "/cart", nil); p.text != "" || u.cookie() == before || one.with(t, before).signedIn() {
		t.Errorf("the session is the one from before the sign-in: %q", p.text)
	}
	u.do(http.MethodGet, "/put", nil)
	before = u.cookie()
	u.do(http.MethodPost, "/b/auth/logout", nil)
	if p := u.do(http.MethodGet, "/cart", nil); p.text != "" || u.cookie() == before || one.with(t, before).signedIn() {
		t.Errorf("the session is the one from before the logout: %q", p.text)
	}
	if !one.signedInAt(u) {
		t.Error("the other login is gone")
	}
}

// A user who sends the session cookie of one App to the other App is not signed in there.
func TestCaseX1_CookieOfAnotherApp(t *testing.T) {
	t.Parallel()
	one, two := newPair(t, sharedStore)
	u, thief := one.user(t), one.user(t)
	one.signIn(u)
	id := u.cookie()
	thief.Jar.SetCookies(thief.site, []*http.Cookie{{Name: two.cfg.Sessions.Cookie.Name, Value: id, Path: "/", Secure: true}})
	if two.cfg.Sessions.Cookie.Name == one.cfg.Sessions.Cookie.Name || two.signedInAt(thief) {
		t.Error("the session of one App is a session of the other")
	}
	if status, tokens := two.call(thief); status != http.StatusUnauthorized || tokens != "" {
		t.Error(status, tokens)
	}
}

// A logout token ends sessions of its own issuer, also where the other issuer has a user and a session of the same name.
func TestCaseX1_LoggedOutAtOneIssuer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(one, two *weblogin.Config){"one store": sharedStore, "one manager": sharedManager} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := newPair(t, change)
			u := one.user(t)
			one.signIn(u)
			two.signIn(u)
			if status := one.logOutElsewhere(t, nil); status != http.StatusOK {
				t.Fatal(status)
			}
			if one.signedInAt(u) || !two.signedInAt(u) {
				t.Error("the logout does not end exactly the session of its issuer")
			}
			two.signIn(u)
			if !two.signedInAt(u) {
				t.Error("the record of one issuer counts for the other")
			}
		})
	}
}

// Two Apps of one client on one host, say one for each API: each has its logins, and a logout at the server ends both.
func TestCaseX1_TwoAppsOfOneClient(t *testing.T) {
	t.Parallel()
	one := newLocalWorld(t)
	two := prepareAt(one.url)
	two.name, two.base, two.mux, two.site, two.transfer, two.issuer = "b-", "/b", one.mux, one.site, one.transfer, one.issuer
	two.build(t, "https://other-api.test", handled{http.HandlerFunc(two.api)}, func(cfg *weblogin.Config) {
		cfg.Sessions.Store = one.cfg.Sessions.Store
	})
	u := one.user(t)
	one.signIn(u)
	id := u.cookie()
	if two.signedInAt(u) {
		t.Error("a login of one App counts for the other")
	}
	two.signIn(u)
	moved := one.user(t)
	moved.Jar.SetCookies(u.site, []*http.Cookie{{Name: two.cfg.Sessions.Cookie.Name, Value: id, Path: "/", Secure: true}})
	if !one.signedInAt(u) || !two.signedInAt(u) || two.signedInAt(moved) {
		t.Error("the Apps do not have logins of their own")
	}
	if status := one.logOutElsewhere(t, nil); status != http.StatusOK || one.signedInAt(u) || two.signedInAt(u) {
		t.Error("a logout at the server does not end all sessions of the client:", status)
	}
}

// New rejects Apps with one SessionManager whose logins it could not tell apart.
func TestCaseX1_IndistinguishableApps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		id, redirect, prefix string
		insecure             bool
		want                 string
	}{
		"the same App":        {"web", "https://app.test/auth/callback", "/auth/", false, "issuer and client id"},
		"another prefix":      {"web", "https://app.test/b/auth/callback", "/b/auth/", false, "issuer and client id"},
		"another client":      {"other", "https://app.test/auth/callback", "/auth/", false, "redirect URI"},
		"another cookie":      {"other", "http://app.test/b/auth/callback", "/b/auth/", true, "InsecureHTTP"},
		"told apart by both":  {"other", "https://app.test/b/auth/callback", "/b/auth/", false, ""},
		"told apart by hosts": {"other", "https://b.test/auth/callback", "/auth/", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			c := w.client(t, func(cfg *client.Config) { cfg.ClientID, cfg.RedirectURI = test.id, test.redirect })
			before := w.cfg.Sessions.Cookie
			_, err := weblogin.New(weblogin.Config{Client: c, Sessions: w.cfg.Sessions, Prefix: test.prefix, InsecureHTTP: test.insecure})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, expected %q", err, test.want)
			}
			if err != nil && w.cfg.Sessions.Cookie != before {
				t.Error("an App that was rejected has changed the cookie")
			}
		})
	}
}

// The name of the cookie does not depend on which App was created first: another process may have another order.
func TestCaseX1_CookieNamesWithoutOrder(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	name := func(prefixes ...string) string {
		sessions := scs.New()
		for _, prefix := range prefixes {
			c := w.client(t, func(cfg *client.Config) { cfg.ClientID, cfg.RedirectURI = prefix, "https://app.test"+prefix+"callback" })
			if _, err := weblogin.New(weblogin.Config{Client: c, Sessions: sessions, Prefix: prefix}); err != nil {
				t.Fatal(err)
			}
		}
		return sessions.Cookie.Name
	}
	if got := name("/auth/"); got != "__Host-session" {
		t.Error(got)
	}
	if a, b := name("/a/", "/b/", "/auth/"), name("/auth/", "/b/", "/a/"); a != b {
		t.Error(a, b)
	}
	if a, b := name("/a/", "/b/"), name("/b/", "/a/"); a != b || a == name("/b/") || a == "__Host-session" || !strings.HasPrefix(a, "__Host-session-") {
		t.Error(a, b)
	}
}

// A sign-in of one App is not finished by another that has the same key.
func TestCaseX1_SignInOfAnotherApp(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	one := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Key = key })
	two := prepareAt("https://other-login.test")
	two.name, two.base, two.mux, two.site, two.transfer = "b-", "/b", one.mux, one.site, one.transfer
	two.build(t, "https://other-api.test", nil, func(cfg *weblogin.Config) { cfg.Key = key })
	u := one.user(t)
	answer := one.begin(u, "/page")
	if p := u.do(http.MethodGet, "/b"+answer, nil); p.StatusCode != http.StatusBadRequest || two.asked != 0 || two.signedInAt(u) {
		t.Error(p.Status, two.asked)
	}
}

// A store that was taken from another manager works, and is not wrapped twice.
func TestCaseX1_StoreOfAnotherManager(t *testing.T) {
	t.Parallel()
	one, two := newPair(t, func(one, two *weblogin.Config) {
		two.Sessions.Store, two.Sessions.Lifetime = one.Sessions.Store, time.Hour
	})
	u := one.user(t)
	two.signIn(u)
	if !two.signedInAt(u) {
		t.Error("not signed in")
	}
	for name := range must(two.store.All()) {
		t.Error("an entry is in the wrong store:", name)
	}
	for name := range must(one.store.All()) {
		if strings.HasPrefix(name, "gone.gone.") {
			t.Error(name)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(errors.Join(errors.New("test set-up"), err))
	}
	return value
}
