package weblogin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// A handler gives the session a new id while the user signs out. The login has ended under that id too.
func TestCaseX2_RenewedDuringLogout(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world, r *http.Request) error{
		"renewed": func(w *world, r *http.Request) error { return w.cfg.Sessions.RenewToken(r.Context()) },
		"copied": func(w *world, r *http.Request) error {
			old := w.cfg.Sessions.GetBytes(r.Context(), w.cfg.Sessions.Keys(r.Context())[0])
			name := w.cfg.Sessions.Keys(r.Context())[0]
			if err := w.cfg.Sessions.Destroy(r.Context()); err != nil {
				return err
			}
			w.cfg.Sessions.Put(r.Context(), name, old)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			begun, goOn := make(chan struct{}), make(chan struct{})
			w.page("/renew", func(_ http.ResponseWriter, r *http.Request) {
				close(begun)
				<-goOn
				if err := change(w, r); err != nil {
					t.Error(err)
				}
			})
			u := w.user(t)
			w.signIn(u)
			renewing, done := w.with(t, u.cookie()), make(chan struct{})
			go func() {
				defer close(done)
				renewing.do(http.MethodGet, "/renew", nil)
			}()
			<-begun
			u.do(http.MethodPost, "/auth/logout", nil)
			close(goOn)
			<-done
			if renewing.cookie() == "" || renewing.signedIn() {
				t.Error("signed in under the new id")
			}
			if p := renewing.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusUnauthorized || len(w.seen) != 0 {
				t.Error(p.Status)
			}
			if left := append(w.store.names(t, "token."), w.store.names(t, "")...); len(left) != 0 {
				t.Error("in the store:", left)
			}
		})
	}
}

// The user signs out while the callback waits for the server. The token that it receives is revoked, and the user remains
// signed out.
func TestCaseX3_LogoutDuringSignIn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before  bool // the user was signed in already
		other   bool // the logout comes without the cookie of the sign-in
		revoked []string
	}{
		"signed in before":                     {before: true, revoked: []string{"secret-rt0", "secret-rt0"}},
		"signed in before, the session's only": {before: true, other: true, revoked: []string{"secret-rt0", "secret-rt0"}},
		"for the first time":                   {revoked: []string{"secret-rt0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			u := w.user(t)
			if test.before {
				w.signIn(u)
			}
			answer := w.begin(u, "/page")
			asked, goOn := make(chan struct{}), make(chan struct{})
			w.meanwhile(func(r *http.Request) error {
				if r.PostForm.Get("grant_type") == "authorization_code" {
					close(asked)
					<-goOn
				}
				return nil
			})
			signedIn := make(chan page)
			go func() { signedIn <- u.do(http.MethodGet, answer, nil) }()
			<-asked
			leaving := u
			if test.other {
				leaving = w.with(t, u.cookie())
			}
			if p := leaving.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusSeeOther {
				t.Error(p.Status)
			}
			close(goOn)
			if p := <-signedIn; p.Header.Get("Location") != "/bye" {
				t.Error(p.Status, p.Header.Get("Location"))
			}
			if u.signedIn() {
				t.Error("signed in after the logout")
			}
			if diff := cmp.Diff(test.revoked, w.revoked); diff != "" || len(w.store.names(t, "token.")) != 0 || len(w.store.names(t, "")) != 0 {
				t.Error(diff, w.store.names(t, ""))
			}
			w.meanwhile(nil)
			w.signIn(u) // it is a new one
			if !u.signedIn() {
				t.Error("a later sign-in is rejected")
			}
		})
	}
}

// A sign-in that began before the logout is valid if the user completes it after the logout.
func TestCaseX3_SignInAfterLogout(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	answer := w.begin(u, "/page")
	u.do(http.MethodPost, "/auth/logout", nil)
	if p := u.do(http.MethodGet, answer, nil); p.Header.Get("Location") != "/page" || !u.signedIn() {
		t.Error(p.Status)
	}
}

// Without the scope openid there is no ID token, so there is nothing that a record of the server could be compared with.
func TestCaseX4_WithoutIDToken(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.Authorization.Scopes = []string{"api"}
	})
	w.noIDToken = true
	u := w.user(t)
	w.signIn(u)
	if p := u.do(http.MethodGet, "/page", nil); p.text != "hello " {
		t.Error(p.Status, p.text)
	}
	if status, _ := w.call(u); status != http.StatusOK {
		t.Error(status)
	}
	if status := w.logOutElsewhere(t, map[string]any{"sid": bearertest.Absent}); status != http.StatusOK || !u.signedIn() {
		t.Error("a logout token for a user ends a session without an ID token:", status)
	}
	u.do(http.MethodPost, "/auth/logout", nil)
	if u.signedIn() {
		t.Error("signed in after the logout")
	}
}

// A machine that sleeps does not extend a login, and neither does a wall clock that is set back.
func TestCaseX11_LoginEnds(t *testing.T) { //nolint:paralleltest // it moves the wall clock
	for name, test := range map[string]struct {
		awake, shift time.Duration
		want         bool
	}{
		"asleep for an hour":     {0, time.Hour, true},
		"asleep for a day":       {0, 25 * time.Hour, false},
		"set back by an hour":    {23*time.Hour + 30*time.Minute, -time.Hour, true},
		"set back, and too long": {25 * time.Hour, -2 * time.Hour, false},
		"set back by a week":     {time.Minute, -7 * 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newLocalWorld(t)
				w.page("/renew", func(_ http.ResponseWriter, r *http.Request) { _ = w.cfg.Sessions.RenewToken(r.Context()) })
				u := w.user(t)
				w.signIn(u)
				time.Sleep(test.awake / 2)
				if p := u.do(http.MethodGet, "/renew", nil); p.StatusCode != http.StatusOK {
					t.Fatal(p.Status)
				}
				time.Sleep(test.awake / 2)
				clock.ShiftWall(t, test.shift)
				if u.signedIn() != test.want {
					t.Errorf("signed in: %t", !test.want)
				}
			})
		})
	}
}

// The server ends the session while its callback waits for a slow server. Nobody opens a page until the record of that is as
// old as a session may be. The login is a little younger, and has ended all the same.
func TestCaseX2_RecordsOutliveTheLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t)
		w.claims = map[string]any{"iat": time.Now().Unix()}
		u := w.user(t)
		answer := w.begin(u, "/page")
		w.meanwhile(func(*http.Request) error {
			w.meanwhile(nil)
			if status := w.logOutElsewhere(t, nil); status != http.StatusOK {
				t.Error(status)
			}
			time.Sleep(time.Minute)
			return nil
		})
		if p := u.do(http.MethodGet, answer, nil); p.Header.Get("Location") != "/page" {
			t.Fatal(p.Status)
		}
		time.Sleep(w.cfg.Sessions.Lifetime - 30*time.Second)
		if u.signedIn() {
			t.Error("signed in after the server has ended the session")
		}
	})
}

// A logout that cannot delete the session still revokes the token, which is no longer in the store.
func TestCaseX3_LogoutWithoutStoreRevokes(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	session := w.store.names(t, "")[0]
	w.store.failing(func(operation, name string) error {
		return failsOn(operation != "find" && (name == session || name == "gone."+session))
	})
	if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusServiceUnavailable {
		t.Error(p.Status)
	}
	if diff := cmp.Diff([]string{"secret-rt0"}, w.revoked); diff != "" {
		t.Error(diff)
	}
	w.store.failing(nil)
	if u.signedIn() {
		t.Error("signed in after the logout")
	}
}

// The store cannot read the token of a login at its logout. The user is signed out, and the next logout revokes the token.
func TestCaseX3_LogoutDoesNotLoseAToken(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.store.failing(func(operation, name string) error {
		return failsOn(operation == "find" && strings.HasPrefix(name, "token."))
	})
	if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusServiceUnavailable || len(w.store.names(t, "token.")) != 1 {
		t.Error(p.Status, "the token is lost")
	}
	w.store.failing(nil)
	if p := u.do(http.MethodPost, "/auth/logout", nil); !strings.HasPrefix(p.Header.Get("Location"), issuer+"/end?") {
		t.Error(p.Status, p.Header.Get("Location"))
	}
	if diff := cmp.Diff([]string{"secret-rt0"}, w.revoked); diff != "" || u.signedIn() || len(w.store.names(t, "token.")) != 0 {
		t.Error(diff)
	}
}

// If the store cannot read whether a login has ended, the user is not signed in. The login itself remains.
func TestCaseX2_EndOfALoginCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.store.failing(func(operation, name string) error {
		return failsOn(operation == "find" && len(name) > 11 && name[:11] == "gone.token.")
	})
	if p := u.do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusServiceUnavailable {
		t.Error(p.Status)
	}
	w.store.failing(nil)
	if !u.signedIn() {
		t.Error("an outage of the store has ended the login")
	}
}

// A sign-in whose record cannot be written does not send the code.
func TestCaseX3_SignInCannotBeStored(t *testing.T) {
	t.Parallel()
	var told error
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, status int, err error) {
			told = err
			rw.WriteHeader(status)
		}
	})
	u := w.user(t)
	answer := w.begin(u, "/page")
	w.store.failing(func(operation, _ string) error { return failsOn(operation == "commit") })
	if p := u.do(http.MethodGet, answer, nil); p.StatusCode != http.StatusServiceUnavailable || w.asked != 0 {
		t.Error(p.Status, w.asked)
	}
	if _, incomplete := errors.AsType[*client.IncompleteError](told); incomplete || !errors.Is(told, errDisk) {
		t.Error(told)
	}
}
