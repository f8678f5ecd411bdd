package otelauth

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// OnDecision is for [middleware.Config].OnDecision. Nested Guards decide about one request several times, and each
// decision counts.
//
// If the request's span is recording, it gets bearerkit.reason, bearerkit.rule, bearerkit.issuer and bearerkit.cached, of
// the last decision, and the status Error if the refusal is a 5xx. What is refused with a 4xx is no error of a server.
// That span is the one in the request's context, so what starts it must stand in front of the Guard.
func (t *Telemetry) OnDecision(ctx context.Context, d middleware.Decision) {
	l := labels{reason: reasonLabel(d.Reason), cached: flagOf(d.Cached)}
	if d.Status != http.StatusOK {
		l.status = statusLabel(d.Status)
	}
	if d.Status >= http.StatusInternalServerError {
		l.errorType = errorType(l.reason)
	}
	t.measure(ctx, &t.decisions, d.Duration,
		labels{status: l.status, reason: l.reason, errorType: l.errorType},
		labels{cached: l.cached, errorType: l.errorType})
	t.traceDecision(ctx, d, l)
}

// OnVerify is for [consumer.Config].OnVerify.
func (t *Telemetry) OnVerify(ctx context.Context, v consumer.Verification) {
	l := labels{issuer: t.issuers.label(v.Issuer), reason: reasonLabel(v.Reason), cached: flagOf(v.Cached)}
	if isFault(v.Reason) {
		l.errorType = errorType(l.reason)
	}
	t.measure(ctx, &t.verifications, v.Duration, l, labels{cached: l.cached, errorType: l.errorType})
}

// OnStatus is for [consumer.Config].OnStatus.
func (t *Telemetry) OnStatus(ctx context.Context, c consumer.StatusCheck) {
	l := labels{issuer: t.issuers.label(c.Issuer), cached: flagOf(c.Cached), errorType: typeOfError(c.Err)}
	if c.Err == nil {
		l.active = flagOf(c.Active)
	}
	t.measure(ctx, &t.statusChecks, c.Duration, l, labels{cached: l.cached, errorType: l.errorType})
}

// OnRefresh is for [jwks.Config].OnRefresh, which is [consumer.Config].KeyCache.OnRefresh for keys that are found by
// discovery.
//
// Each fetch has a span, bearerkit.refresh_keys. It is a root with a link to the span of the request that started it:
// the fetch serves all who wait for it, goes on when that request has ended, and whether it is worth keeping does not
// hang on that request. What the HTTPClient's Transport traces belongs to the request.
func (t *Telemetry) OnRefresh(ctx context.Context, r jwks.Refresh) {
	l := labels{cause: causeLabel(r.Cause), result: resultLabel(r), errorType: typeOfError(r.Err)}
	l.address, l.port = t.server(r.URL)
	timed := l
	timed.cause = ""
	t.measure(ctx, &t.refreshes, r.Duration, l, timed)
	t.countUnusable(ctx, l, r.Unusable)
	t.traceRefresh(ctx, r, l)
}

func (t *Telemetry) countUnusable(ctx context.Context, l labels, keys []jwks.UnusableKey) {
	if !t.unusable.Enabled(ctx) {
		return
	}
	for _, key := range keys {
		options := t.made.of(labels{address: l.address, port: l.port, fault: faultLabel(key.Cause)})
		t.unusable.Add(ctx, 1, options.add...)
	}
}
