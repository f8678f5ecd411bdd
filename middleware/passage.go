package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// authenticate takes the rules where they lie, so that no request has to make room for them.
func (g *Guard) authenticate(r *http.Request, rules *[]Rule) (*http.Request, error) {
	ctx, began := r.Context(), g.startTime()
	p := &passage{Context: ctx, guard: g, rules: rules}
	if isPreflight(r) {
		return r.WithContext(p.kept(ctx)), nil
	}
	if err := p.open(r); err != nil {
		refusal := refusalOf(ctx, err)
		g.report(ctx, began, p.token, refusal)
		return r, refusal
	}
	g.report(ctx, began, p.token, nil)
	return r.WithContext(p.kept(ctx)), nil
}

// isPreflight tells the question a browser asks before a cross-origin request (Fetch standard, "CORS-preflight
// request") from any other OPTIONS.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// open takes a request through every check. It sets token as soon as there is one.
func (p *passage) open(r *http.Request) (err error) {
	p.raw, err = p.guard.credential(r)
	if errors.Is(err, ErrNoToken) && p.mayBeAnonymous(r) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.token, err = p.verify(r.Context()); err != nil {
		return p.formFirst(err)
	}
	return p.meet(r.Context())
}

// mayBeAnonymous: a rule speaks of a token, so without one no rule is met.
func (p *passage) mayBeAnonymous(r *http.Request) bool {
	return p.guard.cfg.Optional && len(*p.rules) == 0 && len(r.Header["Authorization"]) == 0
}

func (p *passage) verify(ctx context.Context) (*consumer.Token, error) {
	if token := p.verifiedBefore(); token != nil {
		return token, nil
	}
	return p.verifyNow(ctx)
}

func (p *passage) verifyNow(ctx context.Context) (*consumer.Token, error) {
	token, err := p.guard.cfg.Verifier.Verify(ctx, p.raw)
	if err != nil {
		return nil, err
	}
	if token == nil {
		return nil, &consumer.Error{Reason: consumer.ReasonInternal, Detail: "the Verifier returned neither token nor error"}
	}
	// A token that is bound to a key or a certificate is worth nothing without the proof, and no proof is checked here
	// (RFC 9449 §7.2, RFC 8705 §3).
	if _, bound := token.Confirmation(); bound {
		return nil, &consumer.Error{Reason: consumer.ReasonBinding, Issuer: token.Issuer()}
	}
	return token, nil
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

// credential finds the one token of a request. Every place is looked at: a client that sends a token in two of them is
// refused, whichever is good (RFC 6750 §3.1).
func (g *Guard) credential(r *http.Request) (string, error) {
	found, err := bearerToken(r)
	if err != nil {
		return "", err
	}
	if found != "" && !g.formCanWait && !isToken68(found) {
		return "", errBadCredential
	}
	for _, source := range g.cfg.TokenSources {
		token, err := source(r)
		switch {
		case errors.Is(err, ErrNoToken): // here; the other places are yet to be looked at
		case err != nil:
			return "", err
		case token != "" && found != "":
			return "", errTwoPlaces
		case token != "":
			found = token
		}
	}
	if found == "" {
		return "", missing(r)
	}
	return found, nil
}

// formFirst returns the fault in the form of a refused credential if it has one, since the client is told of that and not
// of err (RFC 6750 §3.1).
func (p *passage) formFirst(err error) error {
	if p.guard.formCanWait && !isToken68(p.raw) {
		return errBadCredential
	}
	return err
}

// meet asks the rules in their order.
func (p *passage) meet(ctx context.Context) error {
	for _, rule := range *p.rules {
		if err := rule.check(ctx, p.token); err != nil {
			return p.refuse(refusalOf(ctx, err), rule)
		}
	}
	return nil
}

func (p *passage) refuse(refusal *Refusal, rule Rule) error {
	refusal.Rule, refusal.Issuer = rule.label(), p.token.Issuer()
	if refusal.Code == codeInsufficientScope && len(refusal.Scopes) == 0 {
		refusal.Scopes = p.neededScopes(p.guard)
	}
	return refusal
}

// neededScopes are all that the route needs of g, not just those that this token lacks (RFC 6750 §3.1): with those of the
// Withs around this one.
func (p *passage) neededScopes(g *Guard) []string {
	if p == nil {
		return nil
	}
	needed := p.outer().neededScopes(g)
	if p.guard != g {
		return needed
	}
	for _, rule := range *p.rules {
		needed = appendNew(needed, rule.scopes)
	}
	return needed
}
