package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Rule is one thing that a route demands of a token: see [Scopes], [AnyScope], [Role], [Claim], [Check] and [Any]. A list
// of rules demands all of them, and asks them in order. A Rule is a value that can be kept and shared.
//
// A Rule that makes no sense, as Scopes without a scope and the zero Rule do, refuses every request with 500, and says
// so in the log. [Guard.Routes] returns an error for it.
type Rule struct {
	name   string   // for operators
	scopes []string // what the challenge asks for
	ask    func(ctx context.Context, t *consumer.Token) error
	broken error // why it makes no sense
}

// Scopes demands every one of the scopes. The challenge names them.
func Scopes(all ...string) Rule {
	all = slices.Clone(all)
	rule := Rule{name: "scope", scopes: all, broken: checkScopes("Scopes", all)}
	rule.ask = func(_ context.Context, t *consumer.Token) error {
		for _, scope := range all {
			if !t.HasScope(scope) {
				return ErrInsufficientScope
			}
		}
		return nil
	}
	return rule
}

// AnyScope demands one of the scopes. The challenge names the first alone: a client that asks for what it is told to
// gets a token that is good enough, and no more powerful than need be. So put the least powerful first.
func AnyScope(oneOf ...string) Rule {
	oneOf = slices.Clone(oneOf)
	rule := Rule{name: "scope", broken: checkScopes("AnyScope", oneOf)}
	rule.scopes = oneOf[:min(1, len(oneOf))]
	rule.ask = func(_ context.Context, t *consumer.Token) error {
		if !slices.ContainsFunc(oneOf, t.HasScope) {
			return ErrInsufficientScope
		}
		return nil
	}
	return rule
}

// Claim demands a claim of which check says true. check gets what [consumer.Token.Claim] returns. A token without the
// claim is refused unasked. No scope would help, so the challenge names none.
func Claim(name string, check func(value any) bool) Rule {
	rule := Rule{name: name}
	if name == "" || check == nil {
		rule.broken = errors.New("Claim needs a name and a check")
	}
	rule.ask = func(_ context.Context, t *consumer.Token) error {
		if value, ok := t.Claim(name); !ok || !check(value) {
			return errForbidden
		}
		return nil
	}
	return rule
}

// Check demands that f returns nil. name is for operators: it stands in logs and metrics.
//
// Any error is a no, answered with 403, but for those that say something else: consumer.ErrUnavailable and
// context.DeadlineExceeded (503), a [*consumer.Error] with ReasonInternal, for a fault of f's own (500),
// [consumer.ErrInvalidToken] and [ErrNoToken] (401), [ErrInvalidRequest] (400), [ErrInsufficientScope] (403, with the
// scopes of the route), and a [*Refusal], which is taken as it is. A panic goes through to the server: it never lets a
// request pass.
func Check(name string, f func(ctx context.Context, t *consumer.Token) error) Rule {
	rule := Rule{name: name}
	if name == "" || f == nil {
		rule.broken = errors.New("Check needs a name and a function")
	}
	rule.ask = func(ctx context.Context, t *consumer.Token) error {
		if err := f(ctx, t); err != nil {
			return fmt.Errorf("%w: %w", errForbidden, err) // refusalOf looks at f's error first
		}
		return nil
	}
	return rule
}

// Any demands that one of the rules is met; a list of rules alone demands them all. When none is, the challenge names
// the scopes of the first rule that has some; and when one of them could not be answered, since what it asks is down,
// the client is told that rather than no.
func Any(oneOf ...Rule) Rule {
	oneOf = slices.Clone(oneOf)
	names := make([]string, len(oneOf))
	rule := Rule{}
	for i, alternative := range oneOf {
		names[i] = alternative.name
		rule.broken = errors.Join(rule.broken, alternative.fault())
		if len(rule.scopes) == 0 {
			rule.scopes = alternative.scopes
		}
	}
	if len(oneOf) == 0 {
		rule.broken = errors.New("Any needs a rule")
	}
	rule.name = "any of " + strings.Join(names, ", ")
	rule.ask = func(ctx context.Context, t *consumer.Token) error { return anyOf(ctx, t, oneOf) }
	return rule
}

func anyOf(ctx context.Context, t *consumer.Token, rules []Rule) error {
	var answer error
	weight := -1
	for _, rule := range rules {
		err := rule.ask(ctx, t)
		if err == nil {
			return nil
		}
		if w := weigh(refusalOf(ctx, err)); w > weight {
			answer, weight = err, w
		}
	}
	return answer
}

// weigh ranks what Any may answer: not knowing counts more than a no, and a no that a scope would cure more than one
// that nothing would.
func weigh(refusal *Refusal) int {
	switch {
	case refusal.Status >= statusCallerGone:
		return 2
	case refusal.Code == codeInsufficientScope:
		return 1
	}
	return 0
}

// fault says why a rule makes no sense.
func (rule Rule) fault() error {
	if rule.ask == nil {
		return errors.New("the zero Rule allows nothing")
	}
	return rule.broken
}

// label is the name, or what is wrong with a rule that makes no sense.
func (rule Rule) label() string {
	if err := rule.fault(); err != nil {
		return err.Error()
	}
	return rule.name
}

func checkScopes(function string, scopes []string) error {
	if len(scopes) == 0 {
		return fmt.Errorf("%s needs a scope", function)
	}
	for _, scope := range scopes {
		if !isScope(scope) {
			return fmt.Errorf("%s: %q is not a scope (RFC 6749 §3.3)", function, scope)
		}
	}
	return nil
}

func (rule Rule) check(ctx context.Context, t *consumer.Token) error {
	if err := rule.fault(); err != nil {
		return &consumer.Error{Reason: consumer.ReasonInternal, Err: err}
	}
	return rule.ask(ctx, t)
}

func appendNew(known, scopes []string) []string {
	for _, scope := range scopes {
		if !slices.Contains(known, scope) {
			known = append(known, scope)
		}
	}
	return known
}
