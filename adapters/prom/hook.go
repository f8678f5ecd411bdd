package prom

import (
	"context"
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/quirk"
	"github.com/bearerkit/bearerkit/ssf"
)

// OnDecision counts and times decisions. Set it as [middleware.Config].OnDecision. Nested Guards make several decisions
// about one request, and each is counted.
func (m *Metrics) OnDecision(_ context.Context, d middleware.Decision) {
	m.decisions.WithLabelValues(statusLabel(d.Status), reasonLabel(d.Reason)).Inc()
	m.decisionSeconds.WithLabelValues(strconv.FormatBool(d.Cached)).Observe(d.Duration.Seconds())
}

// OnVerify counts and times verifications. Set it as [consumer.Config].OnVerify.
func (m *Metrics) OnVerify(_ context.Context, v consumer.Verification) {
	cached := strconv.FormatBool(v.Cached)
	m.verifications.WithLabelValues(m.issuers.label(v.Issuer), reasonLabel(v.Reason), cached).Inc()
	m.verifySeconds.WithLabelValues(cached).Observe(v.Duration.Seconds())
	m.countQuirks(v.Quirks)
}

// OnStatus counts and times status checks. Set it as [consumer.Config].OnStatus.
func (m *Metrics) OnStatus(ctx context.Context, c consumer.StatusCheck) {
	cached := strconv.FormatBool(c.Cached)
	m.statusChecks.WithLabelValues(m.issuers.label(c.Issuer), checkLabel(ctx, c), cached).Inc()
	m.statusSeconds.WithLabelValues(cached).Observe(c.Duration.Seconds())
}

// OnIntrospect counts and times introspections. Set it as OnIntrospect of package introspection's Config.
func (m *Metrics) OnIntrospect(_ context.Context, i introspection.Introspection) {
	m.introspections.WithLabelValues(m.issuers.label(i.Issuer), reasonLabel(i.Reason)).Inc()
	m.introspectionSeconds.WithLabelValues(introspectionLabel(i.Reason)).Observe(i.Duration.Seconds())
}

// OnReceived counts and times security events. Set it as [ssf.Config].OnReceived.
func (m *Metrics) OnReceived(_ context.Context, r ssf.Reception) {
	issuer, outcome := m.issuers.label(r.Issuer), outcomeLabel(r.Outcome)
	m.events.WithLabelValues(issuer, eventLabel(r.Event.Type), outcome).Inc()
	m.eventSeconds.WithLabelValues(outcome).Observe(r.Duration.Seconds())
	if r.Outcome == ssf.OutcomeDenied {
		// The clock of the transmitter may be ahead.
		m.denialDelay.WithLabelValues(issuer).Observe(max(time.Since(r.Event.Time), 0).Seconds())
	}
}

// OnListRefresh counts fetches of status lists. Set it as [statuslist.Config].OnRefresh.
func (m *Metrics) OnListRefresh(_ context.Context, r statuslist.Refresh) {
	result := fine
	if r.Err != nil {
		result = "failed"
	}
	m.listRefreshes.WithLabelValues(m.issuers.label(r.Issuer), causeLabel(r.Cause), result).Inc()
}

// OnRefresh counts and times fetches of key sets. Set it as [jwks.Config].OnRefresh, or as
// [consumer.Config].KeyCache.OnRefresh for keys that the Consumer finds by discovery.
func (m *Metrics) OnRefresh(_ context.Context, r jwks.Refresh) {
	url, result := m.keySets.label(urlLabel(r.URL)), resultLabel(r)
	m.refreshes.WithLabelValues(url, causeLabel(r.Cause), result).Inc()
	m.refreshSeconds.WithLabelValues(result).Observe(r.Duration.Seconds())
	if r.Err == nil || len(r.Unusable) > 0 { // otherwise no key set was received
		m.countUnusable(url, r.Unusable)
	}
	m.countQuirks(r.Quirks)
	if r.Err != nil {
		return // the previous key set stays in use
	}
	m.keys.WithLabelValues(url).Set(float64(r.Keys))
	if r.Cause != causeRestored { // the age of a snapshot is not known here
		m.lastSuccess.WithLabelValues(url).SetToCurrentTime()
	}
}

// countUnusable sets the gauge of every cause, including those that no longer occur.
func (m *Metrics) countUnusable(url string, keys []jwks.UnusableKey) {
	counts := make(map[string]float64)
	for _, key := range keys {
		counts[faultLabel(key.Cause)]++
	}
	for _, fault := range faultLabels() {
		m.unusable.WithLabelValues(url, fault).Set(counts[fault])
	}
}

// countQuirks counts deviations, which the kit reports only once. Name and Place come from fixed lists of the kit. A program
// that calls the hooks itself may pass any text, so the number of pairs is limited.
func (m *Metrics) countQuirks(found []quirk.Quirk) {
	for _, q := range found {
		name, place := string(q.Name), q.Place
		if m.quirkPlaces.label(name+" "+place) == other {
			name, place = other, other
		}
		m.quirks.WithLabelValues(name, place).Inc()
	}
}
