package serve_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// Each key of a route is a rule, and a token must meet all of them.
func TestRules(t *testing.T) {
	t.Parallel()
	r := start(t, `
proxy: nginx
listen: {http: "127.0.0.1:0"}
routes:
  /any: {}
  /all: {scopes: [a, b], claims: {tier: gold}}
  /anyscope: {any_scope: [a, b]}
  /claims: {claims: {tier: [gold, 7], active: true}}
  /roles: {roles: {claim: realm_access.roles, any_of: [admin, owner]}}
  /anyrole: {any_role: [admin]}
  /user: {principal: user}
  /client: {principal: client}
  /recent: {step_up: {max_age: 5m, acr: [gold]}, scopes: [a]}
  /bound: {sender_constrained: true}
timeouts: {drain: 1ms}
`)
	type claims = map[string]any
	now := time.Now().Unix()
	for _, test := range []struct {
		path   string
		claims claims
		status int
	}{
		{"/any", nil, 200},
		{"/all", claims{"scope": "a b", "tier": "gold"}, 200},
		{"/all", claims{"scope": "a", "tier": "gold"}, 403},
		{"/all", claims{"scope": "a b"}, 403},
		{"/anyscope", claims{"scope": "b"}, 200},
		{"/anyscope", claims{"scope": "c"}, 403},
		{"/claims", claims{"tier": "gold", "active": true}, 200},
		{"/claims", claims{"tier": 7, "active": true}, 200},
		{"/claims", claims{"tier": "7", "active": true}, 403},
		{"/claims", claims{"tier": []string{"gold"}, "active": true}, 403},
		{"/claims", claims{"tier": claims{"gold": true}, "active": true}, 403},
		{"/claims", claims{"tier": "gold", "active": "true"}, 403},
		{"/claims", claims{"tier": "gold", "active": nil}, 403},
		{"/roles", claims{"realm_access": claims{"roles": []string{"owner"}}}, 200},
		{"/roles", claims{"realm_access": claims{"roles": []string{"user"}}}, 403},
		{"/anyrole", claims{"roles": []string{"admin"}}, 200},
		{"/anyrole", claims{"roles": []string{"owner"}}, 403},
		{"/user", nil, 200},
		{"/user", claims{"sub": "client", "client_id": "client"}, 403},
		{"/client", claims{"sub": "client", "client_id": "client"}, 200},
		{"/client", nil, 403},
		{"/recent", claims{"auth_time": now, "acr": "gold", "scope": "a"}, 200},
		{"/recent", claims{"auth_time": now - 3600, "acr": "gold", "scope": "a"}, 401},
		{"/recent", claims{"auth_time": now, "acr": "silver", "scope": "a"}, 401},
		{"/recent", claims{"auth_time": now, "acr": "gold"}, 403},
		{"/bound", nil, 401},
	} {
		token := r.issuer.AccessToken()
		for name, value := range test.claims {
			token.Set(name, value)
		}
		if response, _ := r.ask(t, "nginx", http.MethodGet, test.path, bearer(token)); response.status != test.status {
			t.Errorf("%s %v: status %d, want %d", test.path, test.claims, response.status, test.status)
		}
	}
}

// A claim is sent as it is, or the request is rejected: never a value that means something else.
func TestClaims(t *testing.T) {
	t.Parallel()
	r := start(t, `
proxy: traefik
listen: {http: "127.0.0.1:0"}
routes: {/x: {}}
headers:
  X-Value: value
  X-Encoded: {claim: value, encode: percent}
  X-Nested: a.b
  X-Subject: $subject
  X-Issuer: $issuer
  X-Client: $client
  X-Principal: $principal
  X-Scopes: $scopes
  X-Roles: $roles
timeouts: {drain: 1ms}
`)
	for _, test := range []struct {
		value          any
		plain, encoded string // of X-Value and X-Encoded; "!" for both: 403
	}{
		{"text", "text", "text"},
		{"", "", ""},
		{nil, "", ""},
		{true, "true", "true"},
		{json.RawMessage("12345678901234567890"), "12345678901234567890", "12345678901234567890"},
		{json.RawMessage("1.50"), "1.50", "1.50"},
		{"a b, c", "a b, c", "a%20b%2C%20c"},
		{`a"%20;`, `a"%20;`, "a%22%2520%3B"},
		{[]string{"a", "b"}, "a,b", "a,b"},
		{[]any{"a", 7, true}, "a,7,true", "a,7,true"},
		{[]string{}, "", ""},
		{strings.Repeat("a", 1<<10), "!", "!"}, // all values together are too long
		{strings.Repeat("a", 1<<10+1), "!", "!"},
		{"Zoë", "!", "!"},
		{" a", "!", "!"},
		{"a ", "!", "!"},
		{"a\r\nX-Subject: mallory", "!", "!"},
		{"a\x00", "!", "!"},
		{"a\tb", "!", "!"},
		{"a\u007f", "!", "!"},
		{[]string{"a,b"}, "!", "!"},
		{[]string{"a", ""}, "!", "!"},
		{[]any{[]string{"a"}}, "!", "!"},
		{map[string]any{"a": 1}, "!", "!"},
	} {
		token := r.issuer.AccessToken().Set("value", test.value).Set("a", map[string]any{"b": "nested"}).Set("scope", "s t")
		response, _ := r.ask(t, "traefik", http.MethodGet, "/x", bearer(token))
		if test.plain == "!" {
			if response.status != 403 || response.header.Get("X-Subject") != "" {
				t.Errorf("%#v: status %d, %v, want 403", test.value, response.status, response.header)
			}
			continue
		}
		for name, want := range map[string]string{
			"X-Value": test.plain, "X-Encoded": test.encoded, "X-Nested": "nested", "X-Subject": "alice", "X-Issuer": r.issuer.URL(),
			"X-Client": "client", "X-Principal": "user", "X-Scopes": "s t", "X-Roles": "",
		} {
			if lines := response.header[name]; len(lines) != 1 || lines[0] != want {
				t.Errorf("%#v: status %d, %s %q, want %q", test.value, response.status, name, lines, want)
			}
		}
	}
}

// A claim that is absent, or a path that leads nowhere, gives an empty header field. Percent-encoding makes every text usable.
func TestClaimPaths(t *testing.T) {
	t.Parallel()
	r := start(t, `
proxy: traefik
listen: {http: "127.0.0.1:0"}
routes: {/x: {}}
headers:
  X-None: none
  X-Through: sub.name
  X-Dotted: https://api.test/tier
  X-Encoded: {claim: names, encode: percent}
timeouts: {drain: 1ms}
`)
	token := r.issuer.AccessToken().Set("https://api.test/tier", "gold").Set("names", []string{"a,b", "\r\nÄ"})
	response, _ := r.ask(t, "traefik", http.MethodGet, "/x", bearer(token))
	for name, want := range map[string]string{"X-None": "", "X-Through": "", "X-Dotted": "gold", "X-Encoded": "a%2Cb,%0D%0A%C3%84"} {
		if lines := response.header[name]; len(lines) != 1 || lines[0] != want {
			t.Errorf("status %d, %s %q, want %q", response.status, name, lines, want)
		}
	}
}

// A DPoP proof is for the URL of the client's request, and is accepted once, whatever the proxy sends to serve.
func TestDPoP(t *testing.T) {
	t.Parallel()
	key := bearertest.NewProofKey("ES256")
	for name, test := range map[string]struct {
		dpop, proxy string
		accepted    bool
	}{
		"url":           {"{url: https://api.test}", "nginx", true},
		"another url":   {"{url: https://other.test}", "nginx", false},
		"hosts":         {"{hosts: [api.test]}", "traefik", true},
		"another host":  {"{hosts: [other.test]}", "traefik", false},
		"hosts, nginx":  {"{hosts: [api.test, other.test]}", "nginx", true},
		"url, envoy":    {"{url: https://api.test}", "envoy", true},
		"required":      {"{url: https://api.test, required: true}", "caddy", true},
		"no dpop":       {"", "caddy", false},
		"hosts, no URL": {"{hosts: [api.test]}", "envoy", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			configuration := "proxy: " + test.proxy + common
			if test.dpop != "" {
				configuration = "dpop: " + test.dpop + "\n" + configuration
			}
			r := start(t, configuration)
			raw := r.issuer.AccessToken().Set("scope", "orders:read").BoundTo(key).Sign()
			credentials := func(method, url string) fields {
				return fields{"Authorization", "DPoP " + raw, "DPoP", key.Proof(method, url, raw).Sign()}
			}
			good := credentials("GET", "https://api.test/orders/7%20a")
			want := 401
			if test.accepted {
				want = 200
			}
			if response, _ := r.ask(t, test.proxy, "GET", "/orders/7%20a?x=y", good); response.status != want {
				t.Errorf("status %d, want %d, challenges %q", response.status, want, response.header["Www-Authenticate"])
			}
			for problem, f := range map[string]fields{
				"used before":          good,
				"for serve":            credentials("GET", "http://"+r.HTTP+"/auth"),
				"for another path":     credentials("GET", "https://api.test/orders/8"),
				"for another method":   credentials("POST", "https://api.test/orders/7%20a"),
				"for another host":     credentials("GET", "https://evil.test/orders/7%20a"),
				"without a proof":      {"Authorization", "DPoP " + raw},
				"bearer without proof": {"Authorization", "Bearer " + raw},
			} {
				if response, _ := r.ask(t, test.proxy, "GET", "/orders/7%20a?x=y", f); response.status != 401 {
					t.Errorf("proof %s: status %d, want 401", problem, response.status)
				}
			}
		})
	}
}
