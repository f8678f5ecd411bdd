package weblogin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// A token that cannot be stored is revoked. ErrorHandler receives it, and the user learns no details.
func TestTokenThatCannotBeStored(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(operation, name string) bool{
		"the token is not written":   func(operation, name string) bool { return operation == "commit" && strings.HasPrefix(name, "token.") },
		"the session is not written": func(operation, name string) bool { return operation == "commit" && !strings.Contains(name, ".") },
		"the old one is not deleted": func(operation, name string) bool { return operation == "delete" && !strings.Contains(name, ".") },
		"the token is not looked for": func(operation, name string) bool {
			return operation == "find" && strings.HasPrefix(name, "gone.token.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told error
			w := newLocalWorld(t, func(cfg *weblogin.Config) {
				cfg.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, status int, err error) {
					told = err
					rw.WriteHeader(status)
				}
			})
			u := w.user(t)
			w.signIn(u) // before
			answer := w.begin(u, "/page")
			w.store.failing(func(operation, name string) error { return failsOn(fail(operation, name)) })
			if p := u.do(http.MethodGet, answer, nil); p.StatusCode != http.StatusServiceUnavailable || strings.Contains(p.text, "disk") {
				t.Error(p.Status, p.text)
			}
			w.store.failing(nil)
			incomplete, ok := errors.AsType[*client.IncompleteError](told)
			if !ok || incomplete.Token.RefreshToken != "secret-rt0" || !errors.Is(told, errDisk) {
				t.Error(told)
			}
			if diff := cmp.Diff([]string{"secret-rt0"}, w.revoked); diff != "" {
				t.Error(diff)
			}
			if left := w.store.names(t, "token."); len(left) > 1 { // that of the first sign-in
				t.Error(left)
			}
		})
	}
}

// If the ID token is rejected, the access token is not used, and is revoked.
func TestTokenWithBadIDToken(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	w.claims = map[string]any{"aud": "another"}
	u := w.user(t)
	if p := u.do(http.MethodGet, w.begin(u, "/page"), nil); p.StatusCode != http.StatusBadGateway || u.signedIn() {
		t.Error(p.Status)
	}
	if diff := cmp.Diff([]string{"secret-rt0"}, w.revoked); diff != "" || len(w.store.names(t, "token.")) != 0 {
		t.Error(diff)
	}
}

// A new sign-in of the same browser ends the old login here. It does not revoke the old token, because a server may treat both
// as one grant.
func TestNewSignInReplacesOld(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	before := u.cookie()
	w.signIn(u)
	if len(w.store.names(t, "token.")) != 1 || len(w.store.names(t, "")) != 1 || len(w.revoked) != 0 {
		t.Error(w.store.names(t, ""), w.revoked)
	}
	if !u.signedIn() || w.with(t, before).signedIn() {
		t.Error("the new session is not the only one that is signed in")
	}
}

// The same holds for a token that a refresh of the old login receives.
func TestNewSignInDuringRefresh(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
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
	old, refreshed := w.with(t, u.cookie()), make(chan int)
	go func() { refreshed <- old.do(http.MethodPost, "/auth/refresh", nil).StatusCode }()
	<-asked
	w.signIn(u)
	close(goOn)
	if status := <-refreshed; status != http.StatusUnauthorized || len(w.revoked) != 0 || len(w.store.names(t, "token.")) != 1 || !u.signedIn() {
		t.Error(status, w.revoked)
	}
}

// Calls of an API extend the idle timeout of a session. Requests to the session endpoint do not.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Sessions.IdleTimeout = 10 * time.Minute })
		u := w.user(t)
		w.signIn(u)
		for _, request := range []string{"GET /api/orders/1", "POST /auth/refresh", "GET /page", "GET /api/orders/1"} {
			time.Sleep(9 * time.Minute)
			method, path, _ := strings.Cut(request, " ")
			if p := u.do(method, path, nil); p.StatusCode != http.StatusOK {
				t.Error(request, p.Status)
			}
		}
		time.Sleep(9 * time.Minute)
		u.do(http.MethodGet, "/auth/session", nil)
		time.Sleep(2 * time.Minute)
		if u.signedIn() {
			t.Error("the session has not ended")
		}
	})
}

// A refreshed token that cannot be stored is not lost, because its refresh token may be the only one that works.
func TestC28_RefreshThatCannotBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t)
		u := w.user(t)
		w.signIn(u)
		w.store.failing(func(operation, name string) error {
			return failsOn(operation == "commit" && strings.HasPrefix(name, "token."))
		})
		if p := u.do(http.MethodPost, "/auth/refresh", nil); p.StatusCode != http.StatusServiceUnavailable || strings.Contains(p.text, "disk") {
			t.Error(p.Status, p.text)
		}
		w.store.failing(nil)
		time.Sleep(time.Minute)
		if p := u.do(http.MethodPost, "/auth/refresh", nil); p.StatusCode != http.StatusOK {
			t.Error(p.Status, p.text)
		}
		u.do(http.MethodGet, "/api/orders/1", nil)
		if got := w.seen[0].Header.Get("Authorization"); w.rotated == 0 || got == "Bearer secret-at0" {
			t.Error(w.rotated, got)
		}
	})
}

// A page that refreshes all the time causes at most one request to the server in 5 s.
func TestRefreshIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t)
		u := w.user(t)
		w.signIn(u)
		for range 20 {
			if p := u.do(http.MethodPost, "/auth/refresh", nil); p.StatusCode != http.StatusOK || !strings.Contains(p.text, `"signed_in":true`) {
				t.Error(p.Status, p.text)
			}
		}
		if w.asked != 2 { // once for the sign-in
			t.Errorf("%d requests to the token endpoint", w.asked)
		}
		time.Sleep(5 * time.Second)
		if u.do(http.MethodPost, "/auth/refresh", nil); w.asked != 3 {
			t.Errorf("%d requests to the token endpoint", w.asked)
		}
	})
}

// While the server cannot be reached, sessions remain, and the server gets few requests.
func TestRefreshWithoutServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t)
		u := w.user(t)
		w.signIn(u)
		time.Sleep(2 * time.Hour) // the token has ended
		w.meanwhile(func(*http.Request) error { return context.DeadlineExceeded })
		for range 20 {
			if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusServiceUnavailable || p.text != `{"error":"temporarily_unavailable"}`+"\n" {
				t.Error(p.Status, p.text)
			}
		}
		if w.asked != 2 || !u.signedIn() {
			t.Errorf("%d requests to the token endpoint", w.asked)
		}
		w.meanwhile(nil)
		time.Sleep(time.Minute)
		if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusOK {
			t.Error(p.Status, p.text)
		}
	})
}
