package middleware

import (
	"context"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// TokenFromContext returns the token that the innermost Guard found in the request. ok is false where none was: outside
// of a Guard, in a preflight, and where Config.Optional let the request pass without.
func TokenFromContext(ctx context.Context) (token *consumer.Token, ok bool) {
	p := passageOf(ctx)
	if p == nil || p.token == nil {
		return nil, false
	}
	return p.token, true
}

// ContextWithToken returns a context in which [TokenFromContext] finds t, for tests of handlers and for handing a token
// to code that runs apart from its request. No [Guard] lets a request pass for it.
func ContextWithToken(ctx context.Context, t *consumer.Token) context.Context {
	return &passage{Context: ctx, token: t}
}

type passageKey struct{}

func passageOf(ctx context.Context) *passage {
	p, _ := ctx.Value(passageKey{}).(*passage)
	return p
}

// passage is one request's way through one Guard, and the context of what comes behind it. It does not change once it is
// in a request.
type passage struct {
	context.Context //nolint:containedctx // the one around it, as in every context

	guard *Guard // nil if the token was put there by ContextWithToken
	rules *[]Rule
	raw   string
	token *consumer.Token // nil if the request passed without
}

// outer is the passage before, through this Guard or another. It is nil if there is none.
func (p *passage) outer() *passage { return passageOf(p.Context) }

// Value finds the passage itself, and otherwise what the context around it has.
func (p *passage) Value(key any) any {
	if key == (passageKey{}) {
		return p
	}
	return p.Context.Value(key)
}

// Format keeps the token out of what a context is printed as, whatever the verb.
func (p *passage) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%v.WithToken", p.Context) }

// kept is the passage for what comes behind it, also one without a token: it hides the token of whoever passed further
// out. It is a copy, so that a request that is refused takes nothing from the heap.
func (p *passage) kept(ctx context.Context) context.Context {
	kept := *p
	kept.Context = ctx
	return &kept
}

// verifiedBefore returns the token if this very Guard has verified it on the request's way here and it has not ended
// since. The credential must be the same: a request that a handler makes with the context of the one it serves is
// another request, and has to bring its own.
func (p *passage) verifiedBefore() *consumer.Token {
	for outer := p.outer(); outer != nil; outer = outer.outer() {
		known := outer.guard == p.guard && outer.token != nil && outer.raw == p.raw
		if known && time.Now().Before(outer.token.Expiry()) {
			return outer.token
		}
	}
	return nil
}
