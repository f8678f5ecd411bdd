package weblogin_test

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// The hook ends its goroutine and does not return. The token is revoked.
func TestCaseW10_HookEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.OnSignIn = func(context.Context, *weblogin.SignIn) error {
			runtime.Goexit()
			return nil
		}
	})
	u := w.user(t)
	u.do(http.MethodGet, w.begin(u, "/page"), nil)
	if diff := cmp.Diff([]string{"secret-rt0"}, w.revoked); diff != "" || u.signedIn() || len(w.store.names(t, "token.")) != 0 {
		t.Error(diff)
	}
}

// The hook ignores its ctx, and returns when a logout no longer finds the sign-in.
func TestCaseW10_HookReturnsLate(t *testing.T) {
	t.Parallel()
	for takes, ok := range map[time.Duration]bool{119 * time.Second: true, 121 * time.Second: false, 5 * time.Minute: false} {
		t.Run(takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newLocalWorld(t, func(cfg *weblogin.Config) {
					cfg.OnSignIn = func(context.Context, *weblogin.SignIn) error {
						time.Sleep(takes)
						return nil
					}
				})
				u := w.user(t)
				p := u.do(http.MethodGet, w.begin(u, "/page"), nil)
				if u.signedIn() != ok || len(w.revoked) != map[bool]int{false: 1}[ok] || p.StatusCode != map[bool]int{true: 303, false: 500}[ok] {
					t.Error(p.Status, w.revoked)
				}
			})
		})
	}
}

// The hook replaces its argument. The received token is kept or revoked in any case.
func TestCaseW10_HookReplacesItsArgument(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook   func(s *weblogin.SignIn) error
		status int
	}{
		"no token":              {func(s *weblogin.SignIn) error { s.Token = nil; return nil }, http.StatusSeeOther},
		"another token":         {func(s *weblogin.SignIn) error { s.Token = &client.Token{AccessToken: "x"}; return nil }, http.StatusSeeOther},
		"no token and an error": {func(s *weblogin.SignIn) error { s.Token = nil; return errBanned }, http.StatusForbidden},
		"no token and a panic":  {func(s *weblogin.SignIn) error { s.Token = nil; panic("x") }, http.StatusInternalServerError},
		"nothing":               {func(s *weblogin.SignIn) error { *s = weblogin.SignIn{}; return nil }, http.StatusInternalServerError},
		"only a path":           {func(s *weblogin.SignIn) error { *s = weblogin.SignIn{ReturnTo: "/page"}; return nil }, http.StatusSeeOther},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, func(cfg *weblogin.Config) {
				cfg.OnSignIn = func(_ context.Context, s *weblogin.SignIn) error { return test.hook(s) }
			})
			u := w.user(t)
			p := u.do(http.MethodGet, w.begin(u, "/page"), nil)
			signedIn := test.status == http.StatusSeeOther
			if p.StatusCode != test.status || u.signedIn() != signedIn || len(w.revoked) != map[bool]int{false: 1}[signedIn] {
				t.Error(p.Status, w.revoked)
			}
			if signedIn && u.do(http.MethodGet, "/api/orders/1", nil).text != "orders" {
				t.Error("the session has another token")
			}
		})
	}
}
