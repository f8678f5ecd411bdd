package middleware

// This file decides which scopes a challenge lists. A client that follows the challenge must not be rejected for a scope
// again, so the scopes of all rules of the route count.

import (
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/consumer"
)

// showsScopes reports whether the challenge lists the scopes of the route. If another requirement is not met, it lists them
// only if the token lacks them: a client that requests scopes that it already has gets no further.
func (p *passage) showsScopes(refusal *Refusal) bool {
	switch {
	case refusal.Code == codeInsufficientAuthentication, refusal.Reason == consumer.ReasonAuthorizationDetails:
		return p.lacksScopes()
	}
	return refusal.Code == codeInsufficientScope || refusal.Status == http.StatusUnauthorized
}

// neededScopes returns all scopes that the route needs, not only those that the token lacks (RFC 6750 section 3.1). They
// include the scopes of the outer Withs of the same Guard.
func (p *passage) neededScopes(g *Guard) []string {
	if p == nil {
		return nil
	}
	needed := p.outer().neededScopes(g)
	if p.guard != g {
		return needed
	}
	for _, rule := range *p.rules {
		if rule.fault() != nil { // its scopes may have characters that are not valid in a challenge
			continue
		}
		if needed == nil && len(rule.scopes) > 0 {
			needed = make([]string, 0, len(rule.scopes)) // most routes have one rule with scopes
		}
		for _, scope := range rule.scopes {
			if !slices.Contains(needed, scope) {
				needed = append(needed, scope)
			}
		}
	}
	return needed
}

// lacksScopes reports whether the token lacks scopes that the route requires, including those of outer handlers of the same
// Guard.
func (p *passage) lacksScopes() bool {
	g, token := p.guard, p.token
	for ; p != nil; p = p.outer() {
		if p.guard != g {
			continue
		}
		for _, rule := range *p.rules {
			if rule.granted != nil && !rule.granted(token) {
				return true
			}
		}
	}
	return false
}
