package otelauth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/bearerkit/bearerkit/adapters/otelauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func TestScope(t *testing.T) {
	t.Parallel()
	const name = "github.com/bearerkit/bearerkit/adapters/otelauth"
	r := newRecorder(t, false)
	r.OnRefresh(t.Context(), jwks.Refresh{})
	for _, got := range []struct{ name, schema string }{
		{r.collect(t).ScopeMetrics[0].Scope.Name, r.collect(t).ScopeMetrics[0].Scope.SchemaURL},
		{r.spans.GetSpans()[0].InstrumentationScope.Name, r.spans.GetSpans()[0].InstrumentationScope.SchemaURL},
	} {
		if got.name != name || got.schema != semconv.SchemaURL {
			t.Errorf("scope %s, schema %s", got.name, got.schema)
		}
	}
}

// A view may replace the buckets.
func TestBuckets(t *testing.T) {
	t.Parallel()
	own := []float64{1e-6, 5e-6, 25e-6, 1e-4, 25e-5, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 1, 3, 10}
	http := []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	want := map[string][]float64{
		"bearerkit.decision.duration": own, "bearerkit.verification.duration": own,
		"bearerkit.status_check.duration": own, "bearerkit.key_refresh.duration": http,
		"bearerkit.introspection.duration": http, "bearerkit.ssf.event.duration": own,
		"bearerkit.ssf.denial.delay": {0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600},
	}
	r := newRecorder(t, false)
	tellAll(t.Context(), r.Telemetry, "https://a.test", 200)
	got := map[string][]float64{}
	for _, m := range r.collect(t).ScopeMetrics[0].Metrics {
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			got[m.Name] = h.DataPoints[0].Bounds
		}
		if m.Description == "" {
			t.Errorf("%s has no description", m.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

var errFailing = errors.New("failing")

// failing is a MeterProvider that returns only errors.
type failing struct{ noop.MeterProvider }

func (failing) Meter(string, ...metric.MeterOption) metric.Meter { return failingMeter{} }

type failingMeter struct{ noop.Meter }

func (failingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errFailing
}

func (failingMeter) Float64ObservableGauge(string, ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	return nil, errFailing
}

// New joins the errors, and each names its instrument.
func TestNew_JoinsErrors(t *testing.T) {
	t.Parallel()
	_, err := otelauth.New(otelauth.Config{MeterProvider: failing{}})
	if !errors.Is(err, errFailing) {
		t.Fatal(err)
	}
	for _, name := range []string{"bearerkit.decisions", "bearerkit.key.age"} {
		if !strings.Contains(err.Error(), "otelauth: "+name+": failing") {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

var (
	_ interface{ Health() consumer.Health } = (*consumer.Consumer)(nil)
	_ interface{ Health() consumer.Health } = (*consumer.Group)(nil)
)
