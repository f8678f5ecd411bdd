package middleware

import (
	"context"
	"errors"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
)

// AlsoVerifiedBy requires that v accepts the token too, after the Verifier of the Guard has accepted it. Use it for routes
// that need both the verification of a JWT and an introspection of the same token, so that a revocation takes effect before
// the JWT expires. A Verifier of package consumer/introspection may return a cached result: its Config.ActiveFor limits how
// long a revoked token is accepted. [Recheck] calls v again.
//
// The authorization server must be able to introspect its JWTs. Some servers report that every JWT is inactive; then no
// token meets the rule.
//
// The two results must be about the same token: the issuer must be equal, and so must the subject, the client, the actor
// (`act`) and the binding (`cnf`) if the result of v has them. An introspection response may omit each of them. A subject or
// a client that only v returns is accepted, unless it shows that a subject which the Guard counts as a user is a client
// ([consumer.Token.Principal]). An actor that only v returns is not accepted, because handlers would not see it, and neither
// is a binding, because the Guard has not verified it.
// Handlers and the other rules use the token of the Guard's Verifier, with its scopes and its expiry.
//
// An error of v results in the same response as an error of Config.Verifier: 401 if it matches [consumer.ErrInvalidToken],
// 503 if it matches [consumer.ErrUnavailable], and 500 for any other error. If the results differ, the response is 401 with
// the code invalid_token.
//
// v receives the token as the client sent it. It must be safe for concurrent use. A nil v makes an invalid rule. The name
// of the rule is "also_verified_by".
func AlsoVerifiedBy(v consumer.Verifier) Rule {
	rule := Rule{name: "also_verified_by", wants: "the same result of a second Verifier"}
	rule.detail = "the second Verifier does not accept the token (AlsoVerifiedBy)"
	if nilcheck.IsNil(v) {
		rule.broken = errors.New("AlsoVerifiedBy needs a Verifier: it is nil or contains a nil value")
	}
	rule.test = func(ctx context.Context, first verified) error {
		second, err := v.Verify(ctx, first.raw)
		if err != nil {
			return err
		}
		if !isVerified(second) {
			return faultOf(second)
		}
		if member := difference(first.token, second); member != "" {
			return &consumer.Error{Reason: consumer.ReasonClaims, Issuer: first.token.Issuer(), Err: &detailed{
				errors.New("middleware: two results"),
				"the Verifiers of the Guard and of AlsoVerifiedBy return a different " + member,
			}}
		}
		return nil
	}
	return rule
}

// difference returns the name of the first member in which two results of one token contradict each other, or "". It quotes no
// value.
func difference(first, second *consumer.Token) string {
	bound, _ := first.Confirmation()
	alsoBound, isBound := second.Confirmation()
	switch {
	case first.Issuer() != second.Issuer():
		return "issuer"
	case contradict(first.Subject(), second.Subject()):
		return "subject"
	case contradict(first.ClientID(), second.ClientID()):
		return "client"
	case second.Subject() != "" && first.Principal() == consumer.PrincipalUser && second.Principal() == consumer.PrincipalClient:
		return "principal: a user and a client (does the profile of the Guard's Verifier name the claim with the client id?)"
	case differentActor(first, second):
		return "actor (act)"
	case isBound && bound != alsoBound:
		return "binding (cnf)"
	}
	return ""
}

// differentActor reports whether second has an actor that first does not have, or contradicts.
func differentActor(first, second *consumer.Token) bool {
	actor, known := first.Actor()
	also, acts := second.Actor()
	return acts && (!known || contradict(actor.Subject, also.Subject) || contradict(actor.Issuer, also.Issuer) ||
		contradict(actor.ClientID, also.ClientID))
}

// contradict reports whether both names are known and differ.
func contradict(a, b string) bool { return a != "" && b != "" && a != b }
