package weblogin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

const demand = `Bearer error="insufficient_user_authentication", acr_values="gold", max_age="300"`

// requireGold is an API that requires a stronger sign-in.
func requireGold(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("WWW-Authenticate", demand)
	rw.WriteHeader(http.StatusUnauthorized)
}

// stepUpLink calls the API as a script does, and returns the login that the response names.
func (w *world) stepUpLink(u user) string {
	u.t.Helper()
	p := u.do(http.MethodGet, "/api/orders/1", nil)
	var body struct{ Error, Login string }
	if err := json.Unmarshal([]byte(p.text), &body); err != nil || p.StatusCode != http.StatusUnauthorized || body.Error != "insufficient_user_authentication" {
		u.t.Fatal(p.Status, p.text, err)
	}
	return body.Login
}

// An API requires a stronger sign-in. A script receives its URL, and calls the API again afterwards.
func TestCaseW9_StepUpForAScript(t *testing.T) {
	t.Parallel()
	for who, ok := range map[string]bool{"alice": true, "mallory": false} {
		w := newLocalWorld(t)
		w.let(requireGold)
		u := w.user(t)
		w.signIn(u)
		sent := u.do(http.MethodGet, w.stepUpLink(u)+"&return_to=%2Fpage%3Fpay", nil).sent(t)
		if diff := cmp.Diff(map[string]string{"acr_values": "gold", "max_age": "300", "scope": "openid api"}, picked(sent, loginNames...)); diff != "" {
			t.Error(diff)
		}
		if w.rotated != 0 {
			t.Error("the token was refreshed, although the API requires another sign-in")
		}
		w.claims = map[string]any{"sub": who, "acr": "gold", "auth_time": time.Now().Unix()}
		p := u.do(http.MethodGet, w.comeBack(sent), nil)
		if got := p.Header.Get("Location") == "/page?pay"; got != ok {
			t.Errorf("%s: %s %s", who, p.Status, p.text)
		}
		if u.do(http.MethodGet, "/page", nil).text != "hello alice" {
			t.Error(who, "the first user is not signed in")
		}
	}
}

// If some of the acr values that the API requires are configured, only these are requested. Otherwise, the values of the API
// replace the configured ones.
func TestCaseW9_StepUpAndConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		configured []string
		required   string
		want       string
	}{
		"nothing is configured": {nil, "gold silver", "gold silver"},
		"one of them":           {[]string{"silver", "gold"}, "gold", "gold"},
		"some of them":          {[]string{"gold", "platinum"}, "bronze gold", "gold"},
		"another":               {[]string{"silver"}, "gold", "gold"},
		"only an age":           {[]string{"silver"}, "", "silver"},
	} {
		w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Authorization.ACRValues = test.configured })
		if test.configured != nil {
			w.claims = map[string]any{"acr": test.configured[0]}
		}
		w.let(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", max_age="60", acr_values="`+test.required+`"`)
			rw.WriteHeader(http.StatusUnauthorized)
		})
		u := w.user(t)
		w.signIn(u)
		if got := u.do(http.MethodGet, w.stepUpLink(u), nil).sent(t).Get("acr_values"); got != test.want {
			t.Errorf("%s: %q, expected %q", name, got, test.want)
		}
	}
}

// The server does not meet the requirement. The user stays signed in as before, and is not redirected in circles.
func TestCaseW9_StepUpIsNotMet(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	w.let(requireGold)
	u := w.user(t)
	w.signIn(u)
	sent := u.do(http.MethodGet, w.stepUpLink(u), nil).sent(t)
	w.claims = map[string]any{"acr": "bronze", "auth_time": time.Now().Unix()}
	if p := u.do(http.MethodGet, w.comeBack(sent), nil); p.StatusCode != http.StatusForbidden || !u.signedIn() || len(w.revoked) != 1 {
		t.Error(p.Status, w.revoked)
	}
}

var loginLink = regexp.MustCompile(`<a id="login" href="([^"]*)">`)

// A browser that opens a page of the API gets a page with a link, and no redirect.
func TestCaseW9_StepUpForAPage(t *testing.T) {
	t.Parallel()
	opens := func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate"); r.Header.Set("Accept", "text/html") }
	w := newLocalWorld(t)
	w.let(requireGold)
	u := w.user(t)
	w.signIn(u)
	p := u.do(http.MethodGet, "/api/orders/1?x=y&z", opens)
	link := loginLink.FindStringSubmatch(p.text)
	if p.StatusCode != http.StatusUnauthorized || link == nil || p.Header.Get("Cache-Control") != "no-store" {
		t.Fatal(p.Status, p.text)
	}
	sent := u.do(http.MethodGet, strings.ReplaceAll(link[1], "&amp;", "&"), nil).sent(t)
	w.claims = map[string]any{"acr": "gold", "auth_time": time.Now().Unix()}
	if p := u.do(http.MethodGet, w.comeBack(sent), nil); p.Header.Get("Location") != "/api/orders/1?x=y&z" {
		t.Error(p.Status, p.Header)
	}
}

// The ErrorHandler receives the link.
func TestCaseW9_StepUpForTheErrorHandler(t *testing.T) {
	t.Parallel()
	var told *weblogin.StepUpError
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.ErrorHandler = func(rw http.ResponseWriter, r *http.Request, status int, err error) {
			if !asStepUp(err, &told) || r.URL.Path != "/api/orders/1" {
				t.Error(r.URL, err)
			}
			rw.WriteHeader(status)
		}
	})
	w.let(requireGold)
	u := w.user(t)
	w.signIn(u)
	p := u.do(http.MethodGet, "/api/orders/1", func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") })
	if p.StatusCode != http.StatusUnauthorized || told == nil || !strings.HasPrefix(told.Login, "/auth/login?step_up=") || !strings.HasSuffix(told.Login, "&return_to=%2Fapi%2Forders%2F1") {
		t.Error(p.Status, told)
	}
}

// Other responses of an API do not cause a step-up. They reach the script as before.
func TestCaseW9_NoStepUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		challenge string
		status    int
	}{
		"insufficient scope":  {`Bearer error="insufficient_scope"`, http.StatusForbidden},
		"403":                 {demand, http.StatusForbidden},
		"no challenge":        {"", http.StatusUnauthorized},
		"cannot be parsed":    {demand + `, x="`, http.StatusUnauthorized},
		"age is no number":    {`Bearer error="insufficient_user_authentication", max_age="soon"`, http.StatusUnauthorized},
		"longer than allowed": {`Bearer error="insufficient_user_authentication", acr_values="` + strings.Repeat("x", 513) + `"`, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			w.let(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("WWW-Authenticate", test.challenge)
				rw.WriteHeader(test.status)
				_, _ = rw.Write([]byte("of the API"))
			})
			u := w.user(t)
			w.signIn(u)
			if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != test.status || p.text != "of the API" || p.Header.Get("WWW-Authenticate") != "" {
				t.Error(p.Status, p.text)
			}
		})
	}
}

// A step-up link that was changed, that is of another application, or that has expired, starts nothing.
func TestCaseW9_StepUpLinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, other := newLocalWorld(t), newLocalWorld(t)
		links := make(map[*world]string)
		for _, one := range []*world{w, other} {
			one.let(requireGold)
			u := one.user(t)
			one.signIn(u)
			links[one] = one.stepUpLink(u)
		}
		u, good := w.user(t), links[w]
		sealed := must(url.Parse(good)).Query().Get("step_up")
		other20 := "A"
		if sealed[20] == 'A' {
			other20 = "B"
		}
		for name, link := range map[string]string{
			"of another application": links[other], "empty": "/auth/login?step_up=", "twice": good + "&step_up=" + sealed, "shorter": good[:len(good)-4],
			"changed": "/auth/login?step_up=" + sealed[:20] + other20 + sealed[21:], "padded": good + "%3D", "long": "/auth/login?step_up=" + strings.Repeat("A", 8<<10),
		} {
			if p := u.do(http.MethodGet, link, nil); p.StatusCode != http.StatusBadRequest || len(p.Cookies()) != 0 {
				t.Errorf("%s: %s", name, p.Status)
			}
		}
		if strings.Contains(good, "gold") || strings.Contains(good, "alice") {
			t.Error("the link shows what it contains:", good)
		}
		time.Sleep(10 * time.Minute)
		u.do(http.MethodGet, good, nil).sent(t)
		time.Sleep(time.Second)
		if p := u.do(http.MethodGet, good, nil); p.StatusCode != http.StatusBadRequest {
			t.Error("expired:", p.Status)
		}
	})
}

func asStepUp(err error, target **weblogin.StepUpError) bool { return errors.As(err, target) }
