package otelauth

import (
	"context"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/quirk"
	"github.com/bearerkit/bearerkit/ssf"
)

// OnDecision records decisions. Set it as [middleware.Config].OnDecision. Nested Guards make several decisions about one
// request, and each is counted.
//
// If the request's span is recording, OnDecision sets its attributes bearerkit.reason, bearerkit.rule, bearerkit.issuer,
// bearerkit.cached and, if the token was verified, bearerkit.principal: user or client. If several decisions are made, the
// last one determines the attributes. OnDecision sets the status of the span to Error if the request is rejected with a
// 5xx, but not with a 4xx, which is not an error of the server. The span is the one in the request's context, so the
// middleware that starts it must be in front of the Guard.
func (t *Telemetry) OnDecision(ctx context.Context, d middleware.Decision) {
	l := labels{reason: reasonLabel(d.Reason), cached: flagOf(d.Cached)}
	// A Guard that accepts a request does not know the status with which the handler will respond.
	if d.Status != http.StatusOK {
		l.status = statusLabel(d.Status)
	}
	if d.Status >= http.StatusInternalServerError { // only a 5xx is an error of this API
		l.errorType = errorType(l.reason)
	}
	t.measure(ctx, &t.decisions, d.Duration,
		labels{status: l.status, reason: l.reason, errorType: l.errorType},
		labels{cached: l.cached, errorType: l.errorType})
	t.traceDecision(ctx, d, l)
}

// OnVerify records verifications. Set it as [consumer.Config].OnVerify.
func (t *Telemetry) OnVerify(ctx context.Context, v consumer.Verification) {
	l := labels{issuer: t.issuers.label(v.Issuer), reason: reasonLabel(v.Reason), cached: flagOf(v.Cached)}
	if isFault(v.Reason) {
		l.errorType = errorType(l.reason)
	}
	t.measure(ctx, &t.verifications, v.Duration, l, labels{cached: l.cached, errorType: l.errorType})
	t.countQuirks(ctx, v.Quirks)
}

// OnStatus records status checks. Set it as [consumer.Config].OnStatus.
func (t *Telemetry) OnStatus(ctx context.Context, c consumer.StatusCheck) {
	l := labels{issuer: t.issuers.label(c.Issuer), cached: flagOf(c.Cached), errorType: typeOfError(c.Err)}
	if c.Err == nil {
		l.active = flagOf(c.Active)
	}
	t.measure(ctx, &t.statusChecks, c.Duration, l, labels{cached: l.cached, errorType: l.errorType})
}

// OnRefresh records fetches of key sets. Set it as [jwks.Config].OnRefresh, or as [consumer.Config].KeyCache.OnRefresh for
// keys that the Consumer finds by discovery.
//
// Each fetch has a span, bearerkit.refresh_keys. It is a root span with a link to the span of the request that started the
// fetch. Many requests may wait for one fetch, and it may outlast the request that started it, so its span and its sampling
// do not depend on that request. Spans of the HTTPClient's Transport are children of the request's span.
func (t *Telemetry) OnRefresh(ctx context.Context, r jwks.Refresh) {
	l := labels{cause: causeLabel(r.Cause), result: resultLabel(r), errorType: typeOfError(r.Err)}
	l.address, l.port = t.server(r.URL)
	timed := l
	timed.cause = "" // the duration of a fetch does not depend on its cause
	t.measure(ctx, &t.refreshes, r.Duration, l, timed)
	t.countUnusable(ctx, l, r.Unusable)
	t.countQuirks(ctx, r.Quirks)
	t.traceRefresh(ctx, r, l)
}

// OnIntrospect records introspections. Set it as OnIntrospect of package introspection's Config.
func (t *Telemetry) OnIntrospect(ctx context.Context, i introspection.Introspection) {
	l := labels{issuer: t.issuers.label(i.Issuer), reason: reasonLabel(i.Reason)}
	if isFault(i.Reason) {
		l.errorType = errorType(l.reason)
	}
	t.measure(ctx, &t.introspections, i.Duration, l, labels{errorType: l.errorType})
}

// OnReceived records security events. Set it as [ssf.Config].OnReceived.
func (t *Telemetry) OnReceived(ctx context.Context, r ssf.Reception) {
	l := labels{issuer: t.issuers.label(r.Issuer), event: eventLabel(r.Event.Type), outcome: outcomeLabel(r.Outcome)}
	if r.Outcome == ssf.OutcomeFailed {
		l.errorType = typeOfError(r.Err)
	}
	t.measure(ctx, &t.events, r.Duration, l, labels{outcome: l.outcome, errorType: l.errorType})
	if r.Outcome == ssf.OutcomeDenied && t.denialDelay.Enabled(ctx) {
		// The clock of the transmitter may be ahead.
		t.denialDelay.Record(ctx, max(time.Since(r.Event.Time), 0).Seconds(), t.made.of(labels{issuer: l.issuer}).record...)
	}
}

// OnListRefresh records fetches of status lists. Set it as [statuslist.Config].OnRefresh.
func (t *Telemetry) OnListRefresh(ctx context.Context, r statuslist.Refresh) {
	if !t.listRefreshes.Enabled(ctx) {
		return
	}
	l := labels{
		issuer: t.issuers.label(r.Issuer), cause: causeLabel(r.Cause), errorType: typeOfError(r.Err),
		result: resultLabel(jwks.Refresh{Err: r.Err}),
	}
	t.listRefreshes.Add(ctx, 1, t.made.of(l).add...)
}

// countUnusable counts the keys of a fetched key set that cannot be used, by cause.
func (t *Telemetry) countUnusable(ctx context.Context, l labels, keys []jwks.UnusableKey) {
	if !t.unusable.Enabled(ctx) {
		return
	}
	for _, key := range keys {
		options := t.made.of(labels{address: l.address, port: l.port, fault: faultLabel(key.Cause)})
		t.unusable.Add(ctx, 1, options.add...)
	}
}

// countQuirks counts deviations, which the kit reports only once. Name and Place come from fixed lists of the kit. A program
// that calls the hooks itself may pass any text, so the number of pairs is limited.
func (t *Telemetry) countQuirks(ctx context.Context, found []quirk.Quirk) {
	if !t.quirks.Enabled(ctx) {
		return
	}
	for _, q := range found {
		l := labels{quirk: string(q.Name), place: q.Place}
		if t.quirkPlaces.label(l.quirk+" "+l.place) == other {
			l.quirk, l.place = other, other
		}
		t.quirks.Add(ctx, 1, t.made.of(l).add...)
	}
}
