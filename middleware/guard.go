package middleware

import (
	"net/http"
	"slices"
	"sync/atomic"
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

// Replace puts cfg in the place of what g was made or last replaced with, after the checks of [New]; after an error all
// is as it was. It is for configuration that is read again while requests are served: handlers, routes and adapters that
// were made from g keep working, and nothing is dropped.
//
// A request is decided and answered by one configuration, the one that was in place when it came to Handler, With or
// Routes; those under way end with theirs. Where Withs are nested each takes what is in place when the request comes to
// it, and verifies the token itself if that has changed since. [Guard.Authenticate] and [Guard.Deny] each take what is in
// place when they are called.
//
// A new Consumer has no keys yet. Call its Warm before, so that no request has to wait for them.
func (g *Guard) Replace(cfg Config) error {
	next, err := New(cfg)
	if err != nil {
		return err
	}
	next.first = g.first
	g.first.next.Store(next)
	return nil
}

// now returns the Guard that decides for g.
func (g *Guard) now() *Guard {
	if next := g.next.Load(); next != nil {
		return next
	}
	return g
}
