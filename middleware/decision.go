package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Decision tells Config.OnDecision what [Guard.Authenticate] decided. Nested Withs decide one after the other. Status,
// Reason, Rule and Cached take few values each, and so does Issuer unless tenants come and go: they serve as labels.
type Decision struct {
	// Status is 200 if the request was passed on, else the status of the refusal; 499 if the caller was gone.
	Status int

	// Reason is why the request was refused. Empty: it was passed on.
	Reason consumer.Reason

	// Rule is the name of the rule that was not met. Empty: another cause.
	Rule string

	// Issuer is the configured issuer of the token. Empty: none was known yet.
	Issuer string

	// Duration is how long the decision took.
	Duration time.Duration

	// Cached is true if the token was verified before this decision and was remembered.
	Cached bool

	// Err is the [*Refusal]. Nil: the request was passed on. The text of errors that the application made may hold what
	// the application put there, a token included.
	Err error
}

// startTime is for report. No clock is read where nobody asks how long it took.
func (g *Guard) startTime() time.Time {
	if g.cfg.OnDecision == nil {
		return time.Time{}
	}
	return time.Now()
}

func (g *Guard) report(ctx context.Context, began time.Time, token *consumer.Token, refusal *Refusal) {
	if refusal != nil {
		g.logRefusal(ctx, refusal)
	}
	if g.cfg.OnDecision == nil {
		return
	}
	decision := Decision{Status: http.StatusOK, Duration: time.Since(began)}
	if token != nil {
		decision.Issuer, decision.Cached = token.Issuer(), token.VerifiedAt().Before(began)
	}
	if refusal != nil {
		decision.Status, decision.Reason, decision.Rule = refusal.Status, refusal.Reason, refusal.Rule
		decision.Issuer, decision.Err = refusal.Issuer, refusal
	}
	g.cfg.OnDecision(ctx, decision)
}

func (g *Guard) logRefusal(ctx context.Context, refusal *Refusal) {
	level := refusal.level()
	if !g.cfg.Logger.Enabled(ctx, level) {
		return
	}
	k := kind{refusal.Status, refusal.Reason, refusal.Issuer, refusal.Rule}
	if suppressed, ok := g.sampler.admit(k); ok {
		g.cfg.Logger.LogAttrs(ctx, level, "request refused", k.attrs(suppressed)...)
	}
}

// level: what clients do wrong is never an error, or they could fill the log with them.
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
	case r.Reason == consumer.ReasonNoToken:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// logFaults reports malformed rules when a route is set up, rather than when somebody is first refused.
func (g *Guard) logFaults(rules []Rule) {
	for _, rule := range rules {
		if err := rule.fault(); err != nil {
			g.cfg.Logger.Error("rule refuses every request", slog.String("error", err.Error()))
		}
	}
}
