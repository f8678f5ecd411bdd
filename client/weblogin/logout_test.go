package weblogin_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

var sorted = cmpopts.SortSlices(strings.Compare)

// A token that a refresh receives after the logout is not stored, and is revoked too.
func TestLogoutDuringRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	asked, goOn := make(chan struct{}), make(chan struct{})
	w.meanwhile(func(r *http.Request) error {
		if r.PostForm.Get("grant_type") == "refresh_token" {
			close(asked)
			<-goOn
		}
		return nil
	})
	refreshed := make(chan int)
	go func() { refreshed <- u.do(http.MethodPost, "/auth/refresh", nil).StatusCode }()
	<-asked
	id := u.cookie()
	if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusSeeOther {
		t.Error(p.Status)
	}
	close(goOn)
	if status := <-refreshed; status != http.StatusUnauthorized {
		t.Error(status)
	}
	if diff := cmp.Diff([]string{"secret-rt0", "secret-rt1"}, w.revoked, sorted); diff != "" {
		t.Error(diff)
	}
	if left := append(w.store.names(t, "token."), w.store.names(t, "")...); len(left) != 0 {
		t.Error(left)
	}
	if p := w.with(t, id).do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusUnauthorized {
		t.Error(p.Status)
	}
}

// with returns a browser that has the cookie of a session.
func (w *world) with(t testing.TB, id string) user {
	t.Helper()
	u := w.user(t)
	u.Jar.SetCookies(u.site, []*http.Cookie{{Name: "__Host-session", Value: id, Path: "/", Secure: true}})
	return u
}

// A request that writes its session at its end writes what it read at its beginning. It does not restore the session.
func TestLogoutDuringSlowPage(t *testing.T) {
	t.Parallel()
	for name, idle := range map[string]time.Duration{"that changes the session": 0, "that keeps it awake": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *weblogin.Config) { cfg.Sessions.IdleTimeout = idle })
			begun, goOn := make(chan struct{}), make(chan struct{})
			w.page("/slow", func(_ http.ResponseWriter, r *http.Request) {
				close(begun)
				<-goOn
				if idle == 0 {
					w.cfg.Sessions.Put(r.Context(), "cart", "7")
				}
			})
			u := w.user(t)
			w.signIn(u)
			id, done := u.cookie(), make(chan struct{})
			go func() {
				defer close(done)
				w.with(t, id).do(http.MethodGet, "/slow", nil)
			}()
			<-begun
			u.do(http.MethodPost, "/auth/logout", nil)
			close(goOn)
			<-done
			if p := w.with(t, id).do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusUnauthorized {
				t.Error(p.Status)
			}
			if left := w.store.names(t, ""); len(left) != 0 {
				t.Error("the session was restored:", left)
			}
		})
	}
}

// A late write has no effect, even before it is removed.
func TestLateWriteIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	id := u.cookie()
	session, _, _ := w.store.CtxStore.FindCtx(t.Context(), id)
	u.do(http.MethodPost, "/auth/logout", nil)
	if err := w.store.Commit(id, session, time.Now().Add(time.Hour)); err != nil { // and the process ended before it could remove the entry
		t.Fatal(err)
	}
	if p := w.with(t, id).do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusUnauthorized {
		t.Error(p.Status)
	}
}

// A session id comes from a cookie. If it is the name of another entry of the store, it neither reads nor deletes the entry.
func TestSessionIDsDoNotNameOtherEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *weblogin.Config) { cfg.Sessions.IdleTimeout = time.Minute })
	u, thief := w.user(t), w.user(t)
	w.signIn(u)
	w.signIn(thief)
	id := u.cookie()
	if status := w.logOutElsewhere(t, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	u.do(http.MethodPost, "/auth/logout", nil)
	entries := append(w.store.names(t, "ended."), append(w.store.names(t, "gone."), w.store.names(t, "token.")...)...)
	if len(entries) < 4 {
		t.Fatal(entries)
	}
	store := w.cfg.Sessions.Store // as the application has it
	for _, entry := range entries {
		for _, path := range []string{"/auth/logout", "/auth/refresh"} {
			w.with(t, entry).do(http.MethodPost, path, nil)
		}
		if p := w.with(t, entry).do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusUnauthorized {
			t.Error(p.Status)
		}
		if _, found, err := store.Find(entry); found || err != nil {
			t.Errorf("%s was found as a session, %v", entry, err)
		}
		if err := errors.Join(store.Delete(entry), store.Delete("")); err != nil {
			t.Error(err)
		}
		if err := store.Commit(entry, nil, time.Now().Add(time.Hour)); err == nil {
			t.Errorf("%s was written as a session", entry)
		}
		w.signIn(w.with(t, entry))
	}
	after := append(w.store.names(t, "ended."), append(w.store.names(t, "gone."), w.store.names(t, "token.")...)...)
	for _, entry := range entries {
		if !strings.Contains(strings.Join(after, " "), entry) {
			t.Errorf("%s was deleted", entry)
		}
	}
	for _, who := range []user{thief, w.with(t, id)} {
		if p := who.do(http.MethodGet, "/page", nil); p.StatusCode != http.StatusUnauthorized {
			t.Error(p.Status)
		}
	}
}

// logOutElsewhere sends a logout token of the provider, and returns the status of the response.
func (w *world) logOutElsewhere(t testing.TB, claims map[string]any) int {
	t.Helper()
	return w.sendLogout(t, w.logoutToken(claims))
}

func (w *world) logoutToken(claims map[string]any) string {
	token := w.issuer.AccessToken().Set("aud", "web").Set("sub", "alice").Set("sid", "s1").Set("jti", client.RandomValue(8)).
		SetHeader("typ", "logout+jwt").Set("client_id", bearertest.Absent).Set("scope", bearertest.Absent).
		Set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})
	for name, value := range claims {
		token.Set(name, value)
	}
	return token.Sign()
}

func (w *world) sendLogout(t testing.TB, token string) int {
	t.Helper()
	body := url.Values{"logout_token": {token}}.Encode()
	return w.user(t).do(http.MethodPost, "/auth/backchannel-logout", func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site") // it comes from a server, not from a browser
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}).StatusCode
}

func (u user) signedIn() bool {
	u.t.Helper()
	return u.do(http.MethodGet, "/page", nil).StatusCode == http.StatusOK
}

func TestC31_LoggedOutElsewhere(t *testing.T) {
	t.Parallel()
	now := time.Now()
	absent := map[string]any{"sid": bearertest.Absent}
	for name, test := range map[string]struct {
		session map[string]any // claims of its ID token
		logout  map[string]any
		status  int
		ends    bool
	}{
		"its sid":                        {nil, map[string]any{"sub": bearertest.Absent}, 200, true},
		"its sub":                        {nil, absent, 200, true},
		"its sub and sid":                {nil, nil, 200, true},
		"its sub, another sid":           {nil, map[string]any{"sid": "s2"}, 200, false},
		"another sid":                    {nil, map[string]any{"sub": bearertest.Absent, "sid": "s2"}, 200, false},
		"another sub":                    {nil, map[string]any{"sub": "bob", "sid": bearertest.Absent}, 200, false},
		"no sid, its sub":                {absent, absent, 200, true},
		"no sid, its sub and any sid":    {absent, nil, 200, true},
		"no sid, another sub":            {absent, map[string]any{"sub": "bob"}, 200, false},
		"no sid, its name as a sid":      {absent, map[string]any{"sub": bearertest.Absent, "sid": "alice"}, 200, false},
		"another client's":               {nil, map[string]any{"aud": "another"}, 400, false},
		"no logout":                      {nil, map[string]any{"events": bearertest.Absent}, 400, false},
		"signed in after it":             {map[string]any{"iat": now.Unix()}, map[string]any{"iat": now.Unix() - 1}, 200, false},
		"signed in in the same second":   {map[string]any{"iat": now.Unix()}, map[string]any{"iat": now.Unix()}, 200, true},
		"the callback took until now":    {map[string]any{"iat": now.Unix() - 9}, map[string]any{"iat": now.Unix() - 5}, 200, true},
		"signed in before, sub, no sid":  {map[string]any{"iat": now.Unix() - 9}, map[string]any{"iat": now.Unix() - 5, "sid": bearertest.Absent}, 200, true},
		"signed in after it, to the sub": {map[string]any{"iat": now.Unix() - 5}, map[string]any{"iat": now.Unix() - 9, "sid": bearertest.Absent}, 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			w.claims = test.session
			u := w.user(t)
			w.signIn(u)
			if status := w.logOutElsewhere(t, test.logout); status != test.status || u.signedIn() == test.ends {
				t.Errorf("status %d, expected %d; expected the session to end: %t", status, test.status, test.ends)
			}
			if left := len(w.store.names(t, "token.")) != 0 && len(w.store.names(t, "")) != 0; left == test.ends {
				t.Error("token and session are stored:", left)
			}
		})
	}
}

// A logout token that arrives late or twice does not replace the record of a newer one.
func TestC31_LogoutTokensInAnyOrder(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	w := newLocalWorld(t)
	older := w.logoutToken(map[string]any{"iat": now - 20, "sid": bearertest.Absent})
	for _, token := range []string{older, w.logoutToken(map[string]any{"iat": now - 5, "sid": bearertest.Absent})} {
		if status := w.sendLogout(t, token); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	cfg := w.cfg // of another process, which has not seen them
	cfg.Sessions = &scs.SessionManager{Store: w.store, Codec: scs.GobCodec{}, Lifetime: 24 * time.Hour, ErrorFunc: failed}
	other, err := weblogin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.mux.Handle("/other/", http.StripPrefix("/other", other))
	u := w.user(t)
	w.claims = map[string]any{"iat": now - 10}
	w.signIn(u)
	replay := func() int {
		body := url.Values{"logout_token": {older}}.Encode()
		return u.do(http.MethodPost, "/other/auth/backchannel-logout", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}).StatusCode
	}
	if status := replay(); status != http.StatusOK || u.signedIn() {
		t.Error(status)
	}
	w.claims = map[string]any{"iat": now - 1}
	w.signIn(u)
	if status := replay(); status != http.StatusBadRequest || !u.signedIn() {
		t.Error("a replay has ended a newer session:", status)
	}
}

// If a logout cannot be recorded, the server must send the token again.
func TestC31_LogoutThatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	token := w.logoutToken(nil)
	w.store.failing(func(operation, _ string) error { return failsOn(operation == "commit") })
	if status := w.sendLogout(t, token); status != http.StatusServiceUnavailable {
		t.Error(status)
	}
	w.store.failing(nil)
	if status := w.sendLogout(t, token); status != http.StatusOK || u.signedIn() {
		t.Error(status)
	}
}

var errDisk = errors.New("disk full at 10.0.0.7")

func failsOn(yes bool) error {
	if yes {
		return errDisk
	}
	return nil
}

// A login does not last longer than the records of logouts, however often the application renews its session.
func TestLoginEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Sessions.Lifetime = time.Hour })
		w.page("/renew", func(_ http.ResponseWriter, r *http.Request) { _ = w.cfg.Sessions.RenewToken(r.Context()) })
		u := w.user(t)
		w.signIn(u)
		time.Sleep(40 * time.Minute)
		if p := u.do(http.MethodGet, "/renew", nil); p.StatusCode != http.StatusOK {
			t.Error(p.Status)
		}
		time.Sleep(19 * time.Minute)
		if !u.signedIn() {
			t.Error("the login ended too early")
		}
		time.Sleep(2 * time.Minute)
		if u.signedIn() {
			t.Error("the login continues")
		}
	})
}

// If the server does not respond, the user is still signed out, within a bounded time.
func TestLogoutWithoutServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t)
		u := w.user(t)
		w.signIn(u)
		w.meanwhile(func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() })
		begun := time.Now()
		if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusSeeOther || time.Since(begun) > 15*time.Second || u.signedIn() {
			t.Error(p.Status, time.Since(begun))
		}
	})
}

func TestLogoutThatFails(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.store.failing(func(operation, _ string) error { return failsOn(operation == "commit") })
	if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusServiceUnavailable || strings.Contains(p.text, "disk") {
		t.Error(p.Status, p.text)
	}
	w.store.failing(nil)
	if p := u.do(http.MethodPost, "/auth/logout", nil); p.StatusCode != http.StatusSeeOther || u.signedIn() {
		t.Error("a logout cannot be repeated:", p.Status)
	}
}
