package otelauth

import (
	"context"
	"math"

	"go.opentelemetry.io/otel/metric"
)

// gauges contains the instruments for watched sources.
type gauges struct {
	ready                         metric.Int64ObservableGauge
	keys                          metric.Int64ObservableUpDownCounter
	keyAge, metadataAge           metric.Float64ObservableGauge
	keyFailures, metadataFailures metric.Int64ObservableGauge
	cacheUsage, cacheLimit        metric.Int64ObservableUpDownCounter
	cacheEvictions                metric.Int64ObservableCounter
}

// create creates all instruments and returns them.
func (g *gauges) create(m *maker) []metric.Observable {
	const failure, token = "{failure}", "{token}"
	g.ready = m.gauge("bearerkit.ready", "{issuer}", "1 if tokens of the issuer can be verified, else 0.")
	g.keys = m.upDown("bearerkit.key.count", "{key}", "Keys in the key set that is currently held.")
	g.keyAge = m.age("bearerkit.key.age", "Time since the key set was last fetched or confirmed.")
	g.keyFailures = m.gauge("bearerkit.key.consecutive_failures", failure,
		"Failed fetches of the key set since the last success.")
	g.metadataAge = m.age("bearerkit.metadata.age", "Time since the issuer's metadata was last fetched.")
	g.metadataFailures = m.gauge("bearerkit.metadata.consecutive_failures", failure,
		"Failed fetches of the issuer's metadata since the last success.")
	g.cacheUsage = m.upDown("bearerkit.cache.usage", token, "Verified tokens in the cache.")
	g.cacheLimit = m.upDown("bearerkit.cache.limit", token, "Maximum number of verified tokens in the cache.")
	g.cacheEvictions = m.observedCounter("bearerkit.cache.evictions", token,
		"Verified tokens that were evicted to make room for others.")
	return []metric.Observable{
		g.ready, g.keys, g.keyAge, g.metadataAge, g.keyFailures, g.metadataFailures,
		g.cacheUsage, g.cacheLimit, g.cacheEvictions,
	}
}

// gauge creates an instrument whose values cannot be summed.
func (m *maker) gauge(name, unit, description string) metric.Int64ObservableGauge {
	g, err := m.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(name, err)
	return g
}

// age creates a gauge of seconds.
func (m *maker) age(name, description string) metric.Float64ObservableGauge {
	g, err := m.meter.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(description))
	m.note(name, err)
	return g
}

// upDown creates an instrument whose values can be summed over issuers.
func (m *maker) upDown(name, unit, description string) metric.Int64ObservableUpDownCounter {
	c, err := m.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(name, err)
	return c
}

// observedCounter creates a counter that is read when metrics are collected.
func (m *maker) observedCounter(name, unit, description string) metric.Int64ObservableCounter {
	c, err := m.meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(name, err)
	return c
}

// observe is the callback that runs whenever metrics are collected. A metric that does not apply to an issuer is not
// observed, so that no zero looks like an outage.
func (t *Telemetry) observe(_ context.Context, to metric.Observer) error {
	t.receivers.observe(to, &t.made)
	t.shared.observe(to, &t.made)
	t.lists.observe(to, &t.made)
	for issuer, s := range t.states() {
		set := t.made.of(labels{issuer: issuer}).observe
		if s.cacheLimit > 0 { // otherwise there is no cache
			to.ObserveInt64(t.health.cacheUsage, int64(s.cacheUsage), set...)
			to.ObserveInt64(t.health.cacheLimit, int64(s.cacheLimit), set...)
			// OpenTelemetry has no unsigned numbers.
			to.ObserveInt64(t.health.cacheEvictions, int64(min(s.cacheEvictions, math.MaxInt64)), set...)
		}
		if s.issuer { // otherwise these are caches of Groups
			// flagOf returns no or yes, and yes is no + 1. So the difference is 0 or 1.
			to.ObserveInt64(t.health.ready, int64(flagOf(s.ready)-no), set...)
			to.ObserveInt64(t.health.metadataFailures, int64(s.metadataFailures), set...)
			s.metadata.observe(to, t.health.metadataAge, set)
		}
		if s.fetched {
			t.observeKeys(to, issuer, s)
		}
	}
	return nil
}

// observeKeys observes what only fetched keys have.
func (t *Telemetry) observeKeys(to metric.Observer, issuer string, s *state) {
	set := t.made.of(labels{issuer: issuer}).observe
	usable := t.made.of(labels{issuer: issuer, state: "usable"}).observe
	unusable := t.made.of(labels{issuer: issuer, state: "unusable"}).observe
	to.ObserveInt64(t.health.keys, int64(s.usable), usable...)
	to.ObserveInt64(t.health.keys, int64(s.unusable), unusable...)
	to.ObserveInt64(t.health.keyFailures, int64(s.keyFailures), set...)
	s.keys.observe(to, t.health.keyAge, set)
}

// observe reports the age, unless nothing was ever fetched.
func (a age) observe(to metric.Observer, gauge metric.Float64Observable, set []metric.ObserveOption) {
	if a.known {
		to.ObserveFloat64(gauge, a.oldest.Seconds(), set...)
	}
}
