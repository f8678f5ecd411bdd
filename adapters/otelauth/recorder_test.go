package otelauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerkit/bearerkit/adapters/otelauth"
)

// recorder keeps metrics and spans in memory.
type recorder struct {
	*otelauth.Telemetry
	reader *sdkmetric.ManualReader
	spans  *tracetest.InMemoryExporter
	tracer trace.Tracer // the application's own
}

// newRecorder records every span unless options say otherwise.
func newRecorder(t *testing.T, decisionSpans bool, options ...sdktrace.TracerProviderOption) *recorder {
	t.Helper()
	r := &recorder{reader: sdkmetric.NewManualReader(), spans: tracetest.NewInMemoryExporter()}
	// No cardinality limit of the SDK, which would hide a missing limit of this package.
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader), sdkmetric.WithResource(resource.Empty()),
		sdkmetric.WithCardinalityLimit(0))
	options = append(options, sdktrace.WithSyncer(r.spans), sdktrace.WithResource(resource.Empty()))
	tracers := sdktrace.NewTracerProvider(options...)
	r.tracer = tracers.Tracer("test")
	var err error
	r.Telemetry, err = otelauth.New(otelauth.Config{
		MeterProvider: meters, TracerProvider: tracers, DecisionSpans: decisionSpans,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *recorder) collect(t *testing.T) metricdata.ResourceMetrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// metrics writes a line for every series: name, unit, kind, value, attributes.
func (r *recorder) metrics(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, s := range r.collect(t).ScopeMetrics {
		for _, m := range s.Metrics {
			lines = append(lines, series(t, m)...)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func series(t *testing.T, m metricdata.Metrics) (lines []string) {
	t.Helper()
	line := func(kind string, value any, set attribute.Set) {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(m.Name, " ", m.Unit, " ", kind, " ", value, " ", text(set.ToSlice()))))
	}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		kind := "counter"
		if !data.IsMonotonic {
			kind = "updowncounter"
		}
		for _, p := range data.DataPoints {
			line(kind, p.Value, p.Attributes)
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			line("gauge", p.Value, p.Attributes)
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			line("gauge", p.Value, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			line("histogram", p.Count, p.Attributes)
		}
	default:
		t.Fatalf("%s is of the type %T", m.Name, data)
	}
	return lines
}

func text(list []attribute.KeyValue) string {
	words := make([]string, 0, len(list))
	for _, a := range list {
		words = append(words, fmt.Sprint(string(a.Key), "=", a.Value.String()))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// trace writes a line for every span: name, kind, parent, link, status, attributes. Spans of requests are in the order in
// which they end. Fetches come last, because no request waits for their hooks.
func (r *recorder) trace() string {
	spans := r.spans.GetSpans()
	names := map[trace.SpanID]string{}
	for _, s := range spans {
		names[s.SpanContext.SpanID()] = s.Name
	}
	var requests, fetches []string
	for _, s := range spans {
		line := fmt.Sprint(s.Name, " ", s.SpanKind)
		if s.Parent.IsValid() {
			line += " in " + names[s.Parent.SpanID()]
		}
		for _, link := range s.Links {
			line += " by " + names[link.SpanContext.SpanID()]
		}
		line = strings.TrimSpace(fmt.Sprint(line, " ", s.Status.Code, ":", s.Status.Description, " ", text(s.Attributes)))
		if s.SpanKind == trace.SpanKindClient || len(s.Links) > 0 {
			fetches = append(fetches, line)
		} else {
			requests = append(requests, line)
		}
	}
	slices.Sort(fetches)
	return strings.Join(append(requests, fetches...), "\n")
}

// everything returns all data that could leave the process, as JSON.
func (r *recorder) everything(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal([]any{r.collect(t), r.spans.GetSpans()})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
