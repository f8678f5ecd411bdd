package weblogin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
	"github.com/bearerkit/bearerkit/jwks"
)

// A path that browsers or http.Redirect resolve to the login would begin the next sign-in.
func TestCaseW9_ReturnToIsOutsideOfTheSignIn(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	for _, to := range []string{
		"/auth/./login", "/auth//login", "/auth/x/../login", "/x/../auth/callback?code=1", "/auth/%2e/login", "/auth/x/%2e%2e/login#a", "/%61uth/./callback",
	} {
		if p := u.do(http.MethodGet, w.begin(u, to), nil); p.Header.Get("Location") != "/" {
			t.Errorf("%s leads to %s", to, p.Header.Get("Location"))
		}
		cfg := w.cfg
		if cfg.AfterLogin = to; errOf(weblogin.New(cfg)) == nil {
			t.Errorf("New accepts AfterLogin %q", to)
		}
	}
	for _, to := range []string{"/auth/loginx", "/login", "/auth/", "/a/../b"} {
		if p := u.do(http.MethodGet, w.begin(u, to), nil); p.Header.Get("Location") == "/" {
			t.Errorf("%s is ignored", to)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// The page that sends the form again adds a field. What was accepted the first time is accepted again.
func TestCaseW8_BoundsOfTheSecondForm(t *testing.T) {
	t.Parallel()
	long := func(params url.Values) {
		params.Set("id_token", strings.Repeat("x", 48<<10))
		params.Set("user", strings.Repeat("x", 96<<10-len(params.Encode())-len("&user=")))
	}
	many := func(n int) func(params url.Values) {
		return func(params url.Values) {
			for len(params) < n {
				params.Set(fmt.Sprint("f", len(params)), "x")
			}
		}
	}
	for name, test := range map[string]struct {
		more func(url.Values)
		ok   bool
	}{"50 fields": {many(50), true}, "51 fields": {many(51), false}, "96 KiB": {long, true}} {
		w := newLocalWorld(t, formPost)
		u := w.user(t)
		params := paramsOf(t, w.begin(u, "/page"))
		test.more(params)
		p := w.user(t).post(params)
		if p.StatusCode == http.StatusOK {
			p = u.post(p.fields())
		}
		if got := p.Header.Get("Location") == "/page"; got != test.ok {
			t.Errorf("%s: %s", name, p.Status)
		}
	}
}

// The log says that the server ignores response_mode. It contains neither the code nor the state.
func TestCaseW8_LogNamesTheMode(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	w := newLocalWorld(t, formPost, func(cfg *weblogin.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
	u := w.user(t)
	u.do(http.MethodGet, "/auth/callback", nil)
	if strings.Contains(said.String(), "ResponseMode") {
		t.Error("a bookmark:", said.String())
	}
	callback := w.begin(u, "/page")
	p := u.do(http.MethodGet, callback, nil)
	if !strings.Contains(said.String(), "Config.Authorization.ResponseMode") || p.StatusCode != http.StatusBadRequest {
		t.Error(p.Status, said.String())
	}
	for _, name := range []string{"state", "code"} {
		if strings.Contains(said.String(), paramsOf(t, callback).Get(name)) {
			t.Error("the log has the", name)
		}
	}
}

// The caller changes its slices and maps after New.
func TestCaseW9_ConfigIsCopied(t *testing.T) {
	t.Parallel()
	acr, scopes, extra, claims := []string{"gold"}, []string{"openid", "api"}, url.Values{"tenant": {"1"}}, map[string]any{"a": 1}
	w := newLocalWorld(t, func(cfg *weblogin.Config) {
		cfg.Authorization = client.AuthorizationOptions{ACRValues: acr, Scopes: scopes, Extra: extra, Claims: claims}
	})
	acr[0], scopes[1], claims["a"] = "bronze", "admin", 2
	extra.Set("tenant", "2")
	sent := w.user(t).do(http.MethodGet, "/auth/login", nil).sent(t)
	want := map[string]string{"acr_values": "gold", "scope": "openid api", "tenant": "1", "claims": `{"a":1}`}
	if diff := cmp.Diff(want, picked(sent, "acr_values", "scope", "tenant", "claims")); diff != "" {
		t.Error(diff)
	}
}

// Each link to a stronger sign-in works. If the requirement of an API does not fit into a link, its response passes unchanged.
func TestCaseW9_StepUpThatIsTooLong(t *testing.T) {
	t.Parallel()
	for acr, fits := range map[string]bool{
		strings.Repeat("x", 512): true, strings.Repeat("é", 256): true, strings.TrimSpace(strings.Repeat("a ", 200)): true,
		strings.Repeat("<", 512): false, strings.Repeat("&", 400): false,
	} {
		w := newLocalWorld(t)
		w.let(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="`+acr+`"`)
			rw.WriteHeader(http.StatusUnauthorized)
		})
		u := w.user(t)
		w.signIn(u)
		var body struct{ Login string }
		p := u.do(http.MethodGet, "/api/orders/1", nil)
		if _ = json.Unmarshal([]byte(p.text), &body); p.StatusCode != http.StatusUnauthorized || (body.Login != "") != fits {
			t.Errorf("%.10q: %s %s", acr, p.Status, p.text)
		}
		if fits && u.do(http.MethodGet, body.Login, nil).sent(t).Get("acr_values") != acr {
			t.Errorf("%.10q: the link does not work", acr)
		}
	}
}

// newWorldOf is like newLocalWorld, with another client.
func newWorldOf(t testing.TB, change func(*client.Config), changes ...func(*weblogin.Config)) *world {
	t.Helper()
	w := prepare()
	w.site, w.transfer = "https://app.test", handled{w.mux}
	changes = append(changes, func(cfg *weblogin.Config) { cfg.Client = w.client(t, change) })
	w.build(t, "https://api.test", handled{http.HandlerFunc(w.api)}, changes...)
	return w
}

// noKeys is a key set that cannot be read.
type noKeys struct{}

func (noKeys) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, jwks.ErrUnavailable
}

// A key set that cannot be read, or a response without an ID token, is not a sign-in that is too weak.
func TestCaseW9_UnmetOrFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(w *world)
		noKeys  bool
		status  int
	}{
		"another acr": {func(w *world) { w.claims = map[string]any{"acr": "bronze"} }, false, http.StatusForbidden},
		"no ID token": {func(w *world) { w.noIDToken = true }, false, http.StatusBadGateway},
		"no keys":     {func(*world) {}, true, http.StatusServiceUnavailable},
	} {
		w := newWorldOf(t, func(cfg *client.Config) {
			if test.noKeys {
				cfg.Keys = noKeys{}
			}
		}, func(cfg *weblogin.Config) { cfg.Authorization.ACRValues = []string{"gold"} })
		test.prepare(w)
		u := w.user(t)
		if p := u.do(http.MethodGet, w.begin(u, "/page"), nil); p.StatusCode != test.status || len(w.revoked) != 1 {
			t.Errorf("%s: %s %v", name, p.Status, w.revoked)
		}
	}
}

// Some servers compare the names of parameters without case. A link could then replace what Config.Authorization requires.
func TestCaseW9_LoginParamsWithOtherCase(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for name, ok := range map[string]bool{
		"Prompt": false, "PROMPT": false, "Acr_Values": false, "max_Age": false, "Login_hint": false, "Tenant": false, "tenant": false,
		"prompt": true, "domainHint": true,
	} {
		cfg := w.cfg
		cfg.Sessions, cfg.LoginParams, cfg.Authorization.Extra = scs.New(), []string{name}, url.Values{"tenant": {"1"}}
		if _, err := weblogin.New(cfg); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "Config.LoginParams") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A page with a long query can be the return path, whatever its characters, also of a sign-in that an API requires.
func TestCaseW9_LongReturnTo(t *testing.T) {
	t.Parallel()
	for _, char := range []string{"x", "&", "<", ">", "é", "=%26&"} {
		to := "/x?" + strings.Repeat(char, (1<<10-len("/x?"))/len(char))
		w := newLocalWorld(t)
		w.claims = map[string]any{"sub": strings.Repeat("s", 255)}
		w.let(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="`+strings.Repeat("x", 512)+`"`)
			rw.WriteHeader(http.StatusUnauthorized)
		})
		u := w.user(t)
		w.signIn(u)
		if p := u.do(http.MethodGet, w.begin(u, to), nil); p.StatusCode != http.StatusSeeOther || must(url.PathUnescape(p.Header.Get("Location"))) != must(url.PathUnescape(to)) {
			t.Errorf("%q: %s", char, p.Status)
		}
		u.do(http.MethodGet, w.stepUpLink(u)+"&"+url.Values{"return_to": {to}}.Encode(), nil).sent(t)
	}
}
