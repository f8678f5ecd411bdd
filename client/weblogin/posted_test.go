package weblogin_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

func formPost(cfg *weblogin.Config) { cfg.Authorization.ResponseMode = "form_post" }

// post sends a form to the callback, as a page of the provider does. Call it for a user without cookies, as if the
// browser had not sent its SameSite=Lax cookies.
func (u user) post(params url.Values, changes ...func(*http.Request)) page {
	u.t.Helper()
	return u.do(http.MethodPost, "/auth/callback", func(r *http.Request) {
		body := params.Encode()
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", issuer)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		for _, change := range changes {
			change(r)
		}
	})
}

// paramsOf returns the parameters of a callback URL.
func paramsOf(t testing.TB, callback string) url.Values {
	t.Helper()
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fields returns the form that a page sends by itself.
func (p page) fields() url.Values {
	form := make(url.Values)
	for _, input := range hiddenInput.FindAllStringSubmatch(p.text, -1) {
		form.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return form
}

// The response arrives without the cookies. The page that the App returns sends it again, now with the cookies.
func TestCaseW8_FormPost(t *testing.T) {
	t.Parallel()
	extra := url.Values{
		"user": {`{"name":{"firstName":"Ann","lastName":"O'<b>\"&"}}`}, "id_token": {"not a token"}, "session_state": {"a.b"}, "submit": {"x"},
		"action": {""}, "iss": {issuer},
	}
	for name, test := range map[string]struct {
		extra    url.Values
		sameSite bool // the provider is of the same site, so that the cookies arrive at once
		before   bool // another user was signed in before
	}{
		"plain": {}, "extra fields": {extra: extra}, "same site": {sameSite: true}, "same site, extra fields": {extra: extra, sameSite: true},
		"signed in before": {before: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen url.Values
			w := newLocalWorld(t, formPost, func(cfg *weblogin.Config) {
				cfg.OnSignIn = func(_ context.Context, s *weblogin.SignIn) error { seen = s.Params; return nil }
			})
			u := w.user(t)
			if test.before {
				w.signInPosted(u, nil)
			}
			before, params := u.cookie(), paramsOf(t, w.begin(u, "/page"))
			for name, values := range test.extra {
				params[name] = values
			}
			first := w.user(t)
			if test.sameSite {
				first = u
			}
			p := first.post(params)
			if !test.sameSite {
				if p.StatusCode != http.StatusOK || len(p.Cookies()) != 0 || w.asked != map[bool]int{true: 1}[test.before] || p.Header.Get("Location") != "" {
					t.Fatal(p.Status, p.Header, w.asked)
				}
				p = u.post(p.fields(), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin"); r.Header.Set("Origin", "null") })
			}
			if p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/page" || !u.signedIn() || u.cookie() == before {
				t.Error(p.Status, p.Header, p.text)
			}
			for name, values := range test.extra {
				if seen.Get(name) != values[0] {
					t.Errorf("the hook received %q as %s, expected %q", seen.Get(name), name, values[0])
				}
			}
			for _, name := range []string{"code", "state", "weblogin_resubmitted"} {
				if seen.Has(name) {
					t.Errorf("the hook received %s", name)
				}
			}
			if left := len(w.store.names(t, "token.")); left != 1 {
				t.Errorf("%d tokens are stored, expected 1: the old login was not replaced", left)
			}
		})
	}
}

// signInPosted signs a user in through the page that sends the form again.
func (w *world) signInPosted(u user, extra url.Values) {
	u.t.Helper()
	params := paramsOf(u.t, w.begin(u, "/page"))
	for name, values := range extra {
		params[name] = values
	}
	if p := u.post(w.user(u.t).post(params).fields()); p.Header.Get("Location") != "/page" {
		u.t.Fatal(p.Status, p.text)
	}
}

// A signed response works in the same way.
func TestCaseW8_SignedFormPost(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Authorization.ResponseMode = "form_post.jwt" })
	u := w.user(t)
	params := paramsOf(t, w.begin(u, "/page"))
	response := w.issuer.AccessToken().SetHeader("typ", bearertest.Absent).Set("aud", "web").Set("code", params.Get("code")).Set("state", params.Get("state"))
	for _, name := range []string{"sub", "client_id", "jti", "scope", "iat"} {
		response.Set(name, bearertest.Absent)
	}
	signed := url.Values{"response": {response.Sign()}}
	if p := u.post(w.user(t).post(signed).fields()); p.Header.Get("Location") != "/page" || !u.signedIn() {
		t.Error(p.Status, p.text)
	}
	changed := url.Values{"response": {signed.Get("response") + "A"}}
	w.begin(u, "/page")
	if p := w.user(t).post(changed); w.asked != 1 || p.StatusCode == http.StatusSeeOther {
		t.Error(p.Status, w.asked)
	}
}

// What the page that sends the form again may do: one script, no frame, no cache, and no address with parameters.
func TestCaseW8_PageIsSafe(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, formPost)
	attack := `"><script>alert(1)</script><form action="https://evil.test/">`
	p := w.user(t).post(url.Values{"state": {attack}, attack: {attack}, "code": {"secret"}})
	if strings.Contains(p.text, "<script>alert") || strings.Count(p.text, "<form") != 1 || strings.Count(p.text, "<script>") != 1 || !strings.Contains(p.text, `action="/auth/callback"`) {
		t.Error(p.text)
	}
	if got := p.fields(); got.Get(attack) != attack || got.Get("state") != attack || got.Get("weblogin_resubmitted") == "" {
		t.Error(got)
	}
	policy := p.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
			t.Errorf("%q does not have %s", policy, want)
		}
	}
	if p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Referrer-Policy") != "no-referrer" || strings.Contains(fmt.Sprint(p.Header), "secret") {
		t.Error(p.Header)
	}
}

// Responses that were not requested in this form, that belong to no sign-in, that arrive twice, or that are too long.
func TestCaseW8_Rejected(t *testing.T) {
	t.Parallel()
	many := url.Values{"state": {"x"}}
	for n := range 60 {
		many.Set(fmt.Sprint("f", n), "x")
	}
	for name, test := range map[string]struct {
		params url.Values
		change func(*http.Request)
	}{
		"no state":      {url.Values{"code": {"c"}}, nil},
		"empty":         {nil, nil},
		"state twice":   {url.Values{"state": {"a", "b"}, "code": {"c"}}, nil},
		"a field twice": {url.Values{"state": {"a"}, "user": {"1", "2"}}, nil},
		"many fields":   {many, nil},
		"too long":      {url.Values{"state": {"a"}, "user": {strings.Repeat("x", 97<<10)}}, nil},
		"JSON":          {url.Values{"state": {"a"}}, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }},
		"in the query":  {nil, func(r *http.Request) { r.URL.RawQuery = "state=a&code=c" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, formPost)
			p := w.user(t).post(test.params, func(r *http.Request) {
				if test.change != nil {
					test.change(r)
				}
			})
			if p.StatusCode != http.StatusBadRequest || len(p.fields()) != 0 || w.asked != 0 {
				t.Error(p.Status, p.text)
			}
		})
	}
}

// A code in the query is not used if the response must be a form, also in the browser that began the sign-in. And a form is
// not accepted if the response must be a redirect.
func TestCaseW8_OnlyTheConfiguredMode(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, formPost)
	u := w.user(t)
	callback := w.begin(u, "/page")
	for _, more := range []string{"", "&weblogin_resubmitted=1"} {
		if p := u.do(http.MethodGet, callback+more, nil); p.StatusCode != http.StatusBadRequest || w.asked != 0 || u.signedIn() {
			t.Error(p.Status, w.asked)
		}
	}
	if p := u.post(paramsOf(t, callback)); p.Header.Get("Location") != "/page" { // the sign-in can still be completed
		t.Error(p.Status)
	}
	for _, mode := range []string{"", "query", "jwt", "query.jwt"} {
		w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Authorization.ResponseMode = mode })
		u := w.user(t)
		if p := u.post(paramsOf(t, w.begin(u, "/page"))); p.StatusCode != http.StatusMethodNotAllowed || w.asked != 0 || u.signedIn() {
			t.Errorf("%q: %s", mode, p.Status)
		}
	}
}

// A page of another site posts forms to the callback. They sign nobody in or out, and use no memory and no cookies.
func TestCaseW8_FloodOfForms(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, formPost)
	u := w.user(t)
	w.signInPosted(u, nil)
	entries, _ := w.store.All()
	cookies := len(u.Jar.Cookies(u.site))
	params := paramsOf(t, w.begin(w.user(t), "/page")) // the sign-in of the attacker
	for n := range 200 {
		forged := url.Values{"state": {fmt.Sprint("s", n)}, "code": {"c"}}
		if n%2 == 0 {
			forged = params
		}
		stranger := w.user(t)
		stranger.post(forged)
		forged.Set("weblogin_resubmitted", "1")
		if p := stranger.post(forged); p.StatusCode != http.StatusBadRequest || len(p.Cookies()) != 0 {
			t.Fatal(p.Status, p.Cookies())
		}
		if p := u.post(forged); p.Header.Get("Location") != "/" || len(p.Cookies()) != 0 { // the user is signed in already
			t.Fatal(p.Status, p.Cookies())
		}
		forged.Del("weblogin_resubmitted")
	}
	after, _ := w.store.All()
	if len(after) != len(entries) || len(u.Jar.Cookies(u.site)) != cookies || w.asked != 1 || !u.signedIn() {
		t.Errorf("%d entries, expected %d; %d token requests", len(after), len(entries), w.asked)
	}
}

// slowForm is a body that never ends, and a connection that supports deadlines.
type slowForm struct {
	*httptest.ResponseRecorder

	deadline time.Time
}

func (s *slowForm) SetReadDeadline(deadline time.Time) error {
	s.deadline = deadline
	return nil
}

func (s *slowForm) Read([]byte) (int, error) {
	if s.deadline.IsZero() {
		return 0, errors.New("read without a deadline")
	}
	time.Sleep(time.Until(s.deadline))
	return 0, os.ErrDeadlineExceeded
}

func (*slowForm) Close() error { return nil }

// The App stops reading a form that stalls after 15 s.
func TestCaseW8_SlowForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, slow, begun := newLocalWorld(t, formPost), &slowForm{ResponseRecorder: httptest.NewRecorder()}, time.Now()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, w.site+"/auth/callback", slow)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w.app.ServeHTTP(slow, r)
		if took := time.Since(begun); slow.Code != http.StatusBadRequest || took != 15*time.Second {
			t.Error(slow.Code, took)
		}
	})
}

// The user's own page sends a form that was handled before.
func TestCaseW8_FormTwice(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, formPost)
	u := w.user(t)
	form := w.user(t).post(paramsOf(t, w.begin(u, "/page"))).fields()
	for n, want := range []string{"/page", "/", "/"} {
		if p := u.post(form); p.Header.Get("Location") != want || w.asked != 1 {
			t.Errorf("request %d: %s %s", n, p.Status, p.Header.Get("Location"))
		}
	}
}

// Without TLS, browsers store no cookie with SameSite=None. The App does not need one.
func TestCaseW8_WithoutTLS(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	c := w.client(t, func(cfg *client.Config) { cfg.RedirectURI = "http://app.test/auth/callback" })
	app, err := weblogin.New(weblogin.Config{
		Client: c, Sessions: scs.New(), InsecureHTTP: true, Authorization: client.AuthorizationOptions{ResponseMode: "form_post"},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	resp, err := handled{mux}.RoundTrip(must(http.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.test/auth/login", http.NoBody)))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if set := resp.Cookies(); resp.StatusCode != http.StatusSeeOther || len(set) != 1 || set[0].SameSite != http.SameSiteLaxMode || set[0].Secure {
		t.Error(resp.Status, set)
	}
}
