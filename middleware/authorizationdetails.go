package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
)

// AuthorizationDetails requires an element of `authorization_details` (RFC 9396) with the given type and all of the given
// actions. It reads the claim of a JWT and the member of an introspection response alike. Types and actions are compared
// byte for byte. Elements of other types grant nothing. The actions must be in one element: each element limits its
// actions to its own locations and data, so the actions of several are not combined. Without actions, the type suffices.
//
// The rule does not compare the other members, such as locations, an identifier, or an amount. An API that relies on them
// must check them: see the example of [Check] with [consumer.AuthorizationDetailsAs]. In particular, an element with
// locations may be a grant for another API of the same authorization server.
//
// If the rule is not met, the response is 403 with the code insufficient_scope, because RFC 9396 defines no error code for
// responses of an API. The challenge contains scopes only if the token lacks scopes of the route. If the claim is not an array
// of objects with a type, the response is 401 with the code invalid_token.
//
// typ and actions must not be empty strings. AuthorizationDetails copies actions. The name of the rule is
// "authorization_details".
func AuthorizationDetails(typ string, actions ...string) Rule {
	actions = slices.Clone(actions)
	rule := Rule{name: "authorization_details", types: []string{typ}}
	needed := fmt.Sprintf("the type %q", typ)
	if len(actions) > 0 {
		needed += fmt.Sprintf(" and all of the actions %q", actions)
	}
	rule.wants = "an object in authorization_details with " + needed
	rule.detail = "no object in authorization_details has " + needed + " (AuthorizationDetails)"
	if typ == "" || slices.Contains(actions, "") {
		rule.broken = errors.New("AuthorizationDetails needs a type; the type and the actions must not be empty")
	}
	rule.test = func(_ context.Context, v verified) error {
		granted, err := v.token.HasAuthorizationDetail(typ, actions...)
		if err != nil || granted {
			return err
		}
		return &Refusal{
			Status: http.StatusForbidden, Code: codeInsufficientScope, Reason: consumer.ReasonAuthorizationDetails,
			Err: errDetails,
		}
	}
	return rule
}

var errDetails = &detailed{ErrInsufficientScope, "authorization_details"}
