package weblogin_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// sent returns the parameters that the login sends to the provider.
func (p page) sent(t testing.TB) url.Values {
	t.Helper()
	to, err := p.Location()
	if err != nil || p.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), issuer+"/auth?") {
		t.Fatal(p.Status, p.text, err)
	}
	return to.Query()
}

// picked returns those of the parameters that are named, and that are sent.
func picked(all url.Values, names ...string) map[string]string {
	some := make(map[string]string)
	for name := range all {
		if slices.Contains(names, name) {
			some[name] = all.Get(name)
		}
	}
	return some
}

var loginNames = []string{"prompt", "login_hint", "acr_values", "max_age", "ui_locales", "display", "domain_hint", "scope", "tenant"}

// A link to the login chooses what Config.LoginParams allows, and never makes the sign-in weaker than configured.
func TestCaseW9_LoginParams(t *testing.T) {
	t.Parallel()
	all := []string{"prompt", "login_hint", "acr_values", "max_age", "ui_locales", "display", "domain_hint"}
	strict := client.AuthorizationOptions{
		Prompt: []string{"consent"}, ACRValues: []string{"gold", "silver"}, MaxAge: 5 * time.Minute, Extra: url.Values{"tenant": {"1"}},
	}
	for name, test := range map[string]struct {
		allowed []string
		base    client.AuthorizationOptions
		query   string
		want    map[string]string // nil: rejected
	}{
		"nothing is allowed":    {nil, client.AuthorizationOptions{}, "prompt=none&acr_values=x&domain_hint=y&scope=admin", map[string]string{"scope": "openid api"}},
		"one is allowed":        {[]string{"login_hint"}, client.AuthorizationOptions{}, "login_hint=a%40b.test&prompt=consent", map[string]string{"login_hint": "a@b.test", "scope": "openid api"}},
		"to switch accounts":    {nil, client.AuthorizationOptions{}, "prompt=login&acr_values=x", map[string]string{"prompt": "login", "scope": "openid api"}},
		"switch, configured":    {nil, strict, "prompt=login", map[string]string{"prompt": "consent login", "acr_values": "gold silver", "max_age": "300", "tenant": "1", "scope": "openid api"}},
		"switch, twice":         {nil, client.AuthorizationOptions{}, "prompt=login&prompt=none", nil},
		"not to switch":         {nil, client.AuthorizationOptions{}, "prompt=none&prompt=login", map[string]string{"scope": "openid api"}},
		"all of them":           {all, client.AuthorizationOptions{}, "prompt=login+consent&acr_values=a+b&max_age=60&ui_locales=de+en&display=touch&domain_hint=x.test", map[string]string{"prompt": "login consent", "acr_values": "a b", "max_age": "60", "ui_locales": "de en", "display": "touch", "domain_hint": "x.test", "scope": "openid api"}},
		"empty":                 {all, strict, "prompt=&acr_values=&max_age=&domain_hint=", map[string]string{"prompt": "consent", "acr_values": "gold silver", "max_age": "300", "tenant": "1", "scope": "openid api"}},
		"spaces":                {all, strict, "prompt=+&acr_values=++", map[string]string{"prompt": "consent", "acr_values": "gold silver", "max_age": "300", "tenant": "1", "scope": "openid api"}},
		"stricter":              {all, strict, "prompt=login&acr_values=gold&max_age=60", map[string]string{"prompt": "consent login", "acr_values": "gold", "max_age": "60", "tenant": "1", "scope": "openid api"}},
		"an older sign-in":      {all, strict, "max_age=86400", map[string]string{"prompt": "consent", "acr_values": "gold silver", "max_age": "300", "tenant": "1", "scope": "openid api"}},
		"age zero":              {all, client.AuthorizationOptions{}, "max_age=0", map[string]string{"max_age": "1", "scope": "openid api"}},
		"no prompt at all":      {all, client.AuthorizationOptions{}, "prompt=none", map[string]string{"prompt": "none", "scope": "openid api"}},
		"a weaker acr":          {all, strict, "acr_values=bronze", nil},
		"gold or weaker":        {all, strict, "acr_values=gold+bronze", nil},
		"avoids the prompt":     {all, strict, "prompt=none", nil},
		"none and others":       {all, client.AuthorizationOptions{}, "prompt=none+login", nil},
		"age is no number":      {all, client.AuthorizationOptions{}, "max_age=1h", nil},
		"negative age":          {all, client.AuthorizationOptions{}, "max_age=-1", nil},
		"huge age":              {all, client.AuthorizationOptions{}, "max_age=99999999999999999999", nil},
		"twice":                 {all, client.AuthorizationOptions{}, "login_hint=a&login_hint=b", nil},
		"too long":              {all, client.AuthorizationOptions{}, "login_hint=" + strings.Repeat("x", 513), nil},
		"as long as possible":   {[]string{"domain_hint"}, client.AuthorizationOptions{}, "domain_hint=" + strings.Repeat("x", 512), map[string]string{"domain_hint": strings.Repeat("x", 512), "scope": "openid api"}},
		"a control character":   {all, client.AuthorizationOptions{}, "login_hint=a%0d%0ab", nil},
		"not UTF-8":             {all, client.AuthorizationOptions{}, "domain_hint=%ff", nil},
		"parameters in a value": {all, client.AuthorizationOptions{}, "domain_hint=a%26scope%3Dadmin", map[string]string{"domain_hint": "a&scope=admin", "scope": "openid api"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.LoginParams, cfg.Authorization = test.allowed, test.base })
			p := w.user(t).do(http.MethodGet, "/auth/login?"+test.query, nil)
			if test.want == nil {
				if p.StatusCode != http.StatusBadRequest || len(p.Cookies()) != 0 || !strings.Contains(p.text, "link") {
					t.Error(p.Status, p.text)
				}
				return
			}
			if diff := cmp.Diff(test.want, picked(p.sent(t), loginNames...)); diff != "" {
				t.Error(diff)
			}
			// What one request has sent does not remain for the next one.
			plain := w.user(t).do(http.MethodGet, "/auth/login", nil).sent(t)
			for _, name := range all {
				configured := map[string]string{"prompt": strings.Join(test.base.Prompt, " "), "acr_values": strings.Join(test.base.ACRValues, " ")}[name]
				if name != "max_age" && plain.Get(name) != configured {
					t.Errorf("the next login sends %s=%s", name, plain.Get(name))
				}
			}
		})
	}
}

// New rejects parameters with which a link could change what is requested, for whom, or where the response goes.
func TestCaseW9_ReservedLoginParams(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for _, name := range []string{
		"scope", "redirect_uri", "state", "request", "request_uri", "client_id", "response_type", "response_mode", "nonce", "code_challenge",
		"code_challenge_method", "claims", "id_token_hint", "resource", "audience", "dpop_jkt", "authorization_details", "client_secret",
		"client_assertion", "return_to", "step_up", "Scope", "REDIRECT_URI", "", "a b", "a&b", "ümlaut", "tenant",
	} {
		_, err := weblogin.New(weblogin.Config{
			Client: w.client(t), Sessions: w.cfg.Sessions, LoginParams: []string{"prompt", name},
			Authorization: client.AuthorizationOptions{Extra: url.Values{"tenant": {"1"}}},
		})
		if err == nil || !strings.Contains(err.Error(), "Config.LoginParams has") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// The application chooses the options of one sign-in in code.
func TestCaseW9_Login(t *testing.T) {
	t.Parallel()
	base := client.AuthorizationOptions{
		Prompt: []string{"consent"}, ACRValues: []string{"silver"}, MaxAge: time.Hour, Extra: url.Values{"tenant": {"1"}, "domain_hint": {"a"}},
	}
	for name, test := range map[string]struct {
		o      client.AuthorizationOptions
		want   map[string]string
		status int
	}{
		"nothing":      {client.AuthorizationOptions{}, map[string]string{"prompt": "consent", "acr_values": "silver", "max_age": "3600", "tenant": "1", "domain_hint": "a", "scope": "openid api"}, 0},
		"some":         {client.AuthorizationOptions{Prompt: []string{"login"}, MaxAge: time.Minute, LoginHint: "x"}, map[string]string{"prompt": "login", "login_hint": "x", "acr_values": "silver", "max_age": "60", "tenant": "1", "domain_hint": "a", "scope": "openid api"}, 0},
		"extra":        {client.AuthorizationOptions{Extra: url.Values{"domain_hint": {"b"}}}, map[string]string{"prompt": "consent", "acr_values": "silver", "max_age": "3600", "tenant": "1", "domain_hint": "b", "scope": "openid api"}, 0},
		"more scopes":  {client.AuthorizationOptions{Scopes: []string{"openid", "pay"}}, map[string]string{"prompt": "consent", "acr_values": "silver", "max_age": "3600", "tenant": "1", "domain_hint": "a", "scope": "openid pay"}, 0},
		"another site": {client.AuthorizationOptions{ReturnTo: "https://evil.test/"}, nil, http.StatusInternalServerError},
		"a loop":       {client.AuthorizationOptions{ReturnTo: "/auth/login"}, nil, http.StatusInternalServerError},
		"redirect":     {client.AuthorizationOptions{RedirectURI: "https://app.test/other"}, nil, http.StatusInternalServerError},
		"another mode": {client.AuthorizationOptions{ResponseMode: "form_post"}, nil, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Authorization = base })
			w.mux.HandleFunc("/start", func(rw http.ResponseWriter, r *http.Request) { w.app.Login(rw, r, test.o) })
			p := w.user(t).do(http.MethodGet, "/start", nil)
			if test.status != 0 {
				if p.StatusCode != test.status || len(p.Cookies()) != 0 || strings.Contains(p.text, "evil") {
					t.Error(p.Status, p.text)
				}
				return
			}
			if diff := cmp.Diff(test.want, picked(p.sent(t), loginNames...)); diff != "" {
				t.Error(diff)
			}
			if plain := w.user(t).do(http.MethodGet, "/auth/login", nil).sent(t); plain.Get("domain_hint") != "a" || plain.Get("prompt") != "consent" {
				t.Error("Login has changed the options of other sign-ins:", plain)
			}
			if p := w.user(t).do(http.MethodGet, "/start", func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") }); p.StatusCode != http.StatusForbidden {
				t.Error("a script started a sign-in:", p.Status)
			}
		})
	}
}

// Another user cannot complete a sign-in for one user. The token is revoked, and the first user remains signed in.
func TestCaseW9_SameUser(t *testing.T) {
	t.Parallel()
	for who, ok := range map[string]bool{"alice": true, "mallory": false} {
		w := newLocalWorld(t)
		w.page("/again", func(rw http.ResponseWriter, r *http.Request) {
			u, _ := weblogin.UserFromContext(r.Context())
			w.app.Login(rw, r, client.AuthorizationOptions{Subject: u.Subject(), MaxAge: time.Minute, ReturnTo: "/pay"})
		})
		u := w.user(t)
		w.signIn(u)
		w.claims = map[string]any{"sub": who, "auth_time": time.Now().Unix()}
		p := u.do(http.MethodGet, w.comeBack(u.do(http.MethodGet, "/again", nil).sent(t)), nil)
		if link := loginLink.FindStringSubmatch(p.text); !ok && (link == nil || link[1] != "/pay") {
			t.Error("the error page does not lead back:", p.text)
		}
		if ok && p.Header.Get("Location") != "/pay" || !ok && (p.StatusCode != http.StatusForbidden || !strings.Contains(p.text, "same user")) {
			t.Error(who, p.Status, p.text)
		}
		if got := u.do(http.MethodGet, "/page", nil).text; got != "hello alice" || len(w.revoked) != map[bool]int{false: 1}[ok] {
			t.Error(who, got, w.revoked)
		}
	}
}

// comeBack returns the URL to which the provider redirects after an authorization request with these parameters.
func (w *world) comeBack(sent url.Values) string {
	code := client.RandomValue(8)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nonces[code] = sent.Get("nonce")
	return w.base + "/auth/callback?" + url.Values{"state": {sent.Get("state")}, "code": {code}}.Encode()
}
