package otelauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// instruments contains the instruments of the hooks and of watched sources.
type instruments struct {
	decisions, verifications, statusChecks, refreshes, introspections, events operation

	unusable, quirks, listRefreshes metric.Int64Counter
	denialDelay                     metric.Float64Histogram
	health                          gauges
	made                            series
}

// operation counts and times one kind of operation. The counter has more attributes than the histogram: each set of
// attributes costs a counter one number, but a histogram one number for each bucket.
type operation struct {
	count   metric.Int64Counter
	seconds metric.Float64Histogram
}

// measure does nothing for instruments that no reader uses. counted and timed are the attributes of the counter and of
// the histogram.
func (i *instruments) measure(ctx context.Context, op *operation, took time.Duration, counted, timed labels) {
	if op.count.Enabled(ctx) {
		op.count.Add(ctx, 1, i.made.of(counted).add...)
	}
	if op.seconds.Enabled(ctx) {
		op.seconds.Record(ctx, took.Seconds(), i.made.of(timed).record...)
	}
}

// create creates all instruments and registers the callback for watched sources.
func (t *Telemetry) create(meter metric.Meter) error {
	m := &maker{meter: meter}
	t.decisions = operation{
		m.counter("bearerkit.decisions", "{decision}", "Decisions of Guards about requests."),
		m.histogram("bearerkit.decision.duration", "Duration of decisions about requests.", ownWork()),
	}
	t.verifications = operation{
		m.counter("bearerkit.verifications", "{verification}", "Verifications of tokens, successful or not."),
		m.histogram("bearerkit.verification.duration", "Duration of verifications of tokens.", ownWork()),
	}
	t.statusChecks = operation{
		m.counter("bearerkit.status_checks", "{check}", "Checks of the status of verified tokens."),
		m.histogram("bearerkit.status_check.duration", "Duration of status checks.", ownWork()),
	}
	t.refreshes = operation{
		m.counter("bearerkit.key_refreshes", "{refresh}", "Fetches of key sets."),
		m.histogram("bearerkit.key_refresh.duration", "Duration of fetches of key sets.", httpRequests()),
	}
	t.unusable = m.counter("bearerkit.key_refresh.unusable_keys", "{key}", "Keys of fetched key sets that cannot be used.")
	t.quirks = m.counter("bearerkit.quirks", "{quirk}", "Harmless deviations in tokens, keys and metadata that were accepted.")
	t.introspections = operation{
		m.counter("bearerkit.introspections", "{introspection}", "Introspections of tokens, successful or not."),
		m.histogram("bearerkit.introspection.duration", "Duration of introspections of tokens.", httpRequests()),
	}
	t.events = operation{
		m.counter("bearerkit.ssf.events", "{event}", "Security events that were received."),
		m.histogram("bearerkit.ssf.event.duration", "Time from the arrival of a security event to its outcome.", ownWork()),
	}
	t.denialDelay = m.histogram("bearerkit.ssf.denial.delay",
		"Time from the occurrence of a security event until its tokens were denied.", delays())
	t.listRefreshes = m.counter("bearerkit.status_list.refreshes", "{refresh}", "Fetches of status lists.")
	observed := slices.Concat(t.health.create(m), t.createReceivers(m), t.createShared(m), t.createLists(m))
	if m.err != nil {
		return m.err
	}
	if _, err := meter.RegisterCallback(t.observe, observed...); err != nil {
		return fmt.Errorf("otelauth: %w", err)
	}
	return nil
}

// maker creates instruments and collects the errors.
type maker struct {
	meter metric.Meter
	err   error
}

// note joins err, which may be nil, to the errors of the maker. name is the instrument that could not be created.
func (m *maker) note(name string, err error) {
	if err != nil {
		m.err = errors.Join(m.err, fmt.Errorf("otelauth: %s: %w", name, err))
	}
}

// counter creates a counter that hooks add to.
func (m *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(name, err)
	return c
}

// histogram creates a histogram of seconds. A view of the application may replace its buckets.
func (m *maker) histogram(name, description string, buckets []float64) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(buckets...))
	m.note(name, err)
	return h
}

// ownWork returns buckets from a cache hit, which takes about a microsecond, to a fetch that times out.
func ownWork() []float64 {
	return []float64{1e-6, 5e-6, 25e-6, 1e-4, 25e-5, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 1, 3, 10}
}

// delays returns buckets from an event that takes effect at once to one that arrives after an hour.
func delays() []float64 { return []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600} }

// httpRequests returns the buckets of the semantic conventions for HTTP requests.
func httpRequests() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
}
