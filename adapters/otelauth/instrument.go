package otelauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// instruments are what the hooks measure with, and what is asked of the watched.
type instruments struct {
	decisions, verifications, statusChecks, refreshes operation

	unusable metric.Int64Counter
	health   gauges
	made     series
}

// operation counts what is done, and how long it takes. The counter has the finer attributes: each set of them costs it
// one number, and a histogram one for each bucket.
type operation struct {
	count   metric.Int64Counter
	seconds metric.Float64Histogram
}

// measure looks first whether anybody wants to know.
func (i *instruments) measure(ctx context.Context, op *operation, took time.Duration, counted, timed labels) {
	if op.count.Enabled(ctx) {
		op.count.Add(ctx, 1, i.made.of(counted).add...)
	}
	if op.seconds.Enabled(ctx) {
		op.seconds.Record(ctx, took.Seconds(), i.made.of(timed).record...)
	}
}

func (t *Telemetry) create(meter metric.Meter) error {
	m := &maker{meter: meter}
	t.decisions = operation{
		m.counter("bearerkit.decisions", "{decision}", "Requests that Guards have decided about."),
		m.histogram("bearerkit.decision.duration", "How long decisions about requests took.", ownWork()),
	}
	t.verifications = operation{
		m.counter("bearerkit.verifications", "{verification}", "Tokens that were verified, successfully or not."),
		m.histogram("bearerkit.verification.duration", "How long the verification of tokens took.", ownWork()),
	}
	t.statusChecks = operation{
		m.counter("bearerkit.status_checks", "{check}", "Questions whether a token may still be used."),
		m.histogram("bearerkit.status_check.duration", "How long the answers took.", ownWork()),
	}
	t.refreshes = operation{
		m.counter("bearerkit.key_refreshes", "{refresh}", "Fetches of key sets."),
		m.histogram("bearerkit.key_refresh.duration", "How long fetches of key sets took.", httpRequests()),
	}
	t.unusable = m.counter("bearerkit.key_refresh.unusable_keys", "{key}", "Keys that were left out of fetched key sets.")
	observed := t.health.create(m)
	if m.err != nil {
		return m.err
	}
	if _, err := meter.RegisterCallback(t.observe, observed...); err != nil {
		return fmt.Errorf("otelauth: %w", err)
	}
	return nil
}

// maker makes instruments and keeps the errors.
type maker struct {
	meter metric.Meter
	err   error
}

func (m *maker) note(name string, err error) {
	if err != nil {
		m.err = errors.Join(m.err, fmt.Errorf("otelauth: %s: %w", name, err))
	}
}

func (m *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(name, err)
	return c
}

func (m *maker) histogram(name, description string, buckets []float64) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(buckets...))
	m.note(name, err)
	return h
}

// ownWork has buckets from a remembered token, about a microsecond, to a fetch that runs into its time limit.
func ownWork() []float64 {
	return []float64{1e-6, 5e-6, 25e-6, 1e-4, 25e-5, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 1, 3, 10}
}

// httpRequests are the buckets that the semantic conventions have for them.
func httpRequests() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
}
