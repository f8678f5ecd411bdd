package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// rules returns the rules of a route. A step-up comes before the scopes, so that the client can request both at once.
func (r routeConfig) rules() ([]middleware.Rule, error) {
	var rules []middleware.Rule
	add := func(present bool, rule middleware.Rule) {
		if present {
			rules = append(rules, rule)
		}
	}
	add(r.SenderConstrained, middleware.SenderConstrained())
	if r.Principal != "" {
		kind, err := principal(r.Principal)
		if err != nil {
			return nil, err
		}
		rules = append(rules, middleware.Principal(kind))
	}
	if s := r.StepUp; s != nil {
		rules = append(rules, middleware.StepUp(time.Duration(s.MaxAge), s.ACR...))
	}
	add(r.Scopes != nil, middleware.Scopes(r.Scopes...))
	add(r.AnyScope != nil, middleware.AnyScope(r.AnyScope...))
	add(r.AnyRole != nil, middleware.AnyRole(r.AnyRole...))
	if r.Roles != nil {
		rules = append(rules, middleware.Role(r.Roles.Claim, r.Roles.AnyOf...))
	}
	for name, accepted := range r.Claims {
		rules = append(rules, middleware.Claim(name, func(value any) bool { return isOneOf(value, accepted) }))
	}
	var faults []error
	for _, rule := range rules {
		faults = append(faults, rule.Err())
	}
	return rules, errors.Join(faults...)
}

// isOneOf reports whether a claim equals one of the accepted values. A list or an object never equals one.
func isOneOf(claim any, accepted list) bool {
	switch claim.(type) {
	case string, bool, float64:
		return slices.Contains(accepted, claim)
	}
	return false
}

// principal returns the kind of a principal.
func principal(name string) (consumer.Principal, error) {
	for _, kind := range []consumer.Principal{consumer.PrincipalUser, consumer.PrincipalClient} {
		if kind.String() == name {
			return kind, nil
		}
	}
	return 0, fmt.Errorf("principal is %q, expected user or client", name)
}

// checkPublic returns an error if a public route has rules, which would have no effect.
func (r routeConfig) checkPublic(rules []middleware.Rule) error {
	if r.Public && len(rules) > 0 {
		return errors.New("public is set together with rules, which would have no effect: remove one of them")
	}
	return nil
}

// unlisted returns the rule for requests that match no route. No token meets it.
func unlisted() middleware.Rule {
	return middleware.Check("unlisted route", func(context.Context, *consumer.Token) error {
		return forbidden("the request matches no pattern of routes, or another spelling of its path matches another pattern")
	})
}

// claimsRule returns a rule that rejects tokens whose claims cannot be sent as header fields.
func claimsRule(headers []claimHeader) middleware.Rule {
	return middleware.Check("claim headers", func(_ context.Context, t *consumer.Token) error {
		if err := setClaims(make(http.Header), headers, t); err != nil {
			return forbidden(err.Error())
		}
		return nil
	})
}

// forbidden returns an error that rejects a request with 403. detail is logged.
func forbidden(detail string) error {
	return &middleware.Refusal{Status: http.StatusForbidden, Detail: detail}
}

// invalid returns an error that rejects a request with 400.
func invalid(cause error) error { return fmt.Errorf("%w: %w", middleware.ErrInvalidRequest, cause) }
