package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Decision describes the result of [Guard.Authenticate] for Config.OnDecision. If handlers of [Guard.With] are nested,
// each makes its own decision. Status, Reason, Rule and Cached have few different values and can serve as labels of
// metrics. So can Issuer, unless a Group resolves tenants at run time.
type Decision struct {
	// Status is 200 if the request passed. Otherwise it is Refusal.Status, which is 499 if the client canceled the
	// request.
	Status int

	// Reason says why the request was rejected. Empty: it passed.
	Reason consumer.Reason

	// Rule is the name of the rule that was not met. Empty: the request passed or was rejected for another reason.
	Rule string

	// Issuer is the configured issuer of the token. Empty: the request has no token, or was rejected before an issuer
	// was selected.
	Issuer string

	// Duration is the time that the decision took.
	Duration time.Duration

	// Cached is true if the token was verified before this decision began, for example for an earlier request.
	Cached bool

	// Token is the verified token. It is set if the request passed with a token, and also if a rule rejected the token,
	// so that an audit log can name the caller. It is nil if the request passed without a token, or if the token was not
	// verified, because the content of such a token cannot be trusted. Like every Token, it is immutable, and OnDecision
	// may keep it. Its claims can be personal data, so log only what you need. An audit log also needs Token.Principal,
	// because the subject of a client is not a user (RFC 9700 section 4.15), and Token.Actor, if tokens are exchanged.
	Token *consumer.Token

	// Err is the [*Refusal], or nil if the request passed. Its text includes the errors of the application, which may
	// quote a token.
	Err error
}

// report calls Config.OnDecision if it is set. refusal is nil if the request passed.
func (g *Guard) report(ctx context.Context, began time.Time, token *consumer.Token, refusal *Refusal) {
	if g.cfg.OnDecision == nil {
		return
	}
	decision := Decision{Status: http.StatusOK, Duration: time.Since(began), Token: token}
	if token != nil {
		decision.Issuer, decision.Cached = token.Issuer(), token.VerifiedAt().Before(began)
	}
	if refusal != nil {
		decision.Status, decision.Reason, decision.Rule = refusal.Status, refusal.Reason, refusal.Rule
		decision.Issuer, decision.Err = refusal.Issuer, refusal
	}
	g.cfg.OnDecision(ctx, decision)
}

// logRefusal writes a line about refusal, unless the level is disabled or the limit for similar lines is reached.
func (g *Guard) logRefusal(ctx context.Context, refusal *Refusal) {
	level := refusal.level()
	if !g.cfg.Logger.Enabled(ctx, level) {
		return
	}
	k := kind{refusal.Status, refusal.Reason, refusal.Issuer, refusal.Rule}
	if suppressed, ok := g.sampler.admit(k); ok {
		attrs := k.attrs(refusal.Detail, suppressed)
		if refusal.Token != nil { // only a verified token says for whom it acts
			attrs = append(attrs, slog.String("principal", refusal.Token.Principal().String()))
		}
		g.cfg.Logger.LogAttrs(ctx, level, "request rejected", attrs...)
	}
}

// level returns the level at which a Refusal is logged. Faults of clients are never logged as errors, because clients
// could then fill the log with errors.
func (r *Refusal) level() slog.Level {
	switch r.Status {
	case http.StatusServiceUnavailable:
		return slog.LevelWarn
	case http.StatusBadRequest, statusCallerGone:
		return slog.LevelDebug
	}
	switch {
	case r.Status >= http.StatusInternalServerError:
		return slog.LevelError
	case errors.Is(r.Err, errForgotten): // a fault of the store, not of the client
		return slog.LevelWarn
	case r.Reason == consumer.ReasonNoToken, r.Reason == consumer.ReasonNonce:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// Faults of a custom Verifier. They result in status 500.
var (
	errVerifier = errors.New("middleware: invalid result")
	errNothing  = &detailed{errVerifier, "the Verifier returned neither a token nor an error (Config.Verifier)"}
	errZero     = &detailed{errVerifier, "the Verifier returned a value that was not made by consumer.NewToken (Config.Verifier)"}
)

// faultOf returns the error for a token that grants no access: nil or zero.
func faultOf(token *consumer.Token) error {
	fault := errNothing
	if token != nil {
		fault = errZero
	}
	return &consumer.Error{Reason: consumer.ReasonInternal, Err: fault}
}

// logFaults logs invalid rules when a route is created, before the first request is rejected for them.
func (g *Guard) logFaults(rules []Rule) {
	for _, rule := range rules {
		err := rule.fault()
		if rule.bound && g.cfg.DPoP == nil && g.cfg.MTLS == nil {
			err = errors.New(rule.name + " needs Config.DPoP or Config.MTLS: without them, bound tokens are rejected")
		}
		if err != nil {
			g.cfg.Logger.Error("invalid rule: every request to its route is rejected", slog.String("error", err.Error()))
		}
	}
}
