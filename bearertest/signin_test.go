package bearertest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, func(cfg *bearertest.IssuerConfig) {
			cfg.Users = []bearertest.User{{Claims: map[string]any{"name": "Alice", "sub": "mallory", "roles": []string{"admin"}}}}
		})
		now := float64(time.Now().Unix())
		response := p.authorize("acr_values", "gold silver")
		if want := (url.Values{"code": {response.Get("code")}, "iss": {"https://issuer.test"}, "state": {"a state"}}); cmp.Diff(want, response) != "" {
			t.Errorf("authorization response %v", response)
		}
		time.Sleep(time.Second)
		status, tokens := p.redeem(response.Get("code"))
		if status != 200 || tokens["token_type"] != "Bearer" || tokens["expires_in"] != 300.0 || tokens["scope"] != "openid orders:read" || tokens["refresh_token"] == "" {
			t.Fatal(status, tokens)
		}
		access, id := p.claims(tokens["access_token"]), p.claims(tokens["id_token"])
		wantAccess := map[string]any{
			"iss": "https://issuer.test", "sub": "alice", "aud": []any{"https://api.test"}, "client_id": "shop", "scope": "openid orders:read",
			"auth_time": now, "acr": "gold", "name": "Alice", "roles": []any{"admin"}, "iat": now + 1, "exp": now + 301, "jti": access["jti"],
		}
		if diff := cmp.Diff(wantAccess, access); diff != "" {
			t.Errorf("access token (-want +got):\n%s", diff)
		}
		wantID := map[string]any{
			"iss": "https://issuer.test", "sub": "alice", "aud": []any{"shop"}, "azp": "shop", "nonce": "a nonce",
			"auth_time": now, "acr": "gold", "name": "Alice", "roles": []any{"admin"}, "iat": now + 1, "exp": now + 301, "jti": id["jti"],
		}
		if diff := cmp.Diff(wantID, id); diff != "" {
			t.Errorf("ID token (-want +got):\n%s", diff)
		}
	})
}

// Without a known client and a registered redirect URI, the issuer shows a page and does not redirect.
func TestAuthorizationRequestsThatAreNotRedirected(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	tests := map[string][]string{
		"unknown client":         {"client_id", "other"},
		"no client":              {"client_id", ""},
		"two clients":            {"client_id", "shop", "client_id", "cli"},
		"another path":           {"redirect_uri", callback + "/"},
		"a query":                {"redirect_uri", callback + "?a=b"},
		"a fragment":             {"redirect_uri", callback + "#a"},
		"another host":           {"redirect_uri", "https://shop.test.evil/callback"},
		"another port":           {"redirect_uri", "https://shop.test:8443/callback"},
		"another case":           {"redirect_uri", "https://SHOP.test/callback"},
		"a part":                 {"redirect_uri", "https://shop.test"},
		"no redirect URI":        {"redirect_uri", ""},
		"two redirect URIs":      {"redirect_uri", callback, "redirect_uri", callback},
		"of another client":      {"redirect_uri", "http://127.0.0.1/callback"},
		"not pushed":             {"request_uri", "urn:ietf:params:oauth:request_uri:x"},
		"loopback, another path": {"client_id", "cli", "redirect_uri", "http://127.0.0.1:1/other"},
		"loopback, another host": {"client_id", "cli", "redirect_uri", "http://127.0.0.2:1/callback"},
		"loopback, https":        {"client_id", "cli", "redirect_uri", "https://127.0.0.1:1/callback"},
		"loopback, a user":       {"client_id", "cli", "redirect_uri", "http://a@127.0.0.1:1/callback"},
		"loopback, a host after": {"client_id", "cli", "redirect_uri", "http://127.0.0.1:1@evil.test/callback"},
	}
	for name, changes := range tests {
		status, header, text := p.send(http.MethodGet, p.issuer.URL()+"/authorize?"+p.request(changes...).Encode(), "")
		if status != http.StatusBadRequest || header.Get("Location") != "" || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s %s", name, status, header.Get("Location"), text)
		}
	}
}

func TestRedirectURIsOfPrograms(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil).as("cli", "")
	for _, uri := range []string{
		"http://127.0.0.1/callback", "http://127.0.0.1:51234/callback", "http://[::1]:1/cb", "http://localhost:8080/cb", "http://localhost/cb", "app.test:/cb",
	} {
		code := p.authorize("redirect_uri", uri).Get("code")
		if status, response := p.redeem(code, "redirect_uri", uri); status != 200 {
			t.Errorf("%s: %d %v", uri, status, response)
		}
	}
}

func TestAuthorizationErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		changes []string
		want    string
	}{
		{"response type", []string{"response_type", "token"}, "unsupported_response_type"},
		{"no response type", []string{"response_type", ""}, "unsupported_response_type"},
		{"no PKCE", []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"plain PKCE", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"PKCE without a method", []string{"code_challenge_method", ""}, "invalid_request"},
		{"a short challenge", []string{"code_challenge", "short"}, "invalid_request"},
		{"a request object", []string{"request", "a.b.c"}, "request_not_supported"},
		{"response mode", []string{"response_mode", "fragment"}, "invalid_request"},
		{"prompt", []string{"prompt", "sing"}, "invalid_request"},
		{"prompt none with another", []string{"prompt", "none login"}, "invalid_request"},
		{"max_age", []string{"max_age", "-1"}, "invalid_request"},
		{"resource", []string{"resource", "orders"}, "invalid_target"},
		{"resource with a fragment", []string{"resource", "https://api.test/#a"}, "invalid_target"},
		{"two scopes", []string{"scope", "a", "scope", "b"}, "invalid_request"},
		{"id_token_hint", []string{"id_token_hint", "a.b.c"}, "login_required"},
		{"nobody is signed in", []string{"prompt", "none"}, "login_required"},
	}
	for _, test := range tests {
		p := newParty(t, nil)
		response := p.authorize(test.changes...)
		if response.Get("error") != test.want || response.Get("code") != "" || response.Get("state") != "a state" ||
			response.Get("iss") != p.issuer.URL() || response.Get("error_description") == "" {
			t.Errorf("%s: %v, want %s", test.name, response, test.want)
		}
	}

	limited := newParty(t, func(cfg *bearertest.IssuerConfig) {
		cfg.Clients = append(cfg.Clients,
			bearertest.Client{ID: "reader", RedirectURIs: []string{callback}, Scopes: []string{"read"}},
			bearertest.Client{ID: "robot", RedirectURIs: []string{callback}, GrantTypes: []string{"client_credentials"}})
	})
	if response := limited.as("reader", "").authorize("scope", "read write"); response.Get("error") != "invalid_scope" {
		t.Error(response)
	}
	if response := limited.as("robot", "").authorize(); response.Get("error") != "unauthorized_client" {
		t.Error(response)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		changes []string
		redeem  func(p *party, code string) (int, map[string]any)
		want    string
	}{
		{"unknown", nil, func(p *party, _ string) (int, map[string]any) { return p.redeem("x") }, "invalid_grant"},
		{"no verifier", nil, func(p *party, code string) (int, map[string]any) { return p.redeem(code, "code_verifier", "") }, "invalid_grant"},
		{"another verifier", nil, func(p *party, code string) (int, map[string]any) {
			return p.redeem(code, "code_verifier", strings.ToUpper(verifier))
		}, "invalid_grant"},
		{"another redirect URI", nil, func(p *party, code string) (int, map[string]any) {
			return p.redeem(code, "redirect_uri", "https://shop.test/other?a=b")
		}, "invalid_grant"},
		{"no redirect URI", nil, func(p *party, code string) (int, map[string]any) { return p.redeem(code, "redirect_uri", "") }, "invalid_grant"},
		{"another client", nil, func(p *party, code string) (int, map[string]any) { return p.as("cli", "").redeem(code) }, "invalid_grant"},
		{"a resource", []string{"resource", "https://a.test"}, func(p *party, code string) (int, map[string]any) {
			return p.redeem(code, "resource", "https://b.test")
		}, "invalid_target"},
		{"late", nil, func(p *party, code string) (int, map[string]any) {
			time.Sleep(time.Minute)
			return p.redeem(code)
		}, "invalid_grant"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newParty(t, nil)
				status, response := test.redeem(p, p.authorize(test.changes...).Get("code"))
				p.rejected(test.name, test.want, status, response)
			})
		})
	}
}

// If a code is used twice, somebody has stolen it, so the tokens of the first use are revoked too.
func TestCodeReplay(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	code := p.authorize().Get("code")
	_, first := p.redeem(code)
	status, again := p.redeem(code)
	p.rejected("second use", "invalid_grant", status, again)
	status, refreshed := p.post("/token", "grant_type", "refresh_token", "refresh_token", text(first["refresh_token"]))
	p.rejected("refresh", "invalid_grant", status, refreshed)
	if p.introspect(first["access_token"])["active"] != false {
		t.Error("the access token is still active")
	}
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// introspect introspects a token as the API does.
func (p *party) introspect(token any) map[string]any {
	p.Helper()
	status, response := p.as("api", "of the api").post("/introspect", "token", text(token))
	if status != http.StatusOK {
		p.Fatal(status, response)
	}
	return response
}

func TestUsers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bob := bearertest.User{Subject: "bob", Claims: map[string]any{"email": "bob@test", "preferred_username": "bobby"}}
		p := newParty(t, func(cfg *bearertest.IssuerConfig) { cfg.Users = []bearertest.User{{}, bob} })
		since := func(changes ...string) (string, time.Time) {
			claims := p.claims(p.signIn(changes...)["id_token"])
			seconds, _ := claims["auth_time"].(float64)
			return text(claims["sub"]), time.Unix(int64(seconds), 0)
		}
		began := time.Now()
		steps := []struct {
			name    string
			changes []string
			subject string
			age     time.Duration
		}{
			{"first", nil, "alice", 0},
			{"an hour later", nil, "alice", time.Hour},
			{"silently", []string{"prompt", "none"}, "alice", 2 * time.Hour},
			{"recent enough", []string{"max_age", "10800"}, "alice", 3 * time.Hour},
			{"not recent enough", []string{"max_age", "14399"}, "alice", 0},
			{"at once", []string{"max_age", "0"}, "alice", 0},
			{"once more", []string{"prompt", "login"}, "alice", 0},
			{"consent", []string{"prompt", "consent select_account"}, "alice", time.Hour},
			{"a hint about the same user", []string{"login_hint", "alice"}, "alice", 2 * time.Hour},
			{"an unknown hint", []string{"login_hint", "carol"}, "alice", 3 * time.Hour},
			{"another user", []string{"login_hint", "bob@test"}, "bob", 0},
			{"by user name", []string{"login_hint", "bobby", "prompt", "none"}, "bob", time.Hour},
			{"by subject", []string{"login_hint", "bob", "prompt", "none"}, "bob", 2 * time.Hour},
		}
		for _, step := range steps {
			subject, at := since(step.changes...)
			if age := time.Since(at).Truncate(time.Minute); subject != step.subject || age != step.age {
				t.Errorf("%s: %s since %v, want %s since %v", step.name, subject, age, step.subject, step.age)
			}
			time.Sleep(time.Hour)
		}
		if time.Since(began) == 0 {
			t.Error("no time has passed")
		}

		hint := text(p.signIn("login_hint", "bob")["id_token"])
		if response := p.authorize("login_hint", "bob", "id_token_hint", hint); response.Get("code") == "" {
			t.Error(response)
		}
		p.issuer.SetUser(bearertest.User{Subject: "carol"})
		if response := p.authorize("id_token_hint", hint); response.Get("error") != "login_required" {
			t.Error(response)
		}
		if subject, _ := since(); subject != "carol" {
			t.Error(subject)
		}
		p.issuer.SetUser(bearertest.User{})
		if response := p.authorize("prompt", "none"); response.Get("error") != "login_required" {
			t.Error(response)
		}
	})
}

func TestUsersWhoDecline(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	steps := []struct {
		user   bearertest.User
		prompt string
		want   string
	}{
		{bearertest.User{Error: "access_denied"}, "", "access_denied"},
		{bearertest.User{}, "", ""},
		{bearertest.User{Error: "consent_required"}, "none", "login_required"}, // SetUser has ended the session
		{bearertest.User{Error: "consent_required"}, "", ""},
		{bearertest.User{Error: "temporarily_unavailable"}, "login", "temporarily_unavailable"},
	}
	for n, step := range steps {
		p.issuer.SetUser(step.user)
		if got := p.authorize("prompt", step.prompt); got.Get("error") != step.want || (got.Get("code") == "") != (step.want != "") {
			t.Errorf("step %d: %v, want %s", n, got, step.want)
		}
	}
	p.issuer.SetUser(bearertest.User{Error: "consent_required"})
	p.authorize()
	if got := p.authorize("prompt", "none"); got.Get("error") != "consent_required" {
		t.Error(got)
	}

	p.issuer.SetUser(bearertest.User{Scopes: []string{"openid", "unused"}})
	if tokens := p.signIn(); tokens["scope"] != "openid" || p.claims(tokens["access_token"])["scope"] != "openid" {
		t.Error(tokens)
	}
	p.issuer.SetUser(bearertest.User{Scopes: []string{}})
	if tokens := p.signIn(); tokens["scope"] != "" || tokens["id_token"] != nil {
		t.Error(tokens)
	}
}
