package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

func cookies(t testing.TB, keys ...string) *client.PendingCookies {
	t.Helper()
	var all [][]byte
	for _, key := range keys {
		all = append(all, bytes.Repeat([]byte(key), 32))
	}
	p, err := client.NewPendingCookies(all...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browser is a request with the cookies of answers.
func browser(answers ...*httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "https://app.test/cb", nil)
	for _, w := range answers {
		for _, cookie := range w.Result().Cookies() {
			if cookie.MaxAge > 0 {
				r.AddCookie(cookie)
			}
		}
	}
	return r
}

func TestC14_PendingCookies(t *testing.T) {
	t.Parallel()
	c := newProvider().client(t, nil)
	one, two := begin(t, c, client.AuthorizationOptions{}), begin(t, c, client.AuthorizationOptions{})
	kept := cookies(t, "k")
	w := httptest.NewRecorder()
	for _, pending := range []*client.PendingAuthorization{one, two} { // two tabs
		if err := kept.Save(w, browser(), pending); err != nil {
			t.Fatal(err)
		}
	}
	for _, cookie := range w.Result().Cookies() {
		if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
			t.Errorf("%v", cookie)
		}
		for _, secret := range []string{one.State, one.Nonce, one.CodeVerifier} {
			if strings.Contains(cookie.String(), secret) {
				t.Error("the cookie can be read")
			}
		}
	}
	rotated := cookies(t, "n", "k")
	for name, test := range map[string]struct {
		cookies *client.PendingCookies
		r       *http.Request
		state   string
	}{
		"another browser": {cookies(t, "k"), browser(), one.State},
		"another state":   {cookies(t, "k"), browser(w), "other"},
		"another key":     {cookies(t, "x"), browser(w), one.State},
	} {
		if got, err := test.cookies.Take(httptest.NewRecorder(), test.r, test.state); !errors.Is(err, client.ErrNotPending) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	swapped := browser()
	names := w.Result().Cookies()
	swapped.AddCookie(&http.Cookie{Name: names[0].Name, Value: names[1].Value})
	if _, err := cookies(t, "k").Take(httptest.NewRecorder(), swapped, one.State); !errors.Is(err, client.ErrNotPending) {
		t.Errorf("swapped: %v", err)
	}
	for _, want := range []*client.PendingAuthorization{two, one} {
		taken := httptest.NewRecorder()
		got, err := rotated.Take(taken, browser(w), want.State)
		if err != nil {
			t.Fatal(err)
		}
		expected := *want
		expected.URL = ""
		if diff := cmp.Diff(expected, *got); diff != "" {
			t.Error(diff)
		}
		if gone := taken.Result().Cookies(); len(gone) != 1 || gone[0].MaxAge >= 0 {
			t.Errorf("%v", gone)
		}
		if _, err := rotated.Take(httptest.NewRecorder(), browser(w), want.State); !errors.Is(err, client.ErrNotPending) {
			t.Errorf("taken twice: %v", err)
		}
	}
}

func TestPendingCookiesAreFew(t *testing.T) {
	t.Parallel()
	c, kept := newProvider().client(t, nil), cookies(t, "k")
	var answers []*httptest.ResponseRecorder
	for range 20 {
		w := httptest.NewRecorder()
		if err := kept.Save(w, browser(answers...), begin(t, c, client.AuthorizationOptions{})); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, w)
		answers = answers[max(0, len(answers)-8):] // as a browser that does what it is told
		if gone := len(w.Result().Cookies()) - 1; len(answers) == 8 && gone > 1 {
			t.Errorf("%d removed", gone)
		}
	}
	if n := len(browser(answers...).Cookies()); n != 8 {
		t.Errorf("%d cookies", n)
	}
	long := begin(t, c, client.AuthorizationOptions{Resource: []string{strings.Repeat("r", 4096)}})
	if err := kept.Save(httptest.NewRecorder(), browser(), long); err == nil {
		t.Error("a cookie that no browser keeps")
	}
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {make([]byte, 16)}} {
		if _, err := client.NewPendingCookies(keys...); err == nil {
			t.Errorf("%v: taken", keys)
		}
	}
}

func TestC14_PendingMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := newProvider().client(t, nil), client.NewPendingMemory(10)
		pending := begin(t, c, client.AuthorizationOptions{Lifetime: time.Minute})
		take := func(session, state string) error {
			_, err := m.Take(t.Context(), session, state)
			return err
		}
		put := func() {
			if err := m.Put(t.Context(), "browser", pending); err != nil {
				t.Fatal(err)
			}
		}
		put()
		for name, err := range map[string]error{
			"another browser": take("other", pending.State), "another state": take("browser", "x"), "none": take("", pending.State),
		} {
			if !errors.Is(err, client.ErrNotPending) || !errors.Is(err, client.ErrCallback) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := take("browser", pending.State); err != nil {
			t.Error(err)
		}
		if err := take("browser", pending.State); err == nil {
			t.Error("taken twice")
		}
		put()
		time.Sleep(time.Minute + time.Second)
		if err := take("browser", pending.State); err == nil {
			t.Error("taken too late")
		}
	})
}

func TestPendingIsNotPrinted(t *testing.T) {
	t.Parallel()
	pending := begin(t, newProvider().client(t, nil), client.AuthorizationOptions{})
	if text := fmt.Sprintf("%v %+v %#v %s", pending, pending, *pending, pending); strings.Contains(text, pending.State) || strings.Contains(text, pending.CodeVerifier) {
		t.Error(text)
	}
}
