package middleware

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// All returns a rule that is met if all of the given rules are met. They are checked in order. A list of rules already requires all
// of them, so All is only useful as an alternative of [Any]:
//
//	Any(All(Scopes("orders:read"), AnyRole("clerk")), Scopes("orders:admin"))
//
// The response is that of the first rule that is not met. All needs at least one rule; without one, it is invalid, and so is an All
// of an invalid rule: see [Rule].
func All(rules ...Rule) Rule {
	rules = slices.Clone(rules)
	names, details := make([]string, len(rules)), make([]string, len(rules))
	rule := Rule{} // one invalid rule makes the whole rule invalid
	ways := []Alternative{{}}
	for i, each := range rules {
		names[i], details[i] = each.name, each.detail
		rule.broken = errors.Join(rule.broken, each.fault())
		rule.scopes = union(rule.scopes, each.scopes)
		rule.offers = append(rule.offers, each.offers...)
		rule.types = append(rule.types, each.types...)
		rule.bound = rule.bound || each.bound
		ways = combine(ways, each.Alternatives())
		if rule.signIn == nil {
			rule.signIn = each.signIn
		}
	}
	rule.setWays(ways)
	if len(rules) == 0 {
		rule.broken = errors.New("All needs at least one rule")
	}
	rule.name = "all of " + strings.Join(names, ", ")
	rule.detail = "one of the rules is not met: " + strings.Join(details, "; ")
	rule.granted = allGranted(rules)
	rule.test = func(ctx context.Context, v verified) error {
		for _, each := range rules {
			if err := each.test(ctx, v); err != nil {
				return err
			}
		}
		return nil
	}
	return rule
}

// allGranted returns the granted function of an All. It is nil if all rules can be met without scopes.
func allGranted(rules []Rule) func(t *consumer.Token) bool {
	if !slices.ContainsFunc(rules, func(rule Rule) bool { return rule.granted != nil }) {
		return nil
	}
	return func(t *consumer.Token) bool {
		return !slices.ContainsFunc(rules, func(rule Rule) bool { return rule.granted != nil && !rule.granted(t) })
	}
}

// union returns a followed by the elements of b that a does not contain.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, element := range b {
		if !slices.Contains(all, element) {
			all = append(all, element)
		}
	}
	return all
}

// maxWays limits the alternatives of a rule. It is only exceeded by a rule that combines many others.
const maxWays = 100

// Alternative describes one of the ways in which a token can meet a rule. It contains only the properties that a document about
// an API can describe. The Alternative of a rule about other properties, such as [Claim], is zero.
type Alternative struct {
	Scopes []string // the scopes that the token needs, all of them
	Roles  []string // the roles that the token needs, all of them
	Bound  bool     // whether the token must be bound to a key or certificate, see SenderConstrained
}

// Alternatives returns the ways in which a token can meet the rule. [Scopes] has one. [AnyScope], [Role], [RolePath] and [AnyRole]
// have one for each of their scopes or roles. [Any] has the alternatives of all of its rules. [All] has one for each combination
// of those of its rules. [SenderConstrained] has one with Bound. A rule about anything else has one zero Alternative. If there are
// more than 100, the result is empty.
//
// Alternatives is for tools that describe an API, such as package openapi. The Guard does not use it. The caller may change the
// result.
func (rule Rule) Alternatives() []Alternative {
	if rule.ways == nil && !rule.crowded {
		return []Alternative{{Bound: rule.bound}}
	}
	ways := make([]Alternative, len(rule.ways))
	for i, way := range rule.ways {
		ways[i] = Alternative{slices.Clone(way.Scopes), slices.Clone(way.Roles), way.Bound}
	}
	return ways
}

// setWays stores the alternatives of the rule, or that there are too many.
func (rule *Rule) setWays(ways []Alternative) {
	rule.ways, rule.crowded = ways, len(ways) == 0 || len(ways) > maxWays
	if rule.crowded {
		rule.ways = nil
	}
}

// combine returns the ways to meet two requirements, given the ways to meet each of them. It returns nil if there are too
// many.
func combine(a, b []Alternative) []Alternative {
	if len(a)*len(b) > maxWays {
		return nil
	}
	var ways []Alternative
	for _, one := range a {
		for _, other := range b {
			ways = append(ways, Alternative{
				union(one.Scopes, other.Scopes), union(one.Roles, other.Roles), one.Bound || other.Bound,
			})
		}
	}
	return ways
}

// oneScope returns one alternative for each scope.
func oneScope(scopes []string) []Alternative {
	ways := make([]Alternative, len(scopes))
	for i, scope := range scopes {
		ways[i].Scopes = []string{scope}
	}
	return ways
}

// oneRole returns one alternative for each role.
func oneRole(roles []string) []Alternative {
	ways := make([]Alternative, len(roles))
	for i, role := range roles {
		ways[i].Roles = []string{role}
	}
	return ways
}
