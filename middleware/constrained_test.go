package middleware_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// X2: a route that requires a bound token rejects a bearer token.
func TestX2_SenderConstrainedRejectsBearerTokens(t *testing.T) {
	t.Parallel()
	for i, got := range inTurn(t, map[string]any{"scope": "read"}, middleware.SenderConstrained(), middleware.Scopes("write")) {
		want := withRule(invalidToken(consumer.ReasonBinding), "sender_constrained")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: response (-want +got):\n%s", []string{"JWT", "introspection"}[i], diff)
		}
	}
}

// X3: a client is not a user, whatever its name, and an actor does not change who the principal is.
func TestX3_Attack46_Principal(t *testing.T) {
	t.Parallel()
	user, machine := middleware.Principal(consumer.PrincipalUser), middleware.Principal(consumer.PrincipalClient)
	type claims = map[string]any
	for name, test := range map[string]struct {
		claims claims
		user   bool
	}{
		"user":                         {claims{"sub": "alice", "client_id": "app"}, true},
		"user with an actor":           {claims{"sub": "alice", "client_id": "app", "act": claims{"sub": "app"}}, true},
		"user, no client":              {claims{"sub": "alice", "client_id": bearertest.Absent}, true},
		"client":                       {claims{"sub": "alice", "client_id": "alice"}, false},
		"client with an actor":         {claims{"sub": "alice", "client_id": "alice", "act": claims{"sub": "bob"}}, false},
		"client without a subject":     {claims{"sub": bearertest.Absent, "client_id": "alice"}, false},
		"client with an empty subject": {claims{"sub": "", "client_id": "alice"}, false},
		"client of Auth0":              {claims{"sub": "alice@clients", "client_id": "alice"}, false},
		"client of Entra":              {claims{"sub": "alice", "client_id": "app", "idtyp": "app"}, false},
		"client in azp":                {claims{"sub": "alice", "client_id": bearertest.Absent, "azp": "alice"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := map[string]any{"sub": nil}
			for claim, value := range test.claims {
				all[claim] = value
			}
			for rule, wanted := range map[*middleware.Rule]bool{&user: test.user, &machine: !test.user} {
				for i, got := range inTurn(t, all, *rule) {
					want := forbidden("principal")
					if wanted {
						want = passed
						want.Body = got.Body
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s: response (-want +got):\n%s", []string{"JWT", "introspection"}[i], diff)
					}
				}
			}
		})
	}
	for _, got := range inTurn(t, nil, middleware.Principal(consumer.Principal(2))) {
		if diff := cmp.Diff(broken("Principal needs consumer.PrincipalUser or consumer.PrincipalClient"), got); diff != "" {
			t.Errorf("response (-want +got):\n%s", diff)
		}
	}
	if w := serve(newGuard(t, middleware.Config{Verifier: acceptAll}).With(user)(hello), request(t, "")); w.Code != http.StatusUnauthorized {
		t.Errorf("a request without a token gets %d", w.Code)
	}
}
