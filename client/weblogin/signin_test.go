package weblogin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

var errBanned = errors.New("banned")

// The hook decides before anything is stored. Whatever it does, no token is lost, and an earlier login remains.
func TestCaseW10_HookRejects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook   func(s *weblogin.SignIn) error
		status int // 0: accepted
		is     error
	}{
		"accepts":           {func(*weblogin.SignIn) error { return nil }, 0, nil},
		"rejects":           {func(*weblogin.SignIn) error { return errBanned }, http.StatusForbidden, errBanned},
		"says unavailable":  {func(*weblogin.SignIn) error { return client.ErrUnavailable }, http.StatusForbidden, client.ErrUnavailable},
		"says not pending":  {func(*weblogin.SignIn) error { return client.ErrNotPending }, http.StatusForbidden, client.ErrNotPending},
		"says no token":     {func(*weblogin.SignIn) error { return client.ErrNoToken }, http.StatusForbidden, client.ErrNoToken},
		"panics":            {func(*weblogin.SignIn) error { panic("secret-panic") }, http.StatusInternalServerError, nil},
		"panics with nil":   {func(*weblogin.SignIn) error { panic(error(nil)) }, http.StatusInternalServerError, nil},
		"returns elsewhere": {func(s *weblogin.SignIn) error { s.ReturnTo = "//evil.test/"; return nil }, http.StatusInternalServerError, nil},
		"returns in a loop": {func(s *weblogin.SignIn) error { s.ReturnTo = "/auth/callback"; return nil }, http.StatusInternalServerError, nil},
		"forges a login": {func(s *weblogin.SignIn) error {
			s.Values = map[string]any{"weblogin.x": []byte("{}")}
			return nil
		}, http.StatusInternalServerError, nil},
		"a value without a codec": {func(s *weblogin.SignIn) error {
			s.Values = map[string]any{"x": struct{ F func() }{}}
			return nil
		}, http.StatusInternalServerError, nil},
		"requires a step-up": {func(*weblogin.SignIn) error { return &weblogin.StepUpError{Login: "/x"} }, http.StatusForbidden, nil},
	} {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", signed in before: ", before), func(t *testing.T) {
				t.Parallel()
				var told error
				var said bytes.Buffer
				hook := func(*weblogin.SignIn) error { return nil }
				w := newLocalWorld(t, func(cfg *weblogin.Config) {
					cfg.OnSignIn = func(_ context.Context, s *weblogin.SignIn) error { return hook(s) }
					cfg.Logger = slog.New(slog.NewJSONHandler(&said, nil))
					cfg.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, status int, err error) {
						told = err
						rw.WriteHeader(status)
					}
				})
				u := w.user(t)
				if before {
					w.signIn(u)
				}
				id := u.cookie()
				hook = test.hook
				p := u.do(http.MethodGet, w.begin(u, "/page"), nil)
				if test.status == 0 {
					if p.Header.Get("Location") != "/page" || !u.signedIn() || len(w.revoked) != 0 {
						t.Error(p.Status, told)
					}
					return
				}
				if p.StatusCode != test.status || test.is != nil && !errors.Is(told, test.is) {
					t.Errorf("%s, %v", p.Status, told)
				}
				if diff := cmp.Diff([]string{"secret-rt0"}, w.revoked); diff != "" {
					t.Error(diff)
				}
				if u.signedIn() != before || u.cookie() != id || len(w.store.names(t, "token.")) != map[bool]int{true: 1}[before] {
					t.Error("the earlier login has changed, or a token is stored")
				}
				if strings.Contains(said.String(), "secret-") {
					t.Error(said.String())
				}
			})
		}
	}
}

// The hook sees the claims, the members of the response, and the session from before. It sets values of the new session.
func TestCaseW10_HookSees(t *testing.T) {
	t.Parallel()
	var printed string
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.OnSignIn = func(c context.Context, s *weblogin.SignIn) error {
			sawCart := cfg.Sessions.GetString(c, "cart")
			if s.Token.IDClaims.Subject() != "alice" || s.Token.Extra("token_type") != "Bearer" || s.Params.Get("tenant") != "7" ||
				s.Params.Has("code") || s.Params.Has("state") || s.Request.URL.Path != "/auth/callback" || s.ReturnTo != "/page" {
				t.Error(s.Params, s.Request.URL.Path, s.ReturnTo)
			}
			if until, ok := c.Deadline(); !ok || time.Until(until) > 2*time.Minute {
				t.Error("no deadline")
			}
			printed = fmt.Sprintf("%v %+v %#v %s", s, *s, s, *s)
			s.Values = map[string]any{"cart": sawCart, "plan": "gold"}
			s.ReturnTo = "/welcome"
			return nil
		}
	})
	w.page("/put", func(_ http.ResponseWriter, r *http.Request) { w.cfg.Sessions.Put(r.Context(), "cart", "9") })
	w.page("/get", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(rw, w.cfg.Sessions.GetString(r.Context(), "cart"), w.cfg.Sessions.GetString(r.Context(), "plan"))
	})
	u := w.user(t)
	for _, want := range []string{"gold", "9gold"} {
		if p := u.do(http.MethodGet, w.begin(u, "/page")+"&tenant=7", nil); p.Header.Get("Location") != "/welcome" {
			t.Fatal(p.Status, p.Header)
		}
		if p := u.do(http.MethodGet, "/get", nil); p.text != want {
			t.Errorf("the session has %q, expected %q", p.text, want)
		}
		u.do(http.MethodGet, "/put", nil)
	}
	for _, secret := range []string{"secret-", "alice", "eyJ"} {
		if strings.Contains(printed, secret) {
			t.Error(printed)
		}
	}
}

// The user signs out while the hook runs. The token is revoked, and nobody is signed in.
func TestCaseW10_LogoutDuringHook(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	w := newWorld(t, func(cfg *weblogin.Config) {
		cfg.OnSignIn = func(context.Context, *weblogin.SignIn) error {
			close(begun)
			<-goOn
			return nil
		}
	})
	u := w.user(t)
	callback, signedIn := w.begin(u, "/page"), make(chan page)
	go func() { signedIn <- u.do(http.MethodGet, callback, nil) }()
	<-begun
	u.do(http.MethodPost, "/auth/logout", nil)
	close(goOn)
	if p := <-signedIn; p.Header.Get("Location") != "/bye" || u.signedIn() || len(w.revoked) != 1 || len(w.store.names(t, "token.")) != 0 {
		t.Error(p.Status, w.revoked)
	}
}

// A callback that is opened twice or too late redirects a signed-in user to the application, and shows all others a link to
// the login.
func TestCaseW11_StaleCallback(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"a bookmark":             "/auth/callback",
		"an unknown state":       "/auth/callback?state=x&code=y",
		"a declined one":         "/auth/callback?state=x&error=access_denied",
		"a signed one":           "/auth/callback?response=a.b.c",
		"handled before":         "",
		"handled before, edited": "&code=z",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.AfterLogin = "/home" })
			u := w.user(t)
			done := w.begin(u, "/page")
			if p := u.do(http.MethodGet, done, nil); p.Header.Get("Location") != "/page" {
				t.Fatal(p.Status)
			}
			if !strings.HasPrefix(path, "/") {
				path = strings.ReplaceAll(done+path, "&&", "&")
			}
			id := u.cookie()
			p := u.do(http.MethodGet, path, nil)
			if p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/home" || u.cookie() != id || w.asked != 1 || len(w.revoked) != 0 {
				t.Error(p.Status, p.Header, w.asked)
			}
			u.do(http.MethodPost, "/auth/logout", nil)
			for _, who := range []user{u, w.user(t)} {
				p := who.do(http.MethodGet, path, nil)
				if link := loginLink.FindStringSubmatch(p.text); p.StatusCode != http.StatusBadRequest || link == nil || link[1] != "/auth/login" {
					t.Error(p.Status, p.text)
				}
			}
		})
	}
}

// If the user declines a sign-in, the error page is shown even if the user is signed in, because the callback is not stale.
func TestCaseW11_NewErrorIsShown(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	declined := strings.Replace(w.begin(u, "/pay"), "code=", "error=access_denied&x=", 1)
	p := u.do(http.MethodGet, declined, nil)
	if link := loginLink.FindStringSubmatch(p.text); p.StatusCode != http.StatusForbidden || link == nil || link[1] != "/auth/login?return_to=%2Fpay" || !u.signedIn() {
		t.Error(p.Status, p.text)
	}
}

// A user whom the server has signed out is not signed in, so a stale callback does not lead to the application.
func TestCaseW11_EndedElsewhere(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	if status := w.logOutElsewhere(t, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	if p := u.do(http.MethodGet, "/auth/callback?state=x", nil); p.StatusCode != http.StatusBadRequest {
		t.Error(p.Status)
	}
}
