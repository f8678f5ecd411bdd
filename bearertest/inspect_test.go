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

func TestIntrospection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		stranger := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		key := bearertest.NewProofKey("ES256")
		tokens := p.signIn()
		want := p.claims(tokens["access_token"])
		want["active"], want["token_type"] = true, "Bearer"
		if diff := cmp.Diff(want, p.introspect(tokens["access_token"])); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if response := p.introspect(p.issuer.AccessToken().BoundTo(key).Sign()); response["active"] != true || response["token_type"] != "DPoP" {
			t.Error(response)
		}
		revoked := p.issuer.AccessToken().Sign()
		p.issuer.Revoke(revoked)
		old := p.issuer.AccessToken().Sign()
		p.issuer.Rotate()
		if response := p.introspect(old); response["active"] != true {
			t.Error("a token of the previous key:", response)
		}
		for name, token := range map[string]string{
			"of a stranger": stranger.AccessToken().Sign(),
			"of another":    stranger.AccessToken().Set("iss", p.issuer.URL()).Sign(),
			"unsigned":      p.issuer.AccessToken().SignWith("none", nil).Sign(),
			"HMAC":          p.issuer.AccessToken().SignWith("HS256", p.issuer.PEM("ES256")).Sign(),
			"expired":       p.issuer.AccessToken().Set("exp", time.Now().Unix()).Sign(),
			"no exp":        p.issuer.AccessToken().Set("exp", bearertest.Absent).Sign(),
			"not yet valid": p.issuer.AccessToken().Set("nbf", time.Now().Unix()+1).Sign(),
			"ID token":      text(tokens["id_token"]),
			"logout token":  p.issuer.LogoutToken().Sign(),
			"refresh token": text(tokens["refresh_token"]),
			"revoked":       revoked,
			"not a JWT":     "x",
		} {
			if diff := cmp.Diff(map[string]any{"active": false}, p.introspect(token)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		p.issuer.Retire()
		if response := p.introspect(old); response["active"] != false {
			t.Error("a token of a retired key:", response)
		}

		status, response := p.as("cli", "").post("/introspect", "token", old)
		p.rejected("public client", "invalid_client", status, response)
		status, response = p.as("api", "x").post("/introspect", "token", old)
		p.rejected("another secret", "invalid_client", status, response)
		status, response = p.post("/introspect")
		p.rejected("no token", "invalid_request", status, response)
	})
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	active := func(token any) bool { return p.introspect(token)["active"] == true }
	revoke := func(p *party, token any) {
		t.Helper()
		if status, response := p.post("/revoke", "token", text(token)); status != 200 {
			t.Error(status, response)
		}
	}
	tokens := p.signIn()
	cli := p.as("cli", "")
	revoke(cli, tokens["access_token"])
	revoke(cli, tokens["refresh_token"])
	revoke(p, "unknown")
	if !active(tokens["access_token"]) {
		t.Error("another client has revoked the token")
	}
	revoke(p, tokens["access_token"])
	if active(tokens["access_token"]) {
		t.Error("the access token is active")
	}
	status, tokens := p.refresh(tokens["refresh_token"])
	if status != 200 || !active(tokens["access_token"]) {
		t.Fatal("the refresh token is still valid, but:", status, tokens)
	}
	revoke(p, tokens["refresh_token"])
	if active(tokens["access_token"]) {
		t.Error("without its refresh token, the access token is active")
	}
	status, response := p.refresh(tokens["refresh_token"])
	p.rejected("refresh", "invalid_grant", status, response)
	status, response = p.as("shop", "x").post("/revoke", "token", "x")
	p.rejected("another secret", "invalid_client", status, response)
	status, response = p.post("/revoke")
	p.rejected("no token", "invalid_request", status, response)

	tokens = p.signIn()
	p.issuer.Revoke(text(tokens["refresh_token"]))
	if active(tokens["access_token"]) {
		t.Error("Revoke had no effect")
	}
	bearertest.NewIssuer(bearertest.IssuerConfig{}).Revoke("x")
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	p := newParty(t, func(cfg *bearertest.IssuerConfig) {
		cfg.Users = []bearertest.User{{Claims: map[string]any{"name": "Alice", "sub": "mallory"}}}
	})
	place := p.issuer.URL() + "/userinfo"
	key := bearertest.NewProofKey("ES256")
	proof := func(token string) string { return key.Proof("GET", place, token).Sign() }
	token := text(p.signIn()["access_token"])
	made := p.issuer.AccessToken().Set("scope", "openid").Sign()
	bound := p.issuer.AccessToken().Set("scope", "openid").BoundTo(key).Sign()
	narrow := p.issuer.AccessToken().Set("scope", "orders:read").Sign()
	tests := []struct {
		name, authorization, proof string
		status                     int
		want                       map[string]any // of a good response; of others, the member error
	}{
		{"of a sign-in", "Bearer " + token, "", 200, map[string]any{"sub": "alice", "name": "Alice"}},
		{"lower case", "bearer " + token, "", 200, map[string]any{"sub": "alice", "name": "Alice"}},
		{"made by a test", "Bearer " + made, "", 200, map[string]any{"sub": "alice"}},
		{"bound", "DPoP " + bound, proof(bound), 200, map[string]any{"sub": "alice"}},
		{"bound, without a proof", "DPoP " + bound, "", 401, map[string]any{"error": "invalid_token"}},
		{"bound, as a bearer token", "Bearer " + bound, proof(bound), 401, map[string]any{"error": "invalid_token"}},
		{"bound, proof for another token", "DPoP " + bound, proof(made), 401, map[string]any{"error": "invalid_dpop_proof"}},
		{"not bound, as DPoP", "DPoP " + made, proof(made), 401, map[string]any{"error": "invalid_token"}},
		{"no token", "", "", 401, map[string]any{"error": "invalid_token"}},
		{"not a token", "Bearer x", "", 401, map[string]any{"error": "invalid_token"}},
		{"without openid", "Bearer " + narrow, "", 403, map[string]any{"error": "insufficient_scope"}},
	}
	for _, test := range tests {
		client := p.with("Authorization", test.authorization)
		if test.proof != "" {
			client = client.with("DPoP", test.proof)
		}
		status, header, body := client.send(http.MethodGet, place, "")
		got := members(t, body)
		delete(got, "error_description")
		if diff := cmp.Diff(test.want, got); status != test.status || diff != "" || (header.Get("WWW-Authenticate") == "") != (status == 200) {
			t.Errorf("%s: %d %v\n%s", test.name, status, header, diff)
		}
	}
}

func TestPushedRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		push := func(changes ...string) (int, map[string]any) {
			var form []string
			for name, list := range p.request(changes...) {
				form = append(form, name, list[0])
			}
			return p.post("/par", form...)
		}
		authorize := func(client string, reference any) (int, url.Values) {
			query := url.Values{"client_id": {client}, "request_uri": {text(reference)}, "redirect_uri": {"https://evil.test"}}
			status, header, _ := p.send(http.MethodGet, p.issuer.URL()+"/authorize?"+query.Encode(), "")
			location, err := url.Parse(header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			if location.Host != "" && location.Host != "shop.test" {
				t.Error(location)
			}
			return status, location.Query()
		}
		status, pushed := push()
		if status != http.StatusCreated || pushed["expires_in"] != 60.0 {
			t.Fatal(status, pushed)
		}
		_, response := authorize("shop", pushed["request_uri"])
		if status, tokens := p.redeem(response.Get("code")); status != 200 {
			t.Error(status, tokens)
		}
		if status, _ := authorize("shop", pushed["request_uri"]); status != http.StatusBadRequest {
			t.Error("the request was used twice")
		}
		_, pushed = push()
		if status, _ := authorize("cli", pushed["request_uri"]); status != http.StatusBadRequest {
			t.Error("another client has used the request")
		}
		_, pushed = push()
		time.Sleep(time.Minute)
		if status, _ := authorize("shop", pushed["request_uri"]); status != http.StatusBadRequest {
			t.Error("the request has expired")
		}
		for name, changes := range map[string][]string{
			"redirect URI": {"redirect_uri", "https://evil.test"}, "reference": {"request_uri", "urn:x"}, "no PKCE": {"code_challenge", ""},
		} {
			status, response := push(changes...)
			p.rejected(name, "invalid_request", status, response)
		}
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	hint := text(p.signIn()["id_token"])
	logout := func(query ...string) (int, string) {
		status, header, _ := p.send(http.MethodGet, p.issuer.URL()+"/logout?"+pairs(query...).Encode(), "")
		return status, header.Get("Location")
	}
	signedIn := func() bool { return p.authorize("prompt", "none").Get("code") != "" }
	for name, query := range map[string][]string{
		"another URI":        {"id_token_hint", hint, "post_logout_redirect_uri", "https://evil.test"},
		"without the client": {"post_logout_redirect_uri", "https://shop.test/bye"},
		"another client":     {"client_id", "api", "post_logout_redirect_uri", "https://shop.test/bye"},
		"hint of another":    {"id_token_hint", hint, "client_id", "api"},
		"not a hint":         {"id_token_hint", "a.b.c"},
		"twice":              {"client_id", "shop", "client_id", "shop"},
	} {
		if status, location := logout(query...); status != http.StatusBadRequest || location != "" || !signedIn() {
			t.Errorf("%s: %d %s", name, status, location)
		}
	}
	if status, location := logout("id_token_hint", hint, "post_logout_redirect_uri", "https://shop.test/bye", "state", "s"); status != 303 || location != "https://shop.test/bye?state=s" || signedIn() {
		t.Error(status, location)
	}
	p.signIn()
	if status, location := logout("client_id", "shop", "post_logout_redirect_uri", "https://shop.test/bye"); status != 303 || location != "https://shop.test/bye" || signedIn() {
		t.Error(status, location)
	}
	p.signIn()
	if status, _, body := p.send(http.MethodPost, p.issuer.URL()+"/logout", ""); status != 200 || !strings.Contains(body, "Signed out") || signedIn() {
		t.Error(status, body)
	}
}

func TestFormPost(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	query := p.request("response_mode", "form_post", "state", `"><script>`)
	status, header, page := p.send(http.MethodPost, p.issuer.URL()+"/authorize", query.Encode())
	if status != 200 || header.Get("Location") != "" || strings.Contains(page, "<script>") || strings.Count(page, "<input") != 3 ||
		!strings.Contains(page, `method="post" action="`+callback+`"`) || !strings.Contains(page, `name="code"`) {
		t.Error(status, header, page)
	}
}

// What the metadata names exists, and nothing else does.
func TestMetadataOfTheEndpoints(t *testing.T) {
	t.Parallel()
	p := newParty(t, func(cfg *bearertest.IssuerConfig) { cfg.URL = "https://issuer.test/tenant" })
	_, body := get(t, p.issuer.Client(), "https://issuer.test/.well-known/oauth-authorization-server/tenant")
	metadata := members(t, string(body))
	want := map[string]int{"/.well-known/oauth-authorization-server/tenant": 1}
	for name, value := range metadata {
		if place := text(value); strings.HasSuffix(name, "_endpoint") {
			status, header, _ := p.send(http.MethodPut, place, "")
			if status != http.StatusMethodNotAllowed || header.Get("Allow") == "" {
				t.Errorf("%s %s: status %d", name, place, status)
			}
			want[strings.TrimPrefix(place, "https://issuer.test")] = 1
		}
	}
	if diff := cmp.Diff(want, p.issuer.Requests()); diff != "" || len(want) != 9 {
		t.Errorf("%d endpoints, requests (-want +got):\n%s", len(want), diff)
	}
	for name, want := range map[string]any{
		"grant_types_supported":                          []any{"authorization_code", "refresh_token", "client_credentials", deviceGrant},
		"response_types_supported":                       []any{"code"},
		"response_modes_supported":                       []any{"query", "form_post"},
		"code_challenge_methods_supported":               []any{"S256"},
		"prompt_values_supported":                        []any{"none", "login", "consent", "select_account"},
		"authorization_response_iss_parameter_supported": true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"token_endpoint_auth_methods_supported":          []any{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"revocation_endpoint_auth_methods_supported":     []any{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"introspection_endpoint_auth_methods_supported":  []any{"client_secret_basic", "client_secret_post", "private_key_jwt"},
	} {
		if diff := cmp.Diff(want, metadata[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
