package middleware

import (
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/internal/clientcert"
)

// Guard lets requests with a valid token pass and rejects all others. Make one with [New]; the zero Guard cannot be
// used. It is safe for concurrent use. Only [Guard.Replace] changes it.
type Guard struct {
	cfg          Config
	jwtOnly      bool               // the Verifier accepts JWTs only
	challenges   *challenges        // of the scheme Bearer
	dpop         *dpopChecker       // nil unless Config.DPoP is set
	certificates *clientcert.Source // nil unless Config.MTLS is set
	metadataPath string
	document     *document // nil unless Config.Resource is set
	sampler      *sampler  // of the log

	kept  *durable              // shared by all Guards of one first
	first *Guard                // the Guard that New returned and that callers hold
	next  atomic.Pointer[Guard] // in first: the latest Guard of Replace; nil before the first Replace
}

// Authenticate decides whether r may pass. It writes no response. If r may pass, it returns a copy of r with the token in
// its context: see [TokenFromContext]. Otherwise it returns r itself and a [*Refusal], which the caller passes to
// [Guard.Deny]. With errors.Is, the Refusal matches [ErrNoToken], [ErrInvalidRequest], [ErrInsufficientScope],
// [consumer.ErrInvalidToken] or [consumer.ErrUnavailable] if it belongs to one of these classes.
//
// If this Guard has already verified the same credential for r, as happens if handlers of [Guard.With] are nested, it
// is not verified again. It is verified again if the token has expired, or if [consumer.Token.CheckAudience] rejects it
// for the context of r. A token that was added to the context in any other way is ignored. A DPoP proof is checked and
// recorded once, for one method and URL; a request with another method or URL needs a proof of its own. A client
// certificate is compared each time.
//
// Before the caller writes a response of its own to an admitted request, it must call [Guard.SetHeader].
//
// If Config.AllowPreflight is set, a preflight passes without a token.
func (g *Guard) Authenticate(r *http.Request, rules ...Rule) (*http.Request, error) {
	return g.now().authenticate(r, &rules)
}

func (g *Guard) authenticate(r *http.Request, rules *[]Rule) (*http.Request, error) {
	if g.cfg.AllowPreflight && isPreflight(r) {
		return g.passPreflight(r, rules), nil
	}
	return g.decide(r, rules)
}

// Deny writes the response to a request that was rejected with err. It does not decide anything. err is an error of
// [Guard.Authenticate] or of a [consumer.Verifier], one of the Err values of this package, or a [*Refusal] of the
// application. For any other error, and for nil, Deny writes status 500. It never sends the text of err.
//
// If the client has canceled the request, and err is a result of that, Deny writes status 499 without a body.
func (g *Guard) Deny(w http.ResponseWriter, r *http.Request, err error) {
	g.now().deny(w, r, err)
}

func (g *Guard) deny(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(r.Context(), err)
	if refusal.Status == statusCallerGone {
		// A server that shuts down may also cancel requests. Without this status, a client that still waits would receive
		// the 200 that net/http sends by default.
		w.WriteHeader(statusCallerGone)
		return
	}
	g.setDenyHeader(w.Header(), r, refusal)
	if g.cfg.DenyHandler == nil {
		writeProblem(w, r, refusal)
		return
	}
	denied := &denial{ResponseWriter: w, status: refusal.Status}
	g.cfg.DenyHandler(denied, r, refusal)
	denied.finish()
}

// SetDenyHeader sets in h the header fields that [Guard.Deny] would send for err, and returns the Refusal for err. It writes no
// response. Use it for protocols that have their own form of errors, such as gRPC: write Refusal.Status and Refusal.Code in that
// form, and send the header fields with it. h must not be nil. It may be the header of the response or a new one. If the Status
// is 499, no field is set, because the client has canceled the request. If err contains a *Refusal, the result is a copy of it.
func (g *Guard) SetDenyHeader(h http.Header, r *http.Request, err error) *Refusal {
	refusal := refusalOf(r.Context(), err)
	if refusal.Status != statusCallerGone {
		g.now().setDenyHeader(h, r, refusal)
	}
	return refusal
}

// Handler returns a handler that calls next for every request with a valid token. It is [Guard.With] without rules.
func (g *Guard) Handler(next http.Handler) http.Handler { return g.With()(next) }

// With returns a middleware that calls the next handler if the request has a valid token that meets every rule. It
// rejects all other requests itself. Rules are applied in the order of the arguments, and the first that is not met
// determines the response. With copies rules. The returned handlers are safe for concurrent use.
//
// Handlers that With of one Guard returned may be nested. Then the rules of all of them apply, and the token is
// verified once.
func (g *Guard) With(rules ...Rule) func(http.Handler) http.Handler {
	rules = slices.Clone(rules)
	g.now().logFaults(rules)
	g.Declare(rules...)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g := g.now()
			admitted, err := g.authenticate(r, &rules)
			if err != nil {
				g.deny(w, r, err)
				return
			}
			if g.cfg.TokenSources != nil || g.dpop != nil {
				g.setHeader(w.Header(), admitted)
			}
			next.ServeHTTP(w, admitted)
		})
	}
}

// Replace replaces the Config that g was made with, or that an earlier Replace installed. It checks cfg like [New]. If it
// returns an error, g is unchanged. Use it for configuration that changes while requests are served: handlers, routes
// and adapters that were made from g use the new Config from the next request on.
//
// Handler, With and Routes read the Config once for each request, so one Config both decides and writes the response.
// Requests in progress finish with their old Config. If handlers of With are nested, each reads the Config when the
// request reaches it, and verifies the token again if the Config has changed. [Guard.Authenticate] and [Guard.Deny]
// each read the Config when they are called.
//
// Replace keeps the proofs that were used, unless cfg.DPoP.Replays is another store, and the random key of the nonces. It
// returns an error if cfg changes the Window or the MaxReplays of Config.DPoP.
//
// A new Consumer has no keys yet. Call its Warm method before Replace, so that no request has to wait for them.
func (g *Guard) Replace(cfg Config) error {
	next, err := newGuard(cfg, g.first.kept)
	if err != nil {
		return err
	}
	next.first = g.first
	g.first.next.Store(next)
	return nil
}

// now returns the Guard with the current Config: the latest one of Replace, or g itself.
func (g *Guard) now() *Guard {
	if next := g.next.Load(); next != nil {
		return next
	}
	return g
}
