package middleware

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// StepUp requires that the user signed in at most maxAge ago, and in one of the ways that acr lists (RFC 9470). The values
// of acr are authentication context classes, which the authorization server defines. StepUp reads `auth_time` and `acr` of the
// token, from a JWT and from an introspection response alike: see [consumer.Token.AuthenticatedWithin] and
// [consumer.Token.ACR]. A token without the claim does not meet the requirement. Values of acr are compared byte for byte.
// Each of them meets the requirement; their order says to the client which one the API prefers.
//
// If the rule is not met, the response is 401 with the code insufficient_user_authentication and the parameters
// acr_values and max_age. The client then signs the user in again with these values. The challenge combines the StepUp
// rules of the whole route, including those of outer handlers of [Guard.With]: the shortest max_age, and the values of
// acr that all of them list. It also contains the scopes of the route if the token does not have them. So put StepUp in
// front of [Scopes], and the client can request everything at once.
//
// maxAge is a whole number of seconds and at most 68 years. The clock skew of the Consumer is added to it. Choose it so
// that the client has enough time to send the request after the sign-in. Zero: any age. Values of acr are printable ASCII without spaces,
// quotes and backslashes. Empty: any class. At least one of the two must be set. StepUp copies acr. In a [Recheck], StepUp
// ends the response when the sign-in becomes too old.
//
// The authorization server must be able to meet the requirement for every user of the route. Otherwise its clients sign
// in again and again.
//
// The name of the rule is "step_up".
func StepUp(maxAge time.Duration, acr ...string) Rule {
	need := &signIn{maxAge, slices.Clone(acr)}
	return Rule{name: "step_up", wants: need.String(), signIn: need, broken: need.fault(), test: need.test}
}

// signIn is what a StepUp requires.
type signIn struct {
	maxAge time.Duration // zero: any age
	acr    []string      // nil: any class
}

// String returns the requirement, for operators.
func (s *signIn) String() string {
	var class, age string
	if len(s.acr) > 0 {
		class = fmt.Sprintf("an acr of %q", s.acr)
	}
	if s.maxAge > 0 {
		age = fmt.Sprintf("an auth_time of at most %v ago", s.maxAge)
	}
	if class != "" && age != "" {
		return class + " and " + age
	}
	return class + age
}

// fault returns why the requirement is invalid, or nil.
func (s *signIn) fault() error {
	switch {
	case s.maxAge == 0 && len(s.acr) == 0:
		return errors.New("StepUp needs a maxAge, an acr, or both")
	case s.maxAge < 0:
		return fmt.Errorf("StepUp: maxAge is %v, expected zero or more", s.maxAge)
	case s.maxAge%time.Second != 0:
		return fmt.Errorf("StepUp: maxAge is %v, expected whole seconds (RFC 9470 section 3)", s.maxAge)
	case s.maxAge/time.Second > math.MaxInt32:
		return fmt.Errorf("StepUp: maxAge is %v, more than 68 years", s.maxAge)
	}
	for _, class := range s.acr {
		if !isScope(class) {
			return fmt.Errorf("StepUp: acr %q has a character that is not valid in acr_values, or is empty", class)
		}
	}
	return nil
}

// test returns a Refusal if the token does not show such a sign-in.
func (s *signIn) test(_ context.Context, v verified) error {
	switch {
	case len(s.acr) > 0 && !slices.Contains(s.acr, v.token.ACR()):
		return s.refusal(fmt.Sprintf("acr %s is not one of %q (StepUp)", received(v.token.ACR()), s.acr))
	case s.maxAge > 0 && !v.token.AuthenticatedWithin(s.maxAge):
		return s.refusal(fmt.Sprintf("auth_time %s is not within the last %v (StepUp)", receivedTime(v.token.AuthTime()), s.maxAge))
	}
	return nil
}

// errStepUp means that the sign-in of the user does not suffice.
var errStepUp = errors.New("middleware: insufficient user authentication")

// refusal returns the response. detail is for operators.
func (s *signIn) refusal(detail string) error {
	return &Refusal{
		Status: http.StatusUnauthorized, Code: codeInsufficientAuthentication, Reason: consumer.ReasonStepUp,
		ACRValues: s.acr, MaxAge: int(s.maxAge / time.Second), Detail: detail, Err: errStepUp,
	}
}

const maxReceived = 100 // bytes of a claim in a Detail

// received quotes a claim that is safe to log, or says that the token does not have it as a string.
func received(claim string) string {
	switch {
	case claim == "":
		return "(missing, empty, or not a string)"
	case len(claim) > maxReceived:
		return fmt.Sprintf("%q...", claim[:maxReceived])
	}
	return fmt.Sprintf("%q", claim)
}

// receivedTime is received for a time.
func receivedTime(t time.Time) string {
	if t.IsZero() {
		return "(missing, or not a number of seconds)"
	}
	return t.UTC().Format(time.RFC3339)
}

// combineSignIns adds to refusal what the other StepUp rules of the route require, including those of outer handlers of the
// same Guard. Otherwise a client that follows the challenge could fail the next rule.
func (p *passage) combineSignIns(refusal *Refusal, g *Guard) {
	for ; p != nil; p = p.outer() {
		if p.guard != g {
			continue
		}
		for _, rule := range *p.rules {
			if rule.signIn != nil {
				rule.signIn.addTo(refusal)
			}
		}
	}
}

// addTo adds the requirement to the challenge of refusal. If no class satisfies both, those of refusal remain: no token
// can then meet all rules of the route.
func (s *signIn) addTo(refusal *Refusal) {
	if age := int(s.maxAge / time.Second); age > 0 && (refusal.MaxAge == 0 || age < refusal.MaxAge) {
		refusal.MaxAge = age
	}
	if len(refusal.ACRValues) == 0 {
		refusal.ACRValues = slices.Clone(s.acr)
		return
	}
	common := slices.DeleteFunc(slices.Clone(refusal.ACRValues), func(class string) bool { return !slices.Contains(s.acr, class) })
	if len(common) > 0 {
		refusal.ACRValues = common
	}
}
