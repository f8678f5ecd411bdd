package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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

// browser returns a request with the cookies that the responses set.
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
		answers = answers[max(0, len(answers)-8):] // like a browser that obeys every Set-Cookie header
		if gone := len(w.Result().Cookies()) - 1; len(answers) == 8 && gone > 1 {
			t.Errorf("%d removed", gone)
		}
	}
	if n := len(browser(answers...).Cookies()); n != 8 {
		t.Errorf("%d cookies", n)
	}
	long := begin(t, c, client.AuthorizationOptions{Resource: []string{strings.Repeat("r", 4096)}})
	if err := kept.Save(httptest.NewRecorder(), browser(), long); err == nil {
		t.Error("Save accepted a sign-in that does not fit into a cookie")
	}
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {make([]byte, 16)}} {
		if _, err := client.NewPendingCookies(keys...); err == nil {
			t.Errorf("%v: accepted", keys)
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

func pendingOf(mode string) *client.PendingAuthorization {
	return &client.PendingAuthorization{
		State: client.RandomValue(32), Issuer: issuerURL, ResponseMode: mode, ExpiresAt: time.Now().Add(10 * time.Minute),
	}
}

// A form_post comes from another site, so the browser sends only cookies with SameSite=None.
func TestC14_CookiesForAFormPost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode     string
		sameSite http.SameSite
		http     bool
		want     http.SameSite // zero: rejected
	}{
		"query":                   {"", 0, false, http.SameSiteLaxMode},
		"query, strict":           {"", http.SameSiteStrictMode, false, http.SameSiteStrictMode},
		"query, for all":          {"", http.SameSiteNoneMode, false, http.SameSiteNoneMode},
		"query, development":      {"", 0, true, http.SameSiteLaxMode},
		"form_post":               {"form_post", 0, false, http.SameSiteNoneMode},
		"form_post.jwt":           {"form_post.jwt", 0, false, http.SameSiteNoneMode},
		"form_post, lax":          {"form_post", http.SameSiteLaxMode, false, 0},
		"form_post, strict":       {"form_post", http.SameSiteStrictMode, false, 0},
		"form_post, development":  {"form_post", 0, true, 0},
		"query, signed, by a GET": {"query.jwt", 0, false, http.SameSiteLaxMode},
	} {
		kept, w, pending := cookies(t, "k"), httptest.NewRecorder(), pendingOf(test.mode)
		kept.SameSite, kept.InsecureHTTP = test.sameSite, test.http
		if err := kept.Save(w, browser(), pending); (err == nil) != (test.want != 0) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if test.want == 0 {
			if len(w.Result().Cookies()) != 0 {
				t.Errorf("%s: there is a cookie", name)
			}
			continue
		}
		cookie := w.Result().Cookies()[0]
		if cookie.SameSite != test.want || cookie.Secure == test.http || !cookie.HttpOnly || strings.HasPrefix(cookie.Name, "__Host-") == test.http || cookie.Domain != "" {
			t.Errorf("%s: %v", name, cookie)
		}
		r := browser(w)
		if strings.HasPrefix(test.mode, "form_post") {
			r.Method = http.MethodPost
		}
		gone := httptest.NewRecorder()
		if _, err := kept.Take(gone, r, pending.State); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if removed := gone.Result().Cookies()[0]; removed.SameSite != test.want || removed.MaxAge >= 0 || removed.Secure == test.http || removed.Value != "" {
			t.Errorf("%s: %v", name, removed)
		}
	}
}

// If the application receives the response of a form_post a second time from its own page, Lax is enough.
func TestCaseW8_CookiesForAResubmittedFormPost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode     string
		sameSite http.SameSite
		http     bool
		want     http.SameSite
	}{
		"query":                  {"", 0, false, http.SameSiteLaxMode},
		"form_post":              {"form_post", 0, false, http.SameSiteLaxMode},
		"form_post.jwt":          {"form_post.jwt", 0, false, http.SameSiteLaxMode},
		"form_post, for all":     {"form_post", http.SameSiteNoneMode, false, http.SameSiteNoneMode},
		"form_post, development": {"form_post", 0, true, http.SameSiteLaxMode},
	} {
		kept, w, gone, pending := cookies(t, "k"), httptest.NewRecorder(), httptest.NewRecorder(), pendingOf(test.mode)
		kept.SameSite, kept.InsecureHTTP, kept.Resubmits = test.sameSite, test.http, true
		if err := kept.Save(w, browser(), pending); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := browser(w)
		r.Method = http.MethodPost
		if _, err := kept.Take(gone, r, pending.State); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		set, removed := w.Result().Cookies()[0], gone.Result().Cookies()[0]
		if set.SameSite != test.want || set.Secure == test.http || removed.SameSite != test.want || removed.MaxAge >= 0 {
			t.Errorf("%s: %v, then %v", name, set, removed)
		}
	}
}

// A change of any byte of a cookie is detected, and the cookie is removed.
func TestC14_TamperedCookies(t *testing.T) {
	t.Parallel()
	w, pending := httptest.NewRecorder(), pendingOf("")
	if err := cookies(t, "k").Save(w, browser(), pending); err != nil {
		t.Fatal(err)
	}
	whole := w.Result().Cookies()[0]
	values := []string{"", "!", whole.Value[:20], whole.Value + "A", whole.Value + "="}
	for i := range whole.Value {
		other := byte('A')
		if whole.Value[i] == other {
			other = 'B'
		}
		values = append(values, whole.Value[:i]+string(other)+whole.Value[i+1:])
	}
	for _, value := range values {
		r, gone := browser(), httptest.NewRecorder()
		r.AddCookie(&http.Cookie{Name: whole.Name, Value: value})
		if got, err := cookies(t, "k").Take(gone, r, pending.State); !errors.Is(err, client.ErrNotPending) || got != nil {
			t.Fatalf("%s: %v, %v", value, got, err)
		}
		if removed := gone.Result().Cookies(); len(removed) != 1 || removed[0].MaxAge >= 0 {
			t.Fatalf("%s: %v", value, removed)
		}
	}
	if _, err := cookies(t, "k").Take(httptest.NewRecorder(), browser(w), pending.State); err != nil {
		t.Error(err)
	}
}

func TestC14_CookiesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, pending := httptest.NewRecorder(), pendingOf("")
		if err := cookies(t, "k").Save(w, browser(), pending); err != nil {
			t.Fatal(err)
		}
		if age := w.Result().Cookies()[0].MaxAge; age != 600 {
			t.Errorf("MaxAge is %d", age)
		}
		time.Sleep(10*time.Minute + time.Nanosecond) // a browser may keep it
		if _, err := cookies(t, "k").Take(httptest.NewRecorder(), browser(w), pending.State); !errors.Is(err, client.ErrNotPending) {
			t.Error(err)
		}
	})
}

// Of many concurrent requests with the same cookie, one gets the sign-in.
func TestC14_PendingSignInIsTakenOnce(t *testing.T) {
	t.Parallel()
	kept, memory, pending, w := cookies(t, "k"), client.NewPendingMemory(10), pendingOf(""), httptest.NewRecorder()
	if err := errors.Join(kept.Save(w, browser(), pending), memory.Put(t.Context(), "s", pending)); err != nil {
		t.Fatal(err)
	}
	r := browser(w)
	for name, take := range map[string]func() error{
		"cookies": func() error {
			_, err := kept.Take(httptest.NewRecorder(), r, pending.State)
			return err
		},
		"memory": func() error {
			_, err := memory.Take(t.Context(), "s", pending.State)
			return err
		},
	} {
		var all sync.WaitGroup
		var taken atomic.Int32
		for range 50 {
			all.Go(func() {
				if err := take(); err == nil {
					taken.Add(1)
				} else if !errors.Is(err, client.ErrNotPending) {
					t.Error(err)
				}
			})
		}
		if all.Wait(); taken.Load() != 1 {
			t.Errorf("%s: taken %d times", name, taken.Load())
		}
	}
}

// All cookies together fit into one header line.
func TestPendingCookiesAreSmallTogether(t *testing.T) {
	t.Parallel()
	if n := heldAfter(t, strings.Repeat("r", 2000)); n != 2 {
		t.Errorf("%d long cookies", n)
	}
	if n := heldAfter(t, ""); n != 8 {
		t.Errorf("%d cookies", n)
	}
}

// heldAfter returns the number of cookies that a browser has after many sign-ins began.
func heldAfter(t *testing.T, returnTo string) int {
	t.Helper()
	kept := cookies(t, "k")
	held := make(map[string]string)
	for range 21 {
		r, w, pending := browser(), httptest.NewRecorder(), pendingOf("")
		for name, value := range held {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		pending.ReturnTo = returnTo
		if err := kept.Save(w, r, pending); err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, cookie := range w.Result().Cookies() {
			held[cookie.Name] = cookie.Value
			if cookie.MaxAge < 0 {
				delete(held, cookie.Name)
			}
		}
		for name, value := range held {
			size += len(name) + len(value) + len("=; ")
		}
		if size > 6<<10+100 || len(held) > 8 {
			t.Errorf("%d cookies of %d octets", len(held), size)
		}
	}
	return len(held)
}

func TestPendingMemoryIsBounded(t *testing.T) {
	t.Parallel()
	memory := client.NewPendingMemory(3)
	var all []*client.PendingAuthorization
	for range 10 {
		pending := pendingOf("")
		all = append(all, pending)
		if err := memory.Put(t.Context(), "s", pending); err != nil {
			t.Fatal(err)
		}
		pending.Issuer = "changed"
	}
	found := 0
	for _, pending := range all {
		if got, err := memory.Take(t.Context(), "s", pending.State); err == nil {
			found++
			if got.Issuer != issuerURL {
				t.Error("a change by the caller affected the stored value")
			}
		}
	}
	if found != 3 {
		t.Errorf("%d found", found)
	}
	if err := memory.Put(t.Context(), "", pendingOf("")); err == nil {
		t.Error("no error for an empty session")
	}
}

// Pending returns the sign-ins of this browser, and leaves them pending.
func TestPendingCookiesAreListed(t *testing.T) {
	t.Parallel()
	c := newProvider().client(t, nil)
	kept, others := cookies(t, "k"), cookies(t, "o")
	w := httptest.NewRecorder()
	mine, foreign := begin(t, c, client.AuthorizationOptions{}), begin(t, c, client.AuthorizationOptions{})
	for pending, in := range map[*client.PendingAuthorization]*client.PendingCookies{mine: kept, foreign: others} {
		if err := in.Save(w, browser(), pending); err != nil {
			t.Fatal(err)
		}
	}
	r := browser(w)
	r.AddCookie(&http.Cookie{Name: "__Host-signin-x", Value: "made-up"})
	for range 2 {
		all := kept.Pending(r)
		if len(all) != 1 || all[0].State != mine.State {
			t.Errorf("%d sign-ins, want the one of this browser and this key", len(all))
		}
	}
	if _, err := kept.Take(httptest.NewRecorder(), r, mine.State); err != nil {
		t.Error("a listed sign-in cannot be taken:", err)
	}
}

func TestClientNamesItsOwner(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{Issuer: "https://login.test", ClientID: "web", RedirectURI: "https://app.test/cb"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer() != "https://login.test" || c.ClientID() != "web" || c.RedirectURI() != "https://app.test/cb" {
		t.Error(c.Issuer(), c.ClientID(), c.RedirectURI())
	}
}

// A pending sign-in from the future means that the clock was set back. It is treated as expired, because its age is not
// known. A difference within the clock skew is accepted.
func TestCaseX11_PendingAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	for started, accepted := range map[time.Duration]bool{0: true, 5 * time.Second: true, time.Hour: false, -time.Hour: false} {
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{})
		pending.StartedAt, pending.ExpiresAt = pending.StartedAt.Add(started), pending.ExpiresAt.Add(started)
		p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
		_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
		if (err == nil) != accepted || err != nil && !errors.Is(err, client.ErrCallback) {
			t.Errorf("started %v from now: error %v, want accepted %v", started, err, accepted)
		}
		if sent := len(p.requests) > 0; sent != accepted {
			t.Errorf("started %v from now: code sent %v, want %v", started, sent, accepted)
		}
	}
}
