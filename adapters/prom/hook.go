package prom

import (
	"context"
	"strconv"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// OnDecision is for [middleware.Config].OnDecision. Nested Guards decide about one request several times, and each
// decision counts.
func (m *Metrics) OnDecision(_ context.Context, d middleware.Decision) {
	m.decisions.WithLabelValues(statusLabel(d.Status), reasonLabel(d.Reason)).Inc()
	m.decisionSeconds.WithLabelValues(strconv.FormatBool(d.Cached)).Observe(d.Duration.Seconds())
}

// OnVerify is for [consumer.Config].OnVerify.
func (m *Metrics) OnVerify(_ context.Context, v consumer.Verification) {
	cached := strconv.FormatBool(v.Cached)
	m.verifications.WithLabelValues(m.issuers.label(v.Issuer), reasonLabel(v.Reason), cached).Inc()
	m.verifySeconds.WithLabelValues(cached).Observe(v.Duration.Seconds())
}

// OnStatus is for [consumer.Config].OnStatus.
func (m *Metrics) OnStatus(ctx context.Context, c consumer.StatusCheck) {
	cached := strconv.FormatBool(c.Cached)
	m.statusChecks.WithLabelValues(m.issuers.label(c.Issuer), answerLabel(ctx, c), cached).Inc()
	m.statusSeconds.WithLabelValues(cached).Observe(c.Duration.Seconds())
}

// OnRefresh is for [jwks.Config].OnRefresh, which is [consumer.Config].KeyCache.OnRefresh for keys that are found by
// discovery.
func (m *Metrics) OnRefresh(_ context.Context, r jwks.Refresh) {
	url, result := m.keySets.label(urlLabel(r.URL)), resultLabel(r)
	m.refreshes.WithLabelValues(url, causeLabel(r.Cause), result).Inc()
	m.refreshSeconds.WithLabelValues(result).Observe(r.Duration.Seconds())
	if r.Err == nil || len(r.Unusable) > 0 { // else there was no set to count in
		m.countUnusable(url, r.Unusable)
	}
	if r.Err != nil {
		return // the set before it stays in use
	}
	m.keys.WithLabelValues(url).Set(float64(r.Keys))
	if r.Cause != causeRestored { // nobody says how old a snapshot is
		m.lastSuccess.WithLabelValues(url).SetToCurrentTime()
	}
}

// countUnusable sets every cause, also those that have gone.
func (m *Metrics) countUnusable(url string, keys []jwks.UnusableKey) {
	counts := make(map[string]float64)
	for _, key := range keys {
		counts[faultLabel(key.Cause)]++
	}
	for _, fault := range faultLabels() {
		m.unusable.WithLabelValues(url, fault).Set(counts[fault])
	}
}
