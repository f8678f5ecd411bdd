package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Rule is one requirement of a route for a token. [Scopes], [AnyScope], [AnyRole], [Role], [RolePath], [Claim],
// [AuthorizationDetails], [StepUp], [SenderConstrained], [Principal], [AlsoVerifiedBy], [Check], [Any] and [All] return Rules. A
// request passes a list of rules only if its token meets all of them; they are applied in order. A Rule is immutable and
// safe for concurrent use, and several routes can share it. docs/rules.md compares the rules.
//
// An invalid Rule, such as Scopes without a scope or the zero Rule, rejects every request with 500. It is logged when the
// route is created. [Guard.Routes] returns an error for it.
type Rule struct {
	name   string   // for operators
	detail string   // why a token does not meet the rule, for the log
	scopes []string // for the challenge
	offers []string // for the metadata document: all scopes that can meet the rule, with those of all alternatives
	types  []string // for the metadata document: of authorization details
	wants  string   // what the rule requires, for Config.Explain; empty: its name says it
	bound  bool     // whether only a bound token can meet the rule
	signIn *signIn  // for the challenge; nil if the rule is not a StepUp
	broken error    // why the rule is invalid

	ways    []Alternative // for Alternatives; nil: one, with bound
	crowded bool          // there are too many alternatives

	// granted reports whether the token has the scopes that the rule requires. Nil: the rule can be met without scopes.
	granted func(t *consumer.Token) bool

	// test returns nil if the request meets the rule. refusalOf maps its error to a response. A test does not receive the
	// passage, which would then be allocated for each request.
	test func(ctx context.Context, v verified) error
}

// verified is what a rule is applied to.
type verified struct {
	token *consumer.Token
	raw   string // the text of the token, as the client sent it
}

// Scopes requires all of the given scopes. If one is missing, the challenge lists all scopes of the route (RFC 6750
// section 3.1).
func Scopes(all ...string) Rule {
	all = slices.Clone(all)
	rule := Rule{name: "scope", scopes: all, offers: all, broken: checkScopes("Scopes", all)}
	rule.detail = fmt.Sprintf("the token does not have all of the scopes %q", all)
	rule.granted = func(t *consumer.Token) bool {
		for _, scope := range all {
			if !t.HasScope(scope) {
				return false
			}
		}
		return true
	}
	rule.test = testScopes(rule.granted)
	rule.setWays([]Alternative{{Scopes: all}})
	return rule
}

// AnyScope requires at least one of the given scopes. Put the least powerful scope first. The challenge lists only that
// one, so that a client that follows the challenge requests no more than it needs.
func AnyScope(oneOf ...string) Rule {
	oneOf = slices.Clone(oneOf)
	rule := Rule{name: "scope", offers: oneOf, broken: checkScopes("AnyScope", oneOf)}
	rule.detail = fmt.Sprintf("the token has none of the scopes %q", oneOf)
	rule.scopes = oneOf[:min(1, len(oneOf))]
	rule.granted = func(t *consumer.Token) bool { return slices.ContainsFunc(oneOf, t.HasScope) }
	rule.test = testScopes(rule.granted)
	rule.setWays(oneScope(oneOf))
	return rule
}

// testScopes returns the test of a rule that requires scopes only.
func testScopes(granted func(t *consumer.Token) bool) func(context.Context, verified) error {
	return func(_ context.Context, v verified) error {
		if !granted(v.token) {
			return ErrInsufficientScope
		}
		return nil
	}
}

// Claim requires a claim for which check returns true. check receives the value that [consumer.Token.Claim] returns.
// check is not called if the token has no such claim; the request is then rejected. The challenge lists no scope,
// because no scope would change the result. check must be safe for concurrent use.
func Claim(name string, check func(value any) bool) Rule {
	rule := Rule{name: name, detail: fmt.Sprintf("claim %q is missing, or its check returned false", name)}
	if name == "" || check == nil {
		rule.broken = errors.New("Claim needs the name of a claim and a check function")
	}
	rule.test = func(_ context.Context, v verified) error {
		if value, ok := v.token.Claim(name); !ok || !check(value) {
			return errForbidden
		}
		return nil
	}
	return rule
}

// Check requires that f returns nil. name identifies the rule in logs and metrics. f must be safe for concurrent use.
//
// If f returns an error, the request is rejected. The status is 403 unless the error matches one of these:
//
//   - [consumer.ErrUnavailable] or context.DeadlineExceeded: 503;
//   - a [*consumer.Error] with ReasonInternal, for a fault of f itself: 500;
//   - [consumer.ErrInvalidToken] or [ErrNoToken]: 401;
//   - [ErrInvalidRequest]: 400;
//   - [ErrInsufficientScope]: 403 with the scopes of the route;
//   - a [*Refusal]: its own status and challenge.
//
// A panic in f is not recovered, and the request does not pass.
func Check(name string, f func(ctx context.Context, t *consumer.Token) error) Rule {
	rule := Rule{name: name, detail: fmt.Sprintf("the function of Check %q returned an error", name)}
	if name == "" || f == nil {
		rule.broken = errors.New("Check needs a name and a function")
	}
	rule.test = func(ctx context.Context, v verified) error {
		if err := f(ctx, v.token); err != nil {
			return fmt.Errorf("%w: %w", errForbidden, err) // refusalOf considers the error of f first
		}
		return nil
	}
	return rule
}

// Any requires that at least one of the rules is met, whereas a list of rules without Any requires all of them. The
// rules are applied in order until one is met. If none is met, the response is that of the first rule whose challenge
// says what the client can request: scopes, authorization details, or a step-up. A challenge with scopes lists those of
// the first rule that has scopes. If none is met, and one of them could not be decided because of an outage, the response
// is that of the outage.
func Any(oneOf ...Rule) Rule {
	oneOf = slices.Clone(oneOf)
	names, details := make([]string, len(oneOf)), make([]string, len(oneOf))
	rule := Rule{} // one invalid alternative makes the whole rule invalid
	var ways []Alternative
	crowded := false
	for i, alternative := range oneOf {
		names[i], details[i] = alternative.name, alternative.detail
		rule.broken = errors.Join(rule.broken, alternative.fault())
		if len(rule.scopes) == 0 {
			rule.scopes = alternative.scopes
		}
		rule.offers = append(rule.offers, alternative.offers...)
		rule.types = append(rule.types, alternative.types...)
		ways = append(ways, alternative.Alternatives()...)
		crowded = crowded || alternative.crowded
	}
	rule.setWays(ways)
	if crowded {
		rule.setWays(nil)
	}
	if len(oneOf) == 0 {
		rule.broken = errors.New("Any needs at least one rule")
	}
	rule.name = "any of " + strings.Join(names, ", ")
	rule.detail = "none of the rules is met: " + strings.Join(details, "; ")
	rule.granted = anyGranted(oneOf)
	rule.test = func(ctx context.Context, v verified) error { return anyOf(ctx, v, oneOf) }
	return rule
}

// anyOf returns nil if one of the rules is met, and otherwise the error that ranks highest.
func anyOf(ctx context.Context, v verified, rules []Rule) error {
	var worst error
	weight := -1
	for _, rule := range rules {
		err := rule.test(ctx, v)
		if err == nil {
			return nil
		}
		if w := weigh(refusalOf(ctx, err)); w > weight {
			worst, weight = err, w
		}
	}
	return worst
}

// anyGranted returns the granted function of an Any. It is nil if one of the rules can be met without scopes.
func anyGranted(oneOf []Rule) func(t *consumer.Token) bool {
	if slices.ContainsFunc(oneOf, func(rule Rule) bool { return rule.granted == nil }) {
		return nil
	}
	return func(t *consumer.Token) bool {
		return slices.ContainsFunc(oneOf, func(rule Rule) bool { return rule.granted(t) })
	}
}

// weigh ranks the errors of alternatives. A rule that could not be decided ranks above one that is not met. A missing
// scope and a step-up rank above other requirements, because the client can request them.
func weigh(refusal *Refusal) int {
	switch {
	case refusal.Status >= statusCallerGone:
		return 2
	case refusal.Code == codeInsufficientScope, refusal.Code == codeInsufficientAuthentication:
		return 1
	}
	return 0
}

// Err returns an error that says why the rule is invalid, or nil. Adapters with a table of rules report it when they are
// created, as [Guard.Routes] does.
func (rule Rule) Err() error { return rule.fault() }

// fault returns why the rule is invalid, or nil.
func (rule Rule) fault() error {
	if rule.test == nil {
		return errors.New("the zero Rule is invalid, use a function of package middleware to make a Rule")
	}
	return rule.broken
}

// label returns the name of the rule, or its fault if it is invalid.
func (rule Rule) label() string {
	if err := rule.fault(); err != nil {
		return err.Error()
	}
	return rule.name
}

// checkScopes returns an error if function cannot make a valid Rule of scopes.
func checkScopes(function string, scopes []string) error {
	if len(scopes) == 0 {
		return fmt.Errorf("%s needs at least one scope", function)
	}
	for _, scope := range scopes {
		if !isScope(scope) {
			return fmt.Errorf("%s: %q is not a scope (RFC 6749 section 3.3)", function, scope)
		}
	}
	return nil
}

// apply returns nil if v meets the rule. An invalid rule is never met.
func (rule Rule) apply(ctx context.Context, v verified) error {
	if err := rule.fault(); err != nil {
		return &consumer.Error{Reason: consumer.ReasonInternal, Err: err}
	}
	return rule.test(ctx, v)
}
