package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Q5, B6: every challenge names the metadata document. With 401 it lists the scopes of the route, also without a token, and then
// without an error code. With 403 it lists them if a scope would help.
func TestQ5_B6_Challenges(t *testing.T) {
	t.Parallel()
	const metadata = `, resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"`
	const bearer, dpop = `Bearer realm="api"` + metadata, `DPoP realm="api"` + metadata + `, algs="ES256"`
	const scopes = `, scope="orders:read orders:write"`
	k := newKeyed(t, middleware.Config{Resource: "https://api.test/v1", DPoP: &middleware.DPoPConfig{Algorithms: []string{"ES256"}}})
	plain := newGuard(t, middleware.Config{Resource: "https://api.test/v1", Verifier: newConsumer(t, k.issuer)})
	rules := []middleware.Rule{middleware.Scopes("orders:read"), middleware.AnyScope("orders:write", "orders:admin")}
	valid, bound := k.issuer.AccessToken().Set("scope", "orders:read").Sign(), k.token()
	proven := func(token string) *http.Request {
		return get("DPoP "+token, k.proof(token).Sign())
	}
	for name, test := range map[string]struct {
		request     *http.Request
		plain, both []string // without and with Config.DPoP
	}{
		"no token":       {get("", ""), []string{bearer + scopes}, []string{bearer + scopes, dpop + scopes}},
		"another scheme": {get("Basic eDp5", ""), []string{bearer + scopes}, []string{bearer + scopes, dpop + scopes}},
		"forged": {
			get("Bearer "+valid+"A", ""),
			[]string{bearer + `, error="invalid_token"` + scopes},
			[]string{bearer + `, error="invalid_token"` + scopes, dpop + scopes},
		},
		"forged, DPoP": {
			proven(bound + "A"),
			[]string{bearer + scopes},
			[]string{dpop + `, error="invalid_token"` + scopes, bearer + scopes},
		},
		"bound token as bearer": {
			get("Bearer "+bound, ""),
			[]string{bearer + `, error="invalid_token"` + scopes},
			[]string{bearer + `, error="invalid_token"` + scopes, dpop + scopes},
		},
		"no proof": {
			get("DPoP "+bound, ""),
			[]string{bearer + scopes},
			[]string{dpop + `, error="invalid_dpop_proof"` + scopes, bearer + scopes},
		},
		"malformed": {get("Bearer a b", ""), []string{bearer + `, error="invalid_request"`}, []string{bearer + `, error="invalid_request"`, dpop}},
		"without a scope": {
			get("Bearer "+valid, ""),
			[]string{bearer + `, error="insufficient_scope"` + scopes},
			[]string{bearer + `, error="insufficient_scope"` + scopes, dpop},
		},
		"without a scope, DPoP": {proven(bound), []string{bearer + scopes}, []string{dpop + `, error="insufficient_scope"` + scopes, bearer}},
	} {
		for i, g := range []*middleware.Guard{plain, k.guard} {
			want := [][]string{test.plain, test.both}[i]
			w := serve(g.With(rules...)(hello), test.request.Clone(t.Context()))
			if diff := cmp.Diff(want, w.Header()["Www-Authenticate"]); diff != "" {
				t.Errorf("%s: %d challenges (-want +got):\n%s", name, w.Code, diff)
			}
			if w.Code == http.StatusUnauthorized && strings.Contains(w.Body.String(), "scope") {
				t.Errorf("%s: body %s", name, w.Body)
			}
		}
	}
	// A route without scopes, and a rule that no scope meets, have challenges without scopes.
	for _, rules := range [][]middleware.Rule{nil, {middleware.Role("roles", "admin")}} {
		if w := serve(plain.With(rules...)(hello), get("", "")); challengeOf(w) != bearer {
			t.Errorf("%d %s, want %s", w.Code, challengeOf(w), bearer)
		}
	}
	if w := serve(plain.With(middleware.Scopes("orders:read"), middleware.Role("roles", "admin"))(hello), get("Bearer "+valid, "")); w.Code != 403 || challengeOf(w) != bearer {
		t.Errorf("role: %d %s, want 403 %s", w.Code, challengeOf(w), bearer)
	}
}

// The challenges of the application keep their scopes, and receive those of the route if they have none.
func TestQ5_ChallengesOfTheApplication(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	for want, err := range map[string]error{
		`Bearer realm="api", error="invalid_token", scope="read"`:      consumer.ErrInvalidToken,
		`Bearer realm="api", scope="read"`:                             middleware.ErrNoToken,
		`Bearer realm="api", error="invalid_token", scope="mine"`:      &middleware.Refusal{Status: 401, Code: "invalid_token", Scopes: []string{"mine"}},
		`Bearer realm="api", error="my_code", scope="read"`:            &middleware.Refusal{Status: 401, Code: "my_code"},
		`Bearer realm="api", error="my_code"`:                          &middleware.Refusal{Status: 403, Code: "my_code"},
		`Bearer realm="api", error="insufficient_scope", scope="read"`: &middleware.Refusal{Status: 403, Code: "insufficient_scope"},
	} {
		check := middleware.Check("mine", func(context.Context, *consumer.Token) error { return err })
		w := serve(g.With(middleware.Scopes("read"), check)(hello), request(t, issuer.AccessToken().Set("scope", "read").Sign()))
		if challengeOf(w) != want {
			t.Errorf("%v: %s, want %s", err, challengeOf(w), want)
		}
	}
}

// A Guard keeps the challenges with scopes. They are correct for every number of different lists.
func TestChallengesOfManyRoutes(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: rejectWith(consumer.ErrInvalidToken)})
	for range 2 {
		for i := range 1200 {
			scopes := []string{fmt.Sprint("a", i), fmt.Sprint("b", i%7)}
			want := `Bearer realm="api", error="invalid_token", scope="` + strings.Join(scopes, " ") + `"`
			if w := serve(g.With(middleware.Scopes(scopes...))(hello), request(t, "x")); challengeOf(w) != want {
				t.Fatalf("%d: %s, want %s", i, challengeOf(w), want)
			}
		}
	}
}

// A flood of bad tokens for a route with scopes allocates the list of scopes for the Refusal, once for the decision and once for the
// response, and nothing else.
func TestHandler_AllocationsOfScopes(t *testing.T) { //nolint:paralleltest // allocations are counted
	g := newGuard(t, middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonSignature}), Resource: "https://api.test"})
	for _, token := range []string{"", "x"} {
		bare := allocations(t, g.Handler(nothing), request(t, token), http.StatusUnauthorized)
		scoped := allocations(t, g.With(middleware.Scopes("a", "b", "c", "d"))(nothing), request(t, token), http.StatusUnauthorized)
		if scoped-bare > 2 {
			t.Errorf("token %q: %v allocations, without scopes %v", token, scoped, bare)
		}
	}
}

// SetDenyHeader sets the header fields of Deny, and returns the Refusal.
func TestSetDenyHeader(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{Resource: "https://api.test", DPoP: &middleware.DPoPConfig{RequireNonce: true, ExposeHeaders: true}})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		request *http.Request
		err     error
		status  int
		code    string
	}{
		"no token":      {get("", ""), middleware.ErrNoToken, 401, ""},
		"bad token":     {get("Bearer x", ""), &consumer.Error{Reason: consumer.ReasonSignature}, 401, "invalid_token"},
		"nonce":         {get("DPoP x", "y"), &consumer.Error{Reason: consumer.ReasonNonce}, 401, "use_dpop_nonce"},
		"scope":         {get("Bearer x", ""), &middleware.Refusal{Status: 403, Code: "insufficient_scope", Scopes: []string{"a", "b"}}, 403, "insufficient_scope"},
		"outage":        {get("Bearer x", ""), consumer.ErrUnavailable, 503, ""},
		"fault":         {get("Bearer x", ""), fmt.Errorf("some fault"), 500, ""},
		"nil":           {get("Bearer x", ""), nil, 500, ""},
		"caller gone":   {get("Bearer x", "").WithContext(canceled), context.Canceled, 499, ""},
		"refusal of 7":  {get("Bearer x", ""), &middleware.Refusal{Status: 7}, 500, ""},
		"another class": {get("Bearer x", ""), middleware.ErrInvalidRequest, 400, "invalid_request"},
	} {
		test.request.Header.Set("Origin", "https://app.test")
		h := make(http.Header)
		refusal := k.guard.SetDenyHeader(h, test.request, test.err)
		if refusal.Status != test.status || refusal.Code != test.code || refusal.Reason == "" {
			t.Errorf("%s: %+v, want %d %q", name, refusal, test.status, test.code)
		}
		w := httptest.NewRecorder()
		k.guard.Deny(w, test.request, test.err)
		want := w.Header()
		want.Del("Content-Type") // of the body
		if diff := cmp.Diff(want, h); diff != "" {
			t.Errorf("%s: header (-Deny +SetDenyHeader):\n%s", name, diff)
		}
		if own, ok := test.err.(*middleware.Refusal); ok && own == refusal { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: the Refusal is that of the application", name)
		}
	}
}

// Apply applies rules to the token of the request, and lists the scopes of the route too.
func TestApply(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	var decisions []string
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), OnDecision: func(_ context.Context, d middleware.Decision) {
		decisions = append(decisions, fmt.Sprint(d.Status, d.Rule, d.Token != nil))
	}})
	var ctx context.Context
	keep := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })
	token := issuer.AccessToken().Set("scope", "mcp read").Set("acr", "bronze").Sign()
	serve(g.With(middleware.Scopes("mcp"))(keep), request(t, token))
	decisions = nil
	for name, test := range map[string]struct {
		rules     []middleware.Rule
		want      string // status, code and scopes; empty: the token meets the rules
		challenge string
	}{
		"no rules":     {nil, "", ""},
		"met":          {[]middleware.Rule{middleware.Scopes("read")}, "", ""},
		"scope":        {[]middleware.Rule{middleware.Scopes("read"), middleware.Scopes("write")}, "403 insufficient_scope [mcp read write]", `Bearer realm="api", error="insufficient_scope", scope="mcp read write"`},
		"role":         {[]middleware.Rule{middleware.Role("roles", "x")}, "403  []", `Bearer realm="api"`},
		"step-up":      {[]middleware.Rule{middleware.StepUp(time.Minute, "gold"), middleware.Scopes("write")}, "401 insufficient_user_authentication [mcp write]", `Bearer realm="api", error="insufficient_user_authentication", acr_values="gold", max_age="60", scope="mcp write"`},
		"invalid rule": {[]middleware.Rule{{}}, "500  []", ""},
		"second Verifier": {
			[]middleware.Rule{middleware.AlsoVerifiedBy(rejectWith(consumer.ErrInvalidToken))},
			"401 invalid_token [mcp]",
			`Bearer realm="api", error="invalid_token", scope="mcp"`,
		},
	} {
		decisions = nil
		got, challenge := "", ""
		err := middleware.Apply(ctx, test.rules...)
		if err != nil {
			refusal, ok := err.(*middleware.Refusal) //nolint:errorlint // Apply promises this type
			if !ok {
				t.Fatalf("%s: error %T", name, err)
			}
			got = fmt.Sprint(refusal.Status, " ", refusal.Code, " ", refusal.Scopes)
			h := make(http.Header)
			_ = g.SetDenyHeader(h, request(t, token), err)
			challenge = h.Get("WWW-Authenticate")
			if len(decisions) != 1 || !strings.HasSuffix(decisions[0], "true") {
				t.Errorf("%s: decisions %q", name, decisions)
			}
		} else if decisions != nil {
			t.Errorf("%s: decisions %q, want none", name, decisions)
		}
		if got != test.want || challenge != test.challenge {
			t.Errorf("%s: %q %s, want %q %s", name, got, challenge, test.want, test.challenge)
		}
	}
}

// Apply fails closed if the context has no token.
func TestApply_WithoutToken(t *testing.T) {
	t.Parallel()
	optional := newGuard(t, middleware.Config{Verifier: acceptAll, Optional: true})
	var anonymous context.Context
	serve(optional.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { anonymous = r.Context() })), request(t, ""))
	for name, ctx := range map[string]context.Context{
		"no Guard": t.Context(), "Optional": anonymous, "nil token": middleware.ContextWithToken(t.Context(), nil),
		"zero token": middleware.ContextWithToken(t.Context(), new(consumer.Token)),
	} {
		for _, rules := range [][]middleware.Rule{nil, {middleware.Scopes("a")}} {
			err := middleware.Apply(ctx, rules...)
			refusal, ok := err.(*middleware.Refusal) //nolint:errorlint // Apply promises this type
			if !ok || refusal.Status != http.StatusUnauthorized || !errors.Is(err, middleware.ErrNoToken) || len(refusal.Scopes) != len(rules) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Apply verifies an expired token again, so a token of a long response is not accepted after it has expired or was revoked.
func TestApply_LongResponses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after time.Duration
		keep  func(*http.Request) context.Context
		want  int
	}{
		"before the expiry":    {4 * time.Minute, (*http.Request).Context, 0},
		"within the skew":      {5*time.Minute + 5*time.Second, (*http.Request).Context, 0},
		"after the skew":       {5*time.Minute + 11*time.Second, (*http.Request).Context, 401},
		"ContextWithToken":     {4 * time.Minute, copied, 0},
		"ContextWithToken, at": {5 * time.Minute, copied, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
				g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
				var ctx context.Context
				h := g.With(middleware.Scopes("read"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = test.keep(r) }))
				serve(h, request(t, issuer.AccessToken().Set("scope", "read").Sign()))
				time.Sleep(test.after)
				err := middleware.Apply(ctx, middleware.Scopes("read"))
				refusal, _ := errors.AsType[*middleware.Refusal](err)
				if (err != nil) != (test.want != 0) || err != nil && (refusal.Status != test.want || refusal.Reason != consumer.ReasonExpired) {
					t.Errorf("error %v, want status %d", err, test.want)
				}
				if err != nil && !slices.Equal(refusal.Scopes, []string{"read"}) {
					t.Errorf("scopes %q, want those of the route and of the rules", refusal.Scopes)
				}
			})
		})
	}
}

// copied returns a context with the token of r and without its Guard.
func copied(r *http.Request) context.Context {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		return nil
	}
	return middleware.ContextWithToken(context.Background(), token)
}
