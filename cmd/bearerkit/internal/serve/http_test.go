package serve_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The status, the challenge and the header fields are those of the Guard, for each proxy.
func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, proxy := range []string{"nginx", "caddy", "traefik", "envoy"} {
		t.Run(proxy, func(t *testing.T) {
			t.Parallel()
			r := start(t, "proxy: "+proxy+common)
			token := r.issuer.AccessToken().Set("scope", "orders:read").Set("name", "Zoë, 1")
			for _, test := range []struct {
				name, method, target string
				fields               fields
				status               int
				challenge            string // contained in it; "": no challenge
				subject, fullName    string
			}{
				{"accepted", "GET", "/orders/7?a=//..", bearer(token), 200, "", "alice", "Zo%C3%AB%2C%201"},
				{"HEAD", "HEAD", "/orders/7", bearer(token), 200, "", "alice", "Zo%C3%AB%2C%201"},
				{"no token", "GET", "/orders/7", nil, 401, `scope="orders:read"`, "", ""},
				{"not a token", "GET", "/orders/7", fields{"Authorization", "Bearer x"}, 401, "invalid_token", "", ""},
				{"too little scope", "GET", "/admin/x", bearer(token), 403, "insufficient_scope", "", ""},
				{"no route", "GET", "/other", bearer(token), 403, `realm="orders"`, "", ""},
				{"another method", "POST", "/orders/7", bearer(token), 403, `realm="orders"`, "", ""},
				{"no route, no token", "GET", "/other", nil, 401, `realm="orders"`, "", ""},
				{"two tokens", "GET", "/orders/7", bearer(token).with(bearer(token)...), 400, "invalid_request", "", ""},
				{"public", "GET", "/public/x", nil, 200, "", "", ""},
				{"public with a token", "GET", "/public/x", bearer(token), 200, "", "", ""},
				{"public, another method", "DELETE", "/public/x", nil, 401, `realm="orders"`, "", ""},
			} {
				response, body := r.ask(t, proxy, test.method, test.target, test.fields)
				challenge := response.header.Get("WWW-Authenticate")
				if response.status != test.status || (challenge == "") != (test.challenge == "") || !strings.Contains(challenge, test.challenge) {
					t.Errorf("%s: status %d, challenge %q, want %d, %q", test.name, response.status, challenge, test.status, test.challenge)
				}
				if (body == "") != (test.status == 200) {
					t.Errorf("%s: body %q", test.name, body)
				}
				if test.status != 200 {
					continue
				}
				// An absent claim is an empty header field, so that the proxy overwrites the one of the client.
				for name, want := range map[string]string{"X-Auth-Subject": test.subject, "X-Auth-Name": test.fullName} {
					if diff := cmp.Diff([]string{want}, response.header[name]); diff != "" {
						t.Errorf("%s: %s (-want +got):\n%s", test.name, name, diff)
					}
				}
			}
		})
	}
}

// Only the fields of the configured proxy are read, and each must be there once.
func TestConventions(t *testing.T) {
	t.Parallel()
	for _, proxy := range []string{"nginx", "caddy", "traefik", "envoy"} {
		t.Run(proxy, func(t *testing.T) {
			t.Parallel()
			r := start(t, "proxy: "+proxy+common)
			token := bearer(r.issuer.AccessToken().Set("scope", "orders:read"))
			for _, foreign := range []fields{
				describe("nginx", "GET", "/public/x"), describe("caddy", "GET", "/public/x"),
				{"X-Original_URI", "/public/x", "X_Original_URI", "/public/x", "X_Forwarded_Uri", "/public/x"},
				{"Forwarded", "host=other.test", "X-Forwarded-Port", "1", "X-Forwarded-Prefix", "/public"},
			} {
				if cmp.Equal(foreign, describe(proxy, "GET", "/public/x")) || proxy == "traefik" && foreign[0] == "X-Forwarded-Method" {
					continue
				}
				if response, _ := r.ask(t, proxy, "GET", "/orders/7", foreign); response.status != 401 {
					t.Errorf("%v: status %d, want 401", foreign, response.status)
				}
				if response, _ := r.ask(t, proxy, "GET", "/orders/7", token.with(foreign...)); response.status != 200 {
					t.Errorf("%v, with a token: status %d, want 200", foreign, response.status)
				}
			}
			own := describe(proxy, "GET", "/public/x")
			url := "http://" + r.HTTP + "/auth"
			for i := 0; i < len(own); i += 2 {
				for name, f := range map[string]fields{
					"twice":   own.with(own[i], own[i+1]),
					"without": own[:i].with(own[i+2:]...),
					"empty":   own[:i].with(own[i+2:]...).with(own[i], ""),
				} {
					if response, _ := send(t, "GET", url, f); response.status != 400 {
						t.Errorf("%s %s: status %d, want 400", own[i], name, response.status)
					}
				}
			}
			if proxy == "envoy" {
				if response, _ := r.ask(t, proxy, "GET", "/public/x", fields{"X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http"}); response.status != 400 {
					t.Errorf("two schemes: status %d, want 400", response.status)
				}
			} else if response, _ := send(t, "POST", url+"?x=y", own); response.status != 200 {
				t.Errorf("with a query: status %d, want 200", response.status)
			}
		})
	}
}

// A request that the API could read in another way than the policy is rejected before its token is read.
func TestScreen(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx"+common)
	relaxed := start(t, "proxy: nginx\ninsecure_allow_in_path: [\";\", \"%25\"]\ninsecure_allow_overrides: true"+common)
	token := bearer(r.issuer.AccessToken().Set("scope", "orders:read admin"))
	other := bearer(relaxed.issuer.AccessToken().Set("scope", "orders:read admin"))
	for _, test := range []struct {
		target                string
		more                  fields
		status, relaxedStatus int
	}{
		{"/orders/7", nil, 200, 200},
		{"/orders/a%20b%3F%C3%A4", nil, 200, 200},
		{"/orders/a@b,c=d:e!$&'()*+~", nil, 200, 200},
		{"/orders/a%40b", nil, 200, 200},
		{"/orders/7?x=/../;%2e%2F", nil, 200, 200},
		{"//orders/7", nil, 400, 400},
		{"/orders//7", nil, 400, 400},
		{"/orders/./7", nil, 400, 400},
		{"/public/../orders/7", nil, 400, 400},
		{"/public/..", nil, 400, 400},
		{"/public/%2e%2e/orders/7", nil, 400, 400},
		{"/public/%2E./orders/7", nil, 400, 400},
		{"/public/..%2Forders/7", nil, 400, 400},
		{"/public/..%5Corders", nil, 400, 400},
		{`/public/..\orders`, nil, 400, 400},
		{"/%6frders/7", nil, 400, 400},
		{"/orders/%41", nil, 400, 400},
		{"/orders/7%00", nil, 400, 400},
		{"/orders/7%0d%0aX:y", nil, 400, 400},
		{"/orders/%ff", nil, 400, 400},
		{"/orders/%c0%af", nil, 400, 400},
		{"/orders/%", nil, 400, 400},
		{"/orders/%4", nil, 400, 400},
		{"/orders/%zz", nil, 400, 400},
		{"/orders/7#x", nil, 400, 400},
		{"/orders/7?x#y", nil, 400, 400},
		{"/orders/7 8", nil, 400, 400},
		{"/orders/\xc3\xa4", nil, 400, 400},
		{"/orders/7?\xc3\xa4", nil, 400, 400},
		{"/orders/7|8", nil, 400, 400},
		{"http://api.test/orders/7", nil, 400, 400},
		{"*", nil, 400, 400},
		{"orders/7", nil, 400, 400},
		{"?x", nil, 400, 400},
		{"/orders/" + strings.Repeat("a", 8<<10), nil, 400, 400},
		{"/orders/7;x=y", nil, 400, 200},
		{"/public/..;/orders/7", nil, 400, 400},
		{"/public/.;x=y/7", nil, 400, 400},
		{"/;x/orders/7", nil, 400, 400},
		{"/orders/;x", nil, 400, 400},
		{"/orders;x/7", nil, 400, 403},
		{"/orders/7%3Bx", nil, 400, 200},
		{"/orders/100%25", nil, 400, 200},
		{"/orders/%252e", nil, 400, 200},
		{"/orders/7", fields{"X-HTTP-Method-Override", "DELETE"}, 400, 200},
		{"/orders/7", fields{"X_Http_Method", "DELETE"}, 400, 200},
		{"/orders/7", fields{"X-Original-URL", "/admin/"}, 400, 200},
		{"/orders/7", fields{"X-Rewrite-Url", "/admin/"}, 400, 200},
		{"/orders/7", fields{"X-Auth-Subject", "mallory"}, 400, 400},
		{"/orders/7", fields{"x_auth_subject", "mallory"}, 400, 400},
		{"/orders/7", fields{"X-Auth_Name", ""}, 400, 400},
		{"/public/7", fields{"X-Auth-Name", "mallory"}, 400, 400},
		{"/orders/7", fields{"X-Auth-Other", "x"}, 200, 200},
		{"/orders/7", fields{"X.Auth.Subject", "mallory"}, 400, 400}, // PHP reads dots as underscores
		{"/orders/7", fields{"X.Auth_Name", "mallory"}, 400, 400},
		{"/orders/7", fields{"X~HTTP-Method", "DELETE"}, 400, 200},
		{"/orders/7", fields{"Upgrade", "WebSocket"}, 200, 200},
		{"/orders/7", fields{"Upgrade", "h2c"}, 400, 400},
		{"/orders/7", fields{"Upgrade", "websocket, h2c"}, 400, 400},
		{"/orders/7", fields{"Upgrade", "websocket", "Upgrade", "h2c"}, 400, 400},
	} {
		if response, _ := r.ask(t, "nginx", "GET", test.target, token.with(test.more...)); response.status != test.status {
			t.Errorf("%q %q: status %d, want %d", test.target, test.more, response.status, test.status)
		}
		if response, _ := relaxed.ask(t, "nginx", "GET", test.target, other.with(test.more...)); response.status != test.relaxedStatus {
			t.Errorf("%q %q, relaxed: status %d, want %d", test.target, test.more, response.status, test.relaxedStatus)
		}
	}
	for name, status := range map[string]int{
		"api.test": 200, "API.test:8443": 200, "[2001:db8::1]:443": 200, "127.0.0.1": 200, "a_b.test": 200,
		"api.test.": 400, "api..test": 400, "": 400, "api.test:": 400, "api.test:x": 400, "[::1": 400, "[1.2.3.4]": 400, "[fe80::1%25a]": 400,
		"api.test/x": 400, "user@api.test": 400, "api.test, b": 400, "\xc3\xa4.test": 400, strings.Repeat("a", 300): 400,
	} {
		f := fields{"X-Original-Method", "GET", "X-Original-Proto", "https", "X-Original-Host", name, "X-Original-URI", "/orders/7"}
		if response, _ := send(t, "GET", "http://"+r.HTTP+"/auth", token.with(f...)); response.status != status {
			t.Errorf("host %q: status %d, want %d", name, response.status, status)
		}
	}
	for method, status := range map[string]int{
		"GET": 200, "M-SEARCH": 403, "OPTIONS": 403, "CONNECT": 403, "get": 400, "Get": 400, "GET ": 200, "G\tT": 400, "TRACE1": 400, strings.Repeat("A", 33): 400,
	} {
		if response, _ := r.ask(t, "nginx", method, "/orders/7", token); response.status != status {
			t.Errorf("method %q: status %d, want %d", method, response.status, status)
		}
	}
}

// A path that matches another pattern in another spelling is rejected like one that matches no pattern.
func TestSpellings(t *testing.T) {
	t.Parallel()
	const routes = `
listen: {http: "127.0.0.1:0"}
routes:
  "/{rest...}": {}
  "/admin": {scopes: [none]}
  "GET /Reports/{id}": {}
  "GET /reports/top": {scopes: [none]}
  "GET /orders": {}
  "GET /orders/": {}
  "GET /list": {}
  "GET /list/{$}": {}
  "GET other.test/admin": {}
insecure_allow_in_path: [";"]
timeouts: {drain: 1ms}
`
	r := start(t, "proxy: caddy"+routes)
	relaxed := start(t, "proxy: caddy\ninsecure_skip_spelling_check: true"+routes)
	for _, test := range []struct {
		method, target        string
		status, relaxedStatus int
	}{
		{"GET", "/", 200, 200},
		{"GET", "/x", 200, 200},
		{"GET", "/X/", 200, 200},
		{"GET", "/admin", 403, 403},
		{"GET", "/admin/", 403, 200},
		{"GET", "/Admin", 403, 200},
		{"GET", "/ADMIN/", 403, 200},
		{"GET", "/li%C5%BFt", 403, 200},       // the long s, which is S in upper case
		{"GET", "/adm%C4%B1n", 403, 200},      // the dotless i
		{"GET", "/%E2%84%AAelvin/", 200, 200}, // no other pattern
		{"GET", "/admin/x", 200, 200},
		{"GET", "/admin;x", 403, 200},
		{"GET", "/ADMIN;x/", 403, 200},
		{"GET", "/x;admin", 200, 200},
		{"GET", "/Reports/1", 200, 200},
		{"GET", "/Reports/Top", 403, 200},
		{"GET", "/Reports/TOP/", 403, 200},
		{"GET", "/reports/1", 403, 200},
		{"GET", "/orders", 200, 200},
		{"GET", "/orders/", 403, 200},
		{"GET", "/orders/1", 200, 200},
		{"GET", "/orders/1/", 200, 200},
		{"GET", "/list", 200, 200},
		{"GET", "/list/", 200, 200},
		{"POST", "/orders/", 200, 200},
	} {
		for _, side := range []struct {
			r    *running
			want int
		}{{r, test.status}, {relaxed, test.relaxedStatus}} {
			token := bearer(side.r.issuer.AccessToken())
			if response, _ := side.r.ask(t, "caddy", test.method, test.target, token); response.status != side.want {
				t.Errorf("%s %s: status %d, want %d (relaxed: %t)", test.method, test.target, response.status, side.want, side.r == relaxed)
			}
		}
	}
	for host, status := range map[string]int{"other.test": 200, "OTHER.TEST:443": 200, "other.test.": 400, "api.test": 403} {
		f := fields{"X-Forwarded-Method", "GET", "X-Forwarded-Proto", "https", "X-Forwarded-Host", host, "X-Forwarded-Uri", "/admin"}
		if response, _ := send(t, "GET", "http://"+r.HTTP+"/auth", f.with(bearer(r.issuer.AccessToken())...)); response.status != status {
			t.Errorf("host %q: status %d, want %d", host, response.status, status)
		}
	}
}

// The metadata document is served beside the decisions, and nothing else.
func TestOtherPaths(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx\nresource: https://api.test/v1"+common)
	for path, status := range map[string]int{
		"/.well-known/oauth-protected-resource/v1": 200, "/.well-known/oauth-protected-resource": 404,
		"/": 404, "/authx": 404, "/auth/": 404, "/orders/7": 404, "//auth": 404,
	} {
		if response, body := send(t, http.MethodGet, "http://"+r.HTTP+path, nil); response.status != status {
			t.Errorf("%s: status %d, want %d: %s", path, response.status, status, body)
		}
	}
	for path, status := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/auth": 404} {
		if response, _ := send(t, http.MethodGet, "http://"+r.Admin+path, nil); response.status != status {
			t.Errorf("%s: status %d, want %d", path, response.status, status)
		}
	}
	_, _ = r.ask(t, "nginx", "GET", "/orders/7", nil)
	if _, body := send(t, http.MethodGet, "http://"+r.Admin+"/metrics", nil); !strings.Contains(body, `bearerkit_decisions_total{reason="no_token",status="401"} 1`) ||
		!strings.Contains(body, `bearerkit_ready{issuer="https://issuer.test"} 1`) {
		t.Errorf("metrics:\n%s", body)
	}
	if response, _ := r.ask(t, "nginx", "GET", "/orders/7", nil); !strings.Contains(response.header.Get("WWW-Authenticate"), "https://api.test/.well-known/oauth-protected-resource/v1") {
		t.Errorf("challenge %q", response.header.Get("WWW-Authenticate"))
	}
}

// Connections from other networks are rejected.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx\ntrusted_proxies: [10.0.0.0/8]\nresource: https://api.test"+common)
	token := bearer(r.issuer.AccessToken().Set("scope", "orders:read"))
	if response, _ := r.ask(t, "nginx", "GET", "/orders/7", token); response.status != 403 || response.header.Get("X-Auth-Subject") != "" {
		t.Errorf("status %d, %v", response.status, response.header)
	}
	if response, _ := send(t, "GET", "http://"+r.HTTP+"/.well-known/oauth-protected-resource", nil); response.status != 403 {
		t.Errorf("metadata: status %d", response.status)
	}
	r.await(t, "serve: request rejected before its token was read")
}
