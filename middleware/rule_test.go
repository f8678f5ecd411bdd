package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// no, yes and down are checks with a constant result.
func saying(err error) middleware.Rule {
	return middleware.Check("check", func(context.Context, *consumer.Token) error { return err })
}

var (
	yes  = saying(nil)
	no   = saying(errors.New("not today"))
	down = saying(fmt.Errorf("store: %w", consumer.ErrUnavailable))
)

func TestRules(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	good := issuer.AccessToken().
		Set("scope", "read write").
		Set("department", "sales").
		Set("level", 3).
		Set("nothing", nil).
		Set("group", "staff").
		Set("realm_access", map[string]any{"roles": []any{"user", 7, nil}}).
		Set("https://api.test/roles", []string{"owner"}).
		Set("https://api", map[string]any{"test/roles": []string{"guest"}}).
		Set("urn:zitadel:iam:org:project:roles", map[string]any{"editor": map[string]any{"1": "org"}, "off": false, "null": nil}).
		Set("deep", map[string]any{"a": map[string]any{"b.c": []string{"x"}, "d": "y"}}).
		Sign()

	isSales := func(value any) bool { return value == "sales" }
	role := middleware.Role
	tests := []struct {
		name  string
		rules []middleware.Rule
		want  answer
	}{
		{"no rules", nil, passed},
		{"scope", []middleware.Rule{middleware.Scopes("read")}, passed},
		{"scopes", []middleware.Rule{middleware.Scopes("write", "read")}, passed},
		{"scope missing", []middleware.Rule{middleware.Scopes("read", "admin")}, insufficientScope("read admin")},
		{"scope in another case", []middleware.Rule{middleware.Scopes("Read")}, insufficientScope("Read")},
		{"part of a scope", []middleware.Rule{middleware.Scopes("rea")}, insufficientScope("rea")},
		{
			"all that the route needs",
			[]middleware.Rule{middleware.Scopes("read", "admin"), middleware.Scopes("read", "audit")},
			insufficientScope("read admin audit"),
		},
		{"any scope", []middleware.Rule{middleware.AnyScope("admin", "write")}, passed},
		{"no scope of any", []middleware.Rule{middleware.AnyScope("audit", "admin")}, insufficientScope("audit")},

		{"role in an array", []middleware.Rule{role("realm_access.roles", "admin", "user")}, passed},
		{"role not in an array", []middleware.Rule{role("realm_access.roles", "admin")}, forbidden("realm_access.roles")},
		{"role in a string", []middleware.Rule{role("group", "staff")}, passed},
		{"part of a string", []middleware.Rule{role("group", "sta")}, forbidden("group")},
		{"role in an object", []middleware.Rule{role("urn:zitadel:iam:org:project:roles", "editor")}, passed},
		{
			"role that is switched off",
			[]middleware.Rule{role("urn:zitadel:iam:org:project:roles", "off", "null", "none")},
			forbidden("urn:zitadel:iam:org:project:roles"),
		},
		{"whole path first", []middleware.Rule{role("https://api.test/roles", "owner")}, passed},
		{"whole path only", []middleware.Rule{role("https://api.test/roles", "guest")}, forbidden("https://api.test/roles")},
		{"deep", []middleware.Rule{role("deep.a.d", "y")}, passed},
		{"a dot in a nested name", []middleware.Rule{role("deep.a.b.c", "x")}, forbidden("deep.a.b.c")},
		{"role in a number", []middleware.Rule{role("level", "3")}, forbidden("level")},
		{"role in null", []middleware.Rule{role("nothing", "x")}, forbidden("nothing")},
		{"path through a string", []middleware.Rule{role("group.x.y", "staff")}, forbidden("group.x.y")},
		{"path of dots", []middleware.Rule{role("..", "staff")}, forbidden("..")},
		{"no such claim", []middleware.Rule{role("none.at.all", "x")}, forbidden("none.at.all")},

		{"claim", []middleware.Rule{middleware.Claim("department", isSales)}, passed},
		{"claim of another value", []middleware.Rule{middleware.Claim("group", isSales)}, forbidden("group")},
		{
			"claim that is missing",
			[]middleware.Rule{middleware.Claim("other", func(any) bool { return true })},
			forbidden("other"),
		},
		{"null is a value", []middleware.Rule{middleware.Claim("nothing", func(v any) bool { return v == nil })}, passed},

		{"check", []middleware.Rule{yes}, passed},
		{"check says no", []middleware.Rule{no}, forbidden("check")},
		{"check is down", []middleware.Rule{down}, unavailable(consumer.ReasonInternal, "check")},
		{"check takes too long", []middleware.Rule{saying(context.DeadlineExceeded)}, unavailable(consumer.ReasonInternal, "check")},
		{
			"check fails",
			[]middleware.Rule{saying(&consumer.Error{Reason: consumer.ReasonInternal})},
			internal("check"),
		},
		{"check is canceled, the caller is not", []middleware.Rule{saying(context.Canceled)}, forbidden("check")},
		{
			"check knows of scopes",
			[]middleware.Rule{middleware.Scopes("read"), saying(middleware.ErrInsufficientScope)},
			withRule(insufficientScope("read"), "check"),
		},
		{
			"check revokes",
			[]middleware.Rule{saying(&consumer.Error{Reason: consumer.ReasonRevoked})},
			withRule(invalidToken(consumer.ReasonRevoked), "check"),
		},
		{"a Check returns a Refusal", []middleware.Rule{saying(&middleware.Refusal{Status: 403})}, forbidden("check")},
		{"in their order", []middleware.Rule{no, middleware.Scopes("admin")}, forbidden("check")},
		{"the first decides", []middleware.Rule{middleware.Scopes("admin"), no}, insufficientScope("admin")},

		{"any: first", []middleware.Rule{middleware.Any(yes, no)}, passed},
		{"any: last", []middleware.Rule{middleware.Any(no, middleware.Scopes("admin"), yes)}, passed},
		{"any: despite an outage", []middleware.Rule{middleware.Any(down, yes)}, passed},
		{"any: none", []middleware.Rule{middleware.Any(no, no)}, forbidden("any of check, check")},
		{
			"any: an outage is not a no",
			[]middleware.Rule{middleware.Any(no, down, middleware.Scopes("admin"))},
			unavailable(consumer.ReasonInternal, "any of check, check, scope"),
		},
		{
			"any: a scope would help",
			[]middleware.Rule{middleware.Any(no, middleware.Scopes("a", "b"), middleware.Scopes("c"))},
			withRule(insufficientScope("a b"), "any of check, scope, scope"),
		},
		{"any in any", []middleware.Rule{middleware.Any(middleware.Any(no, yes))}, passed},

		{"all: both", []middleware.Rule{middleware.All(yes, middleware.Scopes("read"))}, passed},
		{"all: only one", []middleware.Rule{middleware.All(yes, no)}, forbidden("all of check, check")},
		{
			"all: one scope is missing",
			[]middleware.Rule{middleware.All(middleware.Scopes("read"), middleware.Scopes("admin"))},
			withRule(insufficientScope("read admin"), "all of scope, scope"),
		},
		{"all: the first decides", []middleware.Rule{middleware.All(no, middleware.Scopes("admin"))}, forbidden("all of check, scope")},
		{"all: an outage", []middleware.Rule{middleware.All(down, no)}, unavailable(consumer.ReasonInternal, "all of check, check")},
		{"all in any", []middleware.Rule{middleware.Any(middleware.All(yes, no), middleware.All(yes, middleware.Scopes("write")))}, passed},
		{
			"all in any: half of each",
			[]middleware.Rule{middleware.Any(middleware.All(middleware.Scopes("read"), no), middleware.All(middleware.Scopes("a"), yes))},
			withRule(insufficientScope("read"), "any of all of scope, check, all of scope, check"),
		},
		{"nothing in all", []middleware.Rule{middleware.All()}, broken("All needs at least one rule")},
		{"zero rule in all", []middleware.Rule{middleware.All(yes, middleware.Rule{})}, broken("the zero Rule is invalid, use a function of package middleware to make a Rule")},

		{"zero rule", []middleware.Rule{{}}, broken("the zero Rule is invalid, use a function of package middleware to make a Rule")},
		{"zero rule in any", []middleware.Rule{middleware.Any(yes, middleware.Rule{})}, broken("the zero Rule is invalid, use a function of package middleware to make a Rule")},
		{"no scopes", []middleware.Rule{middleware.Scopes()}, broken("Scopes needs at least one scope")},
		{"no scopes of any", []middleware.Rule{middleware.AnyScope()}, broken("AnyScope needs at least one scope")},
		{"two scopes in one", []middleware.Rule{middleware.Scopes("read write")}, broken(`Scopes: "read write" is not a scope (RFC 6749 section 3.3)`)},
		{"empty scope", []middleware.Rule{middleware.AnyScope("read", "")}, broken(`AnyScope: "" is not a scope (RFC 6749 section 3.3)`)},
		{"no role", []middleware.Rule{role("group")}, broken("Role needs a path and at least one role; roles must not be empty")},
		{"no path", []middleware.Rule{role("", "x")}, broken("Role needs a path and at least one role; roles must not be empty")},
		{"no name", []middleware.Rule{role("group", "")}, broken("Role needs a path and at least one role; roles must not be empty")},
		{"claim without a check", []middleware.Rule{middleware.Claim("group", nil)}, broken("Claim needs the name of a claim and a check function")},
		{"check without a function", []middleware.Rule{middleware.Check("c", nil)}, broken("Check needs a name and a function")},
		{"any of nothing", []middleware.Rule{middleware.Any()}, broken("Any needs at least one rule")},
	}
	verifier := newConsumer(t, issuer)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := observed(t, middleware.Config{Verifier: verifier}, test.rules, request(t, good))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// withScopes adds the scopes of the route to the challenge.
func withScopes(a answer, scopes string) answer {
	a.Challenge = []string{a.Challenge[0] + `, scope="` + scopes + `"`}
	return a
}

func withRule(a answer, rule string) answer {
	a.Decision.Rule = rule
	return a
}

// broken returns the response of an invalid rule.
func broken(fault string) answer { return internal(fault) }

// U4: of the requirements of a route, clients without a token see the scopes only, and not those of an invalid rule.
func TestU4_RulesAreNotShownToClients(t *testing.T) {
	t.Parallel()
	rules := []middleware.Rule{
		middleware.Scopes("project"), middleware.Role("secret", "secret"),
		{},
		middleware.Scopes("secret\r\n"),
		middleware.Any(middleware.Scopes("secret"), middleware.Scopes()),
	}
	for token, want := range map[string]answer{
		"": withScopes(noToken, "project"), "x": withScopes(invalidToken(consumer.ReasonSignature), "project"), "a b": invalidRequest,
	} {
		verifier := rejectWith(&consumer.Error{Reason: consumer.ReasonSignature})
		w := serve(newGuard(t, middleware.Config{Verifier: verifier}).With(rules...)(hello), request(t, token))
		if w.Code != want.Status || w.Body.String() != want.Body || !slices.Equal(w.Header()["Www-Authenticate"], want.Challenge) {
			t.Errorf("%q: response %d %v %s", token, w.Code, w.Header(), w.Body)
		}
	}
}

// A client whose id equals the name of a user is not that user.
func TestAttack46_ClientDoesNotCountAsUser(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	isUser := middleware.Check("user", func(_ context.Context, token *consumer.Token) error {
		if token.Principal() != consumer.PrincipalUser {
			return errors.New("a client, not a user")
		}
		return nil
	})
	h := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)}).With(isUser)(hello)
	if w := serve(h, request(t, issuer.AccessToken().Sign())); w.Code != http.StatusOK {
		t.Errorf("a user gets %d", w.Code)
	}
	client := issuer.AccessToken().Set("sub", "alice").Set("client_id", "alice").Sign()
	if w := serve(h, request(t, client)); w.Code != http.StatusForbidden {
		t.Errorf("a client called alice gets %d", w.Code)
	}
}

// A caller that changes its slices afterwards changes neither a rule nor a Guard.
func TestR1_U1_M3_ArgumentsAreCopied(t *testing.T) {
	t.Parallel()
	classes, actions, scopes := []string{"gold"}, []string{"initiate"}, []string{"read"}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}
	own := newCertificate(t, nil, "own")
	g := newGuard(t, middleware.Config{
		Verifier: introspected(map[string]any{
			"sub": "alice", "acr": "bronze", "scope": "write", "cnf": map[string]any{"x5t#S256": thumbprint(own)},
			"authorization_details": []any{map[string]any{"type": "payment", "actions": []string{"status"}}},
		}),
		MTLS: &middleware.MTLSConfig{Proxies: proxies},
	})
	rules := map[string]middleware.Rule{
		"StepUp": middleware.StepUp(0, classes...), "AuthorizationDetails": middleware.AuthorizationDetails("payment", actions...),
		"Scopes": middleware.Scopes(scopes...), "AnyScope": middleware.AnyScope(scopes...),
	}
	classes[0], actions[0], scopes[0], proxies[0] = "bronze", "status", "write", netip.MustParsePrefix("10.0.0.8/32")
	from := func(addr string) *http.Request {
		r := request(t, "opaque")
		r.RemoteAddr = addr
		r.Header.Set("Client-Cert", rfc9440(own))
		return r
	}
	if _, err := g.Authenticate(from("10.0.0.7:1")); err != nil {
		t.Errorf("the listed proxy: %v", err)
	}
	if _, err := g.Authenticate(from("10.0.0.8:1")); err == nil {
		t.Error("a proxy that was listed afterwards is accepted")
	}
	for name, rule := range rules {
		if _, err := g.Authenticate(from("10.0.0.7:1"), rule); err == nil {
			t.Errorf("%s is met after a change of its arguments", name)
		}
	}
}

func TestRuleErr(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule middleware.Rule
		want string
	}{
		"valid":       {middleware.Scopes("orders:read"), ""},
		"zero":        {middleware.Rule{}, "the zero Rule is invalid"},
		"no scope":    {middleware.Scopes(), "Scopes needs at least one scope"},
		"alternative": {middleware.Any(middleware.Scopes("orders:read"), middleware.AnyScope("a b")), `"a b" is not a scope`},
	} {
		err := test.rule.Err()
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, expected %q", name, err, test.want)
		}
	}
}
