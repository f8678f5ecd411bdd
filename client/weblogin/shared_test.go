package weblogin_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// newShared runs two Apps for two issuers that share one session manager, with the settings of change for both.
func newShared(t testing.TB, change func(*weblogin.Config)) (one, two *world) {
	t.Helper()
	one = newLocalWorld(t, change)
	two = prepareAt("https://other-login.test")
	two.name, two.base, two.mux, two.site, two.transfer, two.store = "b-", "/b", one.mux, one.site, one.transfer, one.store
	two.build(t, "https://other-api.test", handled{http.HandlerFunc(two.api)}, func(cfg *weblogin.Config) {
		change(cfg)
		cfg.Sessions = one.cfg.Sessions
	})
	return one, two
}

// restart creates both Apps again, as a new process does, over the same store.
func restart(t testing.TB, one, two *world) {
	t.Helper()
	one.mux, two.mux = http.NewServeMux(), nil
	two.mux = one.mux
	one.transfer, two.transfer = handled{one.mux}, handled{one.mux}
	sessions := &scs.SessionManager{Store: one.store, Codec: scs.GobCodec{}, Lifetime: 24 * time.Hour, ErrorFunc: failed}
	for _, w := range []*world{two, one} { // in another order
		before := w.cfg
		w.build(t, map[*world]string{one: "https://api.test", two: "https://other-api.test"}[w], before.Transport, func(cfg *weblogin.Config) {
			*cfg = before
			cfg.Sessions, cfg.Client = sessions, w.client(t)
		})
	}
}

func sameKey(cfg *weblogin.Config) {
	cfg.Key = []byte(strings.Repeat("k", 32))
	cfg.FrontchannelLogout = true
}

// A session with logins at two servers: each refresh token and each access token goes only to where it came from, also
// after a restart, and each way of ending a login ends that one only.
func TestCaseS1_SharedManager(t *testing.T) {
	t.Parallel()
	ends := map[string]func(w *world, u user){
		"logout": func(w *world, u user) { u.do(http.MethodPost, w.base+"/auth/logout", nil) },
		"back-channel logout": func(w *world, u user) {
			body := url.Values{"logout_token": {w.logoutToken(nil)}}.Encode()
			u.do(http.MethodPost, w.base+"/auth/backchannel-logout", form(body))
		},
		"front-channel logout": func(w *world, u user) {
			w.frame(u.t, http.MethodGet, url.Values{"iss": {w.url}, "sid": {"s1"}}.Encode())
		},
		"rejected refresh token": func(w *world, u user) {
			w.refuses = func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusBadRequest) }
			u.do(http.MethodPost, w.base+"/auth/refresh", nil)
		},
	}
	for name, end := range ends {
		for _, again := range []bool{false, true} {
			synctestRun(t, name, func(t *testing.T) {
				one, two := newShared(t, sameKey)
				u := one.user(t)
				one.signIn(u)
				two.signIn(u)
				if again {
					restart(t, one, two)
					jar := u.Jar
					u = one.user(t)
					u.Jar = jar
				}
				time.Sleep(2 * time.Hour) // both access tokens have expired, so the next call refreshes them
				for _, w := range []*world{one, two} {
					status, tokens := w.call(u)
					if want := "Bearer secret-" + w.name + "at1 "; status != http.StatusOK || tokens != want || w.rotated != 1 {
						t.Errorf("%s: %d, %q, expected %q; %d refreshes", w.url, status, tokens, want, w.rotated)
					}
				}
				end(two, u)
				if !one.signedInAt(u) || two.signedInAt(u) {
					t.Error("the end of one login has ended the other, or nothing")
				}
				if status, _ := one.call(u); status != http.StatusOK {
					t.Error(status)
				}
				if status, _ := two.call(u); status != http.StatusUnauthorized {
					t.Error(status)
				}
				two.refuses = nil
				two.claims = map[string]any{"iat": time.Now().Add(time.Second).Unix(), "sid": "s9"}
				two.signIn(u)
				if !one.signedInAt(u) || !two.signedInAt(u) {
					t.Error("a new sign-in does not work, or ends the other login")
				}
			})
		}
	}
}

// synctestRun runs a subtest in virtual time.
func synctestRun(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

func form(body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
}

// One App does not accept what another App has sealed, although both have the same key.
func TestCaseS1_SealedForOneApp(t *testing.T) {
	t.Parallel()
	one, two := newShared(t, sameKey)
	u := one.user(t)
	one.signIn(u)
	two.signIn(u)
	one.let(requireGold)
	link := one.stepUpLink(u)
	if p := u.do(http.MethodGet, "/b"+link, nil); p.StatusCode != http.StatusBadRequest || len(p.Cookies()) != 0 {
		t.Error("a step-up link of another App is accepted:", p.Status)
	}
	// A sign-in that was begun at one App is not completed by the other, and not consumed.
	answer := one.begin(u, "/page")
	asked := two.asked
	if p := u.do(http.MethodGet, "/b"+answer, nil); two.asked != asked || p.Header.Get("Location") == "/page" {
		t.Error(p.Status)
	}
	if p := u.do(http.MethodGet, answer, nil); p.Header.Get("Location") != "/page" {
		t.Error(p.Status)
	}
}

// A logout token, or a front-channel logout, of one issuer has no effect on the App of the other.
func TestCaseS1_LogoutOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	one, two := newShared(t, sameKey)
	u := one.user(t)
	one.signIn(u)
	two.signIn(u)
	body := url.Values{"logout_token": {one.logoutToken(nil)}}.Encode()
	if p := u.do(http.MethodPost, "/b/auth/backchannel-logout", form(body)); p.StatusCode != http.StatusBadRequest {
		t.Error(p.Status)
	}
	two.frame(t, http.MethodGet, url.Values{"iss": {one.url}, "sid": {"s1"}}.Encode())
	if !one.signedInAt(u) || !two.signedInAt(u) {
		t.Error("a session has ended")
	}
}

// Every stored entry names the App that it belongs to: the two Apps have no name in common.
func TestCaseS1_StoredNames(t *testing.T) {
	t.Parallel()
	one, two := newShared(t, sameKey)
	u := one.user(t)
	one.signIn(u)
	two.signIn(u)
	owners := make(map[string]int)
	for _, kind := range []string{"token.", "known.", "signin."} {
		for _, name := range one.store.names(t, kind) {
			owners[strings.Join(strings.Split(name, ".")[:2], ".")]++
		}
	}
	if len(owners) != 6 { // three kinds of two Apps
		t.Error(owners)
	}
}

// Two Apps of one client: the first accepts every sign-in, the second requires an acr. A user who takes the response for the
// first to the callback of the second is not signed in there.
func TestCaseS1_SignInOfAnotherAppOfTheClient(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "form_post"} {
		one := newLocalWorld(t, sameKey, func(cfg *weblogin.Config) { cfg.Authorization.ResponseMode = mode })
		two := prepareAt(one.url)
		two.base, two.mux, two.site, two.transfer, two.issuer, two.nonces = "/b", one.mux, one.site, one.transfer, one.issuer, one.nonces
		two.build(t, "https://other-api.test", handled{http.HandlerFunc(two.api)}, sameKey, func(cfg *weblogin.Config) {
			cfg.Authorization.ACRValues, cfg.Authorization.ResponseMode = []string{"gold"}, mode
		})
		u := one.user(t)
		callback := one.begin(u, "/page")
		p := u.do(http.MethodGet, "/b"+callback, nil)
		if mode != "" {
			p = u.do(http.MethodPost, "/b/auth/callback", form(paramsOf(t, callback).Encode()))
		}
		if p.StatusCode != http.StatusBadRequest || one.asked+two.asked != 0 || two.signedInAt(u) || one.signedInAt(u) {
			t.Errorf("%q: %s, %d token requests", mode, p.Status, one.asked+two.asked)
		}
		two.claims = map[string]any{"acr": "gold"}
		callback = two.begin(u, "/page")
		if p = u.do(http.MethodGet, callback, nil); mode != "" {
			p = u.do(http.MethodPost, "/b/auth/callback", form(paramsOf(t, callback).Encode()))
		}
		if !two.signedInAt(u) {
			t.Errorf("%q: %s", mode, p.Status)
		}
	}
}

// A new process uses the same store, cookie and key for another server or client. Nobody is signed in there, and no token
// reaches the other server or its API.
func TestCaseS1_RestartWithAnotherOwner(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(cfg *client.Config){
		"the same":           nil,
		"another issuer":     func(cfg *client.Config) { cfg.Issuer, cfg.Metadata.Issuer = "https://x.test", "https://x.test" },
		"another client":     func(cfg *client.Config) { cfg.ClientID = "other" },
		"another host":       func(cfg *client.Config) { cfg.RedirectURI = "https://b.test/auth/callback" },
		"an issuer's slash":  func(cfg *client.Config) { cfg.Issuer += "/"; cfg.Metadata.Issuer += "/" },
		"another capital":    func(cfg *client.Config) { cfg.ClientID = "Web" },
		"issuer and client ": func(cfg *client.Config) { cfg.ClientID = "web " },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, sameKey)
			u := w.user(t)
			w.signIn(u)
			callback, before := w.begin(u, "/page"), w.cfg
			w.mux = http.NewServeMux()
			w.transfer = handled{w.mux}
			w.build(t, "https://api.test", before.Transport, func(cfg *weblogin.Config) {
				sessions := cfg.Sessions
				*cfg = before
				cfg.Sessions = sessions
				if cfg.Client = w.client(t); change != nil {
					cfg.Client = w.client(t, change)
				}
			})
			jar := u.Jar
			u = w.user(t)
			u.Jar = jar
			asked := w.asked
			status, tokens := w.call(u)
			p := u.do(http.MethodPost, "/auth/refresh", nil)
			if change == nil {
				if status != http.StatusOK || p.StatusCode != http.StatusOK || !u.signedIn() {
					t.Error(status, p.Status)
				}
				return
			}
			if status != http.StatusUnauthorized || tokens != "" || p.StatusCode != http.StatusUnauthorized || u.signedIn() {
				t.Error(status, tokens, p.Status)
			}
			if p := u.do(http.MethodGet, callback, nil); p.StatusCode != http.StatusBadRequest || w.asked != asked {
				t.Error("the sign-in of another client was completed:", p.Status)
			}
		})
	}
}
