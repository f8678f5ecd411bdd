package adaptertest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// signIns returns rows about rules on how the user signed in, and on what exactly was granted.
func signIns() []row {
	type object = map[string]any
	const missing = bare + `, error="insufficient_user_authentication"`
	gold := middleware.StepUp(5*time.Minute, "gold", "silver")
	pay := middleware.AuthorizationDetails("payment", "initiate")
	with := func(claims object) func(*bearertest.Issuer) http.Header {
		return spoiled(func(t *bearertest.Token) *bearertest.Token {
			for name, value := range claims {
				t.Set(name, value)
			}
			return t
		})
	}
	granted := func(actions ...string) object {
		return object{"authorization_details": []object{{"type": "payment", "actions": actions}}}
	}
	stepUp := named(refused(http.StatusUnauthorized, consumer.ReasonStepUp, missing+`, acr_values="gold silver", max_age="300"`))
	scope := named(refused(http.StatusUnauthorized, consumer.ReasonStepUp,
		missing+`, acr_values="gold silver", max_age="300", scope="orders:read orders:write"`))
	details := named(refused(http.StatusForbidden, consumer.ReasonAuthorizationDetails, bare+`, error="insufficient_scope"`))
	return []row{
		{
			name: "U1 step-up met", header: with(object{"acr": "silver", "auth_time": time.Now().Unix()}), guards: ruled(gold),
			want: passed(),
		},
		{name: "U1 step-up, no sign-in in the token", guards: ruled(gold), want: stepUp},
		{name: "U1 HEAD, step-up", method: http.MethodHead, guards: ruled(gold), want: stepUp},
		{
			name: "U3 step-up, sign-in too long ago", header: with(object{"acr": "gold", "auth_time": 1_700_000_000}),
			guards: ruled(gold), want: stepUp,
		},
		{name: "U1 step-up, scopes missing", guards: ruled(gold, middleware.Scopes("orders:read", "orders:write")), want: scope},
		{
			name: "U4 step-up, no token", header: authorization(), guards: ruled(gold),
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare),
		},
		{name: "R1 authorization details held", header: with(granted("status", "initiate")), guards: ruled(pay), want: passed()},
		{name: "R3 authorization details missing", guards: ruled(pay), want: details},
		{name: "R3 action missing", header: with(granted("status")), guards: ruled(pay), want: details},
		{
			name: "R1 authorization details malformed", header: with(object{"authorization_details": "payment"}), guards: ruled(pay),
			want: named(refused(http.StatusUnauthorized, consumer.ReasonClaims, invalidToken)),
		},
	}
}

// bearers returns rows about rules on who may use a token, and on who must accept it.
func bearers() []row {
	forUsers := ruled(middleware.Principal(consumer.PrincipalUser))
	client := spoiled(func(t *bearertest.Token) *bearertest.Token { return t.Set("client_id", "alice") })
	return []row{
		{name: "X3 user", guards: forUsers, want: passed()},
		{
			name: "X3 client with the name of a user", header: client, guards: forUsers,
			want: named(refused(http.StatusForbidden, consumer.ReasonPolicy, bare)),
		},
		{
			name: "X2 not bound", guards: ruled(middleware.SenderConstrained()),
			want: named(refused(http.StatusUnauthorized, consumer.ReasonBinding, invalidToken)),
		},
		{
			name: "second verifier rejects", guards: ruled(alsoBy(&consumer.Error{Reason: consumer.ReasonInactive})),
			want: named(refused(http.StatusUnauthorized, consumer.ReasonInactive, invalidToken)),
		},
		{
			name: "second verifier is down", guards: ruled(alsoBy(&consumer.Error{Reason: consumer.ReasonIntrospectionUnavailable})),
			want: named(refused(http.StatusServiceUnavailable, consumer.ReasonIntrospectionUnavailable, "")),
		},
		{
			name: "second verifier has a fault", guards: ruled(alsoBy(errors.New("a fault of its own"))),
			want: named(refused(http.StatusInternalServerError, consumer.ReasonInternal, "")),
		},
	}
}

// alsoBy returns a rule with a second Verifier that returns a constant error.
func alsoBy(err error) middleware.Rule { return middleware.AlsoVerifiedBy(failing{err}) }

// failing is a Verifier that returns a constant error.
type failing struct{ err error }

// Verify implements [consumer.Verifier].
func (f failing) Verify(context.Context, string) (*consumer.Token, error) { return nil, f.err }
