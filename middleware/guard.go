package middleware

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/consumer"
)

// Guard lets requests with a good token pass and refuses the others. It is safe for concurrent use, and what it was made
// for can be changed by [Guard.Replace] alone.
type Guard struct {
	cfg          Config
	formCanWait  bool
	challenges   map[string]string // by error code, without scopes
	metadataPath string
	sampler      sampler // of the log

	first *Guard                // the one that New has made, and that callers hold
	next  atomic.Pointer[Guard] // of the first: what Replace has put in its place; nil: nothing
}

// Authenticate decides whether r may pass, and writes nothing. If so, it returns r with the token in its context: see
// [TokenFromContext]. If not, it returns r as it was, and a [*Refusal] for [Guard.Deny], which matches [ErrNoToken],
// [ErrInvalidRequest], [ErrInsufficientScope], [consumer.ErrInvalidToken] or [consumer.ErrUnavailable] where it is one
// of those.
//
// A token that this Guard has verified for r before, as the outer one of two nested Withs does, is not verified again.
// A token that came into the context by any other way counts for nothing.
//
// A cross-origin preflight (OPTIONS with Origin and Access-Control-Request-Method) passes without a token, and without
// a Decision.
func (g *Guard) Authenticate(r *http.Request, rules ...Rule) (*http.Request, error) {
	return g.now().authenticate(r, &rules)
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

// Deny writes the refusal that err stands for, and decides nothing. Besides the errors of [Guard.Authenticate] it takes
// those of a [consumer.Verifier], the Err values of this package, and a Refusal of one's own. Anything else is answered
// with 500, and none of its text is sent. A caller who is gone gets a status alone, 499.
func (g *Guard) Deny(w http.ResponseWriter, r *http.Request, err error) {
	g.now().deny(w, r, err)
}

func (g *Guard) deny(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(r.Context(), err)
	if refusal.Status == statusCallerGone {
		// A server that shuts down may end its requests, too. To a caller who still listens silence would be a 200.
		w.WriteHeader(statusCallerGone)
		return
	}
	g.setHeader(w.Header(), refusal)
	if g.cfg.DenyHandler == nil {
		writeProblem(w, r, refusal)
		return
	}
	answer := &denial{ResponseWriter: w, status: refusal.Status}
	g.cfg.DenyHandler(answer, r, refusal)
	answer.finish()
}

// Handler lets requests with a token pass on to next, whatever the token allows.
func (g *Guard) Handler(next http.Handler) http.Handler { return g.With()(next) }

// With returns a middleware that lets a request pass if it has a token and every rule is met. The rules are asked in
// their order; the first that is not met answers. Withs of one Guard may be nested: then the rules of all apply, and the
// token is verified once.
func (g *Guard) With(rules ...Rule) func(http.Handler) http.Handler {
	rules = slices.Clone(rules)
	g.now().logFaults(rules)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g := g.now()
			admitted, err := g.authenticate(r, &rules)
			if err != nil {
				g.deny(w, r, err)
				return
			}
			g.keepPrivate(w)
			next.ServeHTTP(w, admitted)
		})
	}
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
