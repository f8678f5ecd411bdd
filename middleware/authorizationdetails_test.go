package middleware_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// R1, R2, R3: what AuthorizationDetails accepts, and the response if it is not met.
func TestR1_R2_R3_AuthorizationDetails(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	type list = []any
	detail := func(typ string, actions ...string) object { return object{"type": typ, "actions": actions} }
	insufficient := func(scope, member string) answer {
		return answer{
			Status: 403, Challenge: []string{`Bearer realm="api", error="insufficient_scope"` + scope},
			CacheControl: "no-store", ContentType: problemJSON,
			Body:     `{"title":"Forbidden","status":403,"error":"insufficient_scope"` + member + "}\n",
			Level:    "INFO",
			Decision: middleware.Decision{Status: 403, Reason: consumer.ReasonAuthorizationDetails, Rule: "authorization_details"},
		}
	}
	unmet, malformed := insufficient("", ""), withRule(invalidToken(consumer.ReasonClaims), "authorization_details")
	typed := middleware.AuthorizationDetails("payment")
	initiate := middleware.AuthorizationDetails("payment", "initiate", "status")
	invalid := broken("AuthorizationDetails needs a type; the type and the actions must not be empty")
	pay := middleware.Scopes("pay")
	for name, test := range map[string]struct {
		details any
		rules   []middleware.Rule
		want    answer
	}{
		"type":                    {list{object{"type": "payment"}}, []middleware.Rule{typed}, passed},
		"all actions":             {list{detail("account"), detail("payment", "status", "cancel", "initiate")}, []middleware.Rule{initiate}, passed},
		"absent":                  {bearertest.Absent, []middleware.Rule{typed}, unmet},
		"null":                    {nil, []middleware.Rule{typed}, unmet},
		"empty":                   {list{}, []middleware.Rule{typed}, unmet},
		"unknown type":            {list{detail("account", "initiate", "status")}, []middleware.Rule{initiate}, unmet},
		"type in another case":    {list{object{"type": "Payment"}}, []middleware.Rule{typed}, unmet},
		"composed and decomposed": {list{object{"type": "paye\u0301"}}, []middleware.Rule{middleware.AuthorizationDetails("pay\u00e9")}, unmet},
		"one action missing":      {list{detail("payment", "initiate")}, []middleware.Rule{initiate}, unmet},
		"actions in two elements": {list{detail("payment", "initiate"), detail("payment", "status")}, []middleware.Rule{initiate}, unmet},
		"actions are text":        {list{object{"type": "payment", "actions": "initiate status"}}, []middleware.Rule{initiate}, unmet},
		"a scope does not count":  {bearertest.Absent, []middleware.Rule{middleware.Any(typed)}, withRule(unmet, "any of authorization_details")},
		"text":                    {"payment", []middleware.Rule{typed}, malformed},
		"object":                  {object{"type": "payment"}, []middleware.Rule{typed}, malformed},
		"element without a type":  {list{object{"type": "payment"}, object{}}, []middleware.Rule{typed}, malformed},
		"element is text":         {list{"payment"}, []middleware.Rule{typed}, malformed},
		"type is a number":        {list{object{"type": 1}}, []middleware.Rule{typed}, malformed},
		"malformed, no rule":      {"payment", nil, passed},
		"scope missing too":       {list{}, []middleware.Rule{typed, pay}, insufficient(`, scope="pay"`, `,"scope":"pay"`)},
		"scope held":              {list{}, []middleware.Rule{typed, middleware.Scopes("read")}, unmet},
		"any: met":                {list{object{"type": "payment"}}, []middleware.Rule{middleware.Any(pay, typed)}, passed},
		"any: not met":            {list{}, []middleware.Rule{middleware.Any(middleware.Role("r", "x"), typed)}, withRule(unmet, "any of r, authorization_details")},
		"two types":               {list{detail("payment", "initiate", "status"), detail("account")}, []middleware.Rule{initiate, middleware.AuthorizationDetails("account")}, passed},
		"no type":                 {list{}, []middleware.Rule{middleware.AuthorizationDetails("")}, invalid},
		"empty action":            {list{}, []middleware.Rule{middleware.AuthorizationDetails("payment", "initiate", "")}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := map[string]any{"authorization_details": test.details, "scope": "read"}
			for i, got := range inTurn(t, claims, test.rules...) {
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: response (-want +got):\n%s", []string{"JWT", "introspection"}[i], diff)
				}
			}
		})
	}
}

// The log says what was expected, and quotes nothing of the claim.
func TestR3_DetailOfAuthorizationDetails(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for details, want := range map[any]string{
		"secret":          "authorization_details is of type string, expected an array",
		bearertest.Absent: `no object in authorization_details has the type "payment" and all of the actions ["initiate"] (AuthorizationDetails)`,
	} {
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
		r := request(t, issuer.AccessToken().Set("authorization_details", details).Sign())
		_, err := g.Authenticate(r, middleware.AuthorizationDetails("payment", "initiate"))
		refusal, ok := err.(*middleware.Refusal) //nolint:errorlint // Authenticate returns this type
		if !ok || refusal.Detail != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v, refusal %+v, want detail %q", err, refusal, want)
		}
	}
}
