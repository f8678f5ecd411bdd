package bearertest_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// orders is the target of most tests.
func orders() bearertest.Target { return bearertest.Target{URL: "/orders"} }

// pass runs the table, of which no row may fail, and returns the reasons of the skipped rows.
func pass(t *testing.T, handler http.Handler, issuer *bearertest.Issuer, target bearertest.Target) map[string]string {
	t.Helper()
	failed, skipped, _, problem := bearertest.AttackResults(handler, issuer, target)
	if problem != "" {
		t.Fatal(problem)
	}
	for _, failures := range failed {
		t.Error(failures[0])
	}
	return skipped
}

// If the valid token is not accepted, one failure says which field to change.
func TestAttacksSetup(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	scoped := guarded(t, issuer, middleware.Config{}, middleware.Scopes("orders:read"))
	open := guarded(t, issuer, middleware.Config{})
	unreachable := guarded(t, bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://\x7f"}), middleware.Config{Verifier: broken(t)})
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	tests := []struct {
		name    string
		handler http.Handler
		target  bearertest.Target
		want    string
	}{
		{"wrong path", scoped, bearertest.Target{URL: "/other", Scope: "orders:read"}, "Set Target.URL and Target.Method"},
		{"wrong method", scoped, bearertest.Target{URL: "/orders", Method: http.MethodPut}, "Set Target.URL and Target.Method"},
		{"no scope", scoped, orders(), "Set Target.Scope"},
		{"wrong audience", open, bearertest.Target{URL: "/orders", Token: func() *bearertest.Token {
			return issuer.AccessToken().Set("aud", "https://other.test")
		}}, "Target.Token and Target.Scope"},
		{"no keys", unreachable, orders(), "Issuer.Client"},
		{"redirect", status(http.StatusFound), orders(), "location of the redirect"},
		{"panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") }), orders(), "panics for a valid request"},
		{"not guarded", status(http.StatusOK), orders(), "Guard the route"},
		{"URL without a slash", open, bearertest.Target{URL: "orders"}, "(Target.URL)"},
		{"URL without a path", open, bearertest.Target{URL: "https://api.test"}, "(Target.URL)"},
		{"unusable URL", open, bearertest.Target{URL: "/%zz"}, "(Target.URL)"},
		{"space in the URL", open, bearertest.Target{URL: "/a b"}, "(Target.URL)"},
		{"unusable method", open, bearertest.Target{Method: "GET /"}, "(Target.Method)"},
		{"negative skew", open, bearertest.Target{URL: "/orders", ClockSkew: -time.Second}, "(Target.ClockSkew)"},
		{"skipped row that does not exist", open, bearertest.Target{URL: "/orders", Skip: map[string]string{"13_exp": "x"}}, `"13_exp"`},
		{"skipped row without a reason", open, bearertest.Target{URL: "/orders", Skip: map[string]string{"13": ""}}, "why"},
		{"no token", open, bearertest.Target{URL: "/orders", Token: func() *bearertest.Token { return nil }}, "(Target.Token)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, _, problem := bearertest.AttackResults(test.handler, issuer, test.target)
			if !strings.Contains(problem, test.want) {
				t.Errorf("problem %q does not contain %q", problem, test.want)
			}
			if secret.MatchString(problem) {
				t.Errorf("the problem contains a signature: %s", problem)
			}
		})
	}
}

// broken returns a Verifier whose keys cannot be fetched.
func broken(t *testing.T) consumer.Verifier {
	t.Helper()
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test"})
	c, err := consumer.New(consumer.Config{Issuer: "https://issuer.test", Audience: []string{audience}, HTTPClient: stranger.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// secret matches a token with its signature.
var secret = regexp.MustCompile(`ey[\w-]+\.ey[\w-]+\.[\w-]{20,}`)

// A failure says what to change, and never contains a signature, whatever the handler sends back.
func TestAttacksFailures(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "token: ", r.Header["Authorization"], r.Header["Cookie"])
	})
	failed, _, names, problem := bearertest.AttackResults(echo, issuer, orders())
	if problem != "" {
		t.Fatal(problem)
	}
	if len(failed) < 50 {
		t.Errorf("%d of %d rows failed", len(failed), len(names))
	}
	for row, failures := range failed {
		if len(failures) > 4 {
			t.Errorf("%s: %d failures", row, len(failures))
		}
		for _, failure := range failures {
			if secret.MatchString(failure) {
				t.Errorf("the failure contains a signature: %s", failure)
			}
		}
		for _, part := range []string{row + ": ", "\n  sent:     GET /orders, with ", "\n  expected: ", "\n  received: ", "\n  rule:     ", "\n  change:   "} {
			if !strings.Contains(failures[0], part) {
				t.Errorf("the failure does not contain %q:\n%s", part, failures[0])
			}
		}
	}
}

// Rows that do not apply say why.
func TestAttacksSkips(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	static, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	target := orders()
	target.AcceptsIDTokens, target.Optional = true, true
	target.Skip = map[string]string{"22_iss_normalized": "reason one", "B1": "reason two"}
	skipped := pass(t, guarded(t, issuer, middleware.Config{Verifier: static, Optional: true}), issuer, target)
	for row, reason := range map[string]string{
		"22_iss_normalized": "reason one (Target.Skip)", "B1_other_schemes": "reason two (Target.Skip)", "B1_scheme_in_any_case": "reason two (Target.Skip)",
		"24_ID_token": "Target.AcceptsIDTokens", "B6_no_credentials": "Target.Optional", "35_salt_length": "PS256", "31_no_fetch_for_a_header": "static",
		"34_weak_published_keys": "static", "32_broken_key_set": "static", "X1_scope_missing": "Target.Scope", "33_removed_key": "synctest",
		"49_methods_without_a_token": "Target.Optional", "B2_token_in_other_places": "Target.Optional", "27_proof_of_possession": "Target.Credential",
	} {
		if !strings.Contains(skipped[row], reason) {
			t.Errorf("%s: skipped because of %q, want %q", row, skipped[row], reason)
		}
	}
}

// The credential may be in any place.
func TestAttacksInOtherPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		source     middleware.TokenSource
		credential func(r *http.Request, token string)
	}{
		{"cookie", middleware.CookieToken("access_token"), func(r *http.Request, token string) {
			r.AddCookie(&http.Cookie{Name: "access_token", Value: token, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}},
		{"header", middleware.HeaderToken("X-Token"), func(r *http.Request, token string) { r.Header.Set("X-Token", token) }},
		{"query", middleware.QueryToken, func(r *http.Request, token string) {
			query := r.URL.Query()
			query.Set("access_token", token)
			r.URL.RawQuery = query.Encode()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
			target := orders()
			target.Credential = test.credential
			skipped := pass(t, guarded(t, issuer, middleware.Config{TokenSources: []middleware.TokenSource{test.source}}), issuer, target)
			if !strings.Contains(skipped["B1_other_schemes"], "Target.Credential") {
				t.Errorf("B1_other_schemes: skipped because of %q", skipped["B1_other_schemes"])
			}
		})
	}
}

// A deployment whose tokens are signed with HMAC has no keys to publish.
func TestAttacksWithHMAC(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"HS256"}})
	_, key := issuer.Key("HS256")
	shared, _ := key.([]byte)
	keys, err := jwks.Secret(shared, "HS256")
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	skipped := pass(t, guarded(t, issuer, middleware.Config{Verifier: c}), issuer, orders())
	if skipped["2_public_key_as_secret"] == "" {
		t.Error("2_public_key_as_secret was not skipped")
	}
}

// A server on a socket is tested in the same way, and the key set is restored.
func TestAttacksRemote(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	api := guarded(t, issuer, middleware.Config{}, middleware.Scopes("orders:read"))
	server := httptest.NewServer(http.StripPrefix("/v1", api))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	own := issuer.JWKS()
	issuer.SetJWKS(own)
	bearertest.Attacks(t, bearertest.RemoteHandler(server.URL+"/v1/", transport), issuer,
		bearertest.Target{URL: "/orders", Scope: "orders:read"},
		bearertest.Target{Method: http.MethodPost, URL: "https://api.test/orders?page=2", Scope: "orders:read", Body: "{}", Header: http.Header{"Content-Type": {"application/json"}}})
	if got := issuer.JWKS(); !slices.Equal(got, own) {
		t.Errorf("the key set was not restored: %s", got)
	}
}

// RemoteHandler keeps the request and the response.
func TestRemoteHandler(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Method+" "+r.Host+r.RequestURI+" "+r.Header.Get("X-Sent"))
		http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
	}))
	t.Cleanup(server.Close) // after the subtests, which are parallel
	host := strings.TrimPrefix(server.URL, "http://")
	tests := []struct{ name, base, target, want string }{
		{"path", server.URL, "/orders?a=b", "PUT " + host + "/orders?a=b sent"},
		{"base with a path", server.URL + "/v1/", "/orders", "PUT " + host + "/v1/orders sent"},
		{"own host", server.URL, "https://api.test/orders", "PUT api.test/orders sent"},
		{"encoded slash", server.URL, "/a%2Fb", "PUT " + host + "/a%2Fb sent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, test.target, strings.NewReader("body"))
			r.Header.Set("X-Sent", "sent")
			w := httptest.NewRecorder()
			bearertest.RemoteHandler(test.base, nil).ServeHTTP(w, r)
			if got := w.Header().Get("X-Seen"); got != test.want || w.Code != http.StatusSeeOther {
				t.Errorf("status %d, the server saw %q, want %q", w.Code, got, test.want)
			}
		})
	}
	for _, base := range []string{"", "localhost:1", "ftp://localhost", "http://", "http://127.0.0.1:1", "%"} {
		w := httptest.NewRecorder()
		bearertest.RemoteHandler(base, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "bearertest: ") {
			t.Errorf("base %q: status %d, body %q", base, w.Code, w.Body)
		}
	}
}

// A flood of the table is longer than the bound on requests that it checks, and the kit sends no more.
func TestAttacksCountRequests(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	sent := 0
	api := guarded(t, issuer, middleware.Config{})
	pass(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent++
		api.ServeHTTP(w, r)
	}), issuer, orders())
	for path, requests := range maps.All(issuer.Requests()) {
		if requests > 10 {
			t.Errorf("%d requests for %s", requests, path)
		}
	}
	if sent < 500 || sent > 2000 {
		t.Errorf("%d requests to the API, want 500 to 2000", sent)
	}
}

// RemoteHandler reads a response up to its bound.
func TestRemoteHandlerIsBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20+1))
	}))
	defer server.Close()
	w := httptest.NewRecorder()
	bearertest.RemoteHandler(server.URL, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Body.Len() != 1<<20 {
		t.Errorf("%d bytes, want 1 MiB", w.Body.Len())
	}
}
