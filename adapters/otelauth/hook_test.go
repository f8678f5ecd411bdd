package otelauth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/bearerkit/bearerkit/adapters/otelauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/quirk"
	"github.com/bearerkit/bearerkit/ssf"
)

// TestHooks covers what story.tell does not.
func TestHooks(t *testing.T) {
	t.Parallel()
	refreshed := func(r jwks.Refresh) func(context.Context, *recorder) {
		return func(ctx context.Context, m *recorder) { m.OnRefresh(ctx, r) }
	}
	failed := func(err error) func(context.Context, *recorder) {
		return func(ctx context.Context, m *recorder) {
			m.OnStatus(ctx, consumer.StatusCheck{Issuer: "https://login.test", Cached: true, Err: fmt.Errorf("x: %w", err)})
		}
	}
	const checks = "bearerkit.status_checks {check} counter 1 bearerkit.cached=true bearerkit.issuer=https://login.test error.type="
	tests := []struct {
		name, metric string
		call         func(context.Context, *recorder)
		want         string
	}{
		{"a reason and a status of somebody's own", "bearerkit.decisions", func(ctx context.Context, m *recorder) {
			m.OnDecision(ctx, middleware.Decision{Status: 599, Reason: "a text"})
			m.OnDecision(ctx, middleware.Decision{Status: 500})
		}, `
bearerkit.decisions {decision} counter 1 bearerkit.reason=other error.type=_OTHER
bearerkit.decisions {decision} counter 1 error.type=_OTHER http.response.status_code=500`},
		{"a caller who left is no error", "bearerkit.decisions", func(ctx context.Context, m *recorder) {
			m.OnDecision(ctx, middleware.Decision{Status: 499, Reason: consumer.ReasonCanceled})
		}, "bearerkit.decisions {decision} counter 1 bearerkit.reason=canceled http.response.status_code=499"},
		{"nor in a verification", "bearerkit.verifications", func(ctx context.Context, m *recorder) {
			m.OnVerify(ctx, consumer.Verification{Reason: consumer.ReasonCanceled})
		}, "bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.reason=canceled"},
		{
			"secrets in a URL", "bearerkit.key_refreshes",
			refreshed(jwks.Refresh{URL: "https://me:secret@login.test:8443/secret?key=secret", Cause: "ahead", NotModified: true}),
			"bearerkit.key_refreshes {refresh} counter 1 bearerkit.refresh.cause=ahead bearerkit.refresh.result=unchanged " +
				"server.address=login.test server.port=8443",
		},
		{
			"no https, and a new cause", "bearerkit.key_refreshes",
			refreshed(jwks.Refresh{URL: "http://[::1]/", Cause: "a new one"}),
			"bearerkit.key_refreshes {refresh} counter 1 bearerkit.refresh.cause=other bearerkit.refresh.result=ok " +
				"server.address=::1 server.port=80",
		},
		{
			"no URL", "bearerkit.key_refreshes", refreshed(jwks.Refresh{URL: "%", Cause: "restored"}),
			"bearerkit.key_refreshes {refresh} counter 1 bearerkit.refresh.cause=restored bearerkit.refresh.result=ok " +
				"server.address=other",
		},
		{
			"unusable keys", "bearerkit.key_refresh.unusable_keys",
			refreshed(jwks.Refresh{URL: "https://login.test", Err: errors.New("none"), Unusable: []jwks.UnusableKey{
				{Cause: jwks.FaultWeak}, {KeyID: "rs-1", Cause: jwks.FaultWeak, Detail: "secret"}, {Cause: "a new one"},
			}}), `
bearerkit.key_refresh.unusable_keys {key} counter 1 bearerkit.key.fault=other server.address=login.test server.port=443
bearerkit.key_refresh.unusable_keys {key} counter 2 bearerkit.key.fault=weak server.address=login.test server.port=443`,
		},
		{
			"quirks of a token", "bearerkit.quirks",
			func(ctx context.Context, r *recorder) {
				r.OnVerify(ctx, consumer.Verification{Quirks: []quirk.Quirk{{Name: quirk.NullMember, Place: "claim nbf"}}})
			},
			"bearerkit.quirks {quirk} counter 1 bearerkit.quirk.name=null_member bearerkit.quirk.place=claim nbf",
		},
		{
			"quirks of keys", "bearerkit.quirks",
			refreshed(jwks.Refresh{Quirks: []quirk.Quirk{{Name: quirk.NullMember, Place: "key use"}, {Name: "\xff", Place: "key use"}}}), `
bearerkit.quirks {quirk} counter 1 bearerkit.quirk.name=null_member bearerkit.quirk.place=key use
bearerkit.quirks {quirk} counter 1 bearerkit.quirk.name=other bearerkit.quirk.place=other`,
		},
		{"canceled", "bearerkit.status_checks", failed(context.Canceled), checks + "canceled"},
		{"timeout", "bearerkit.status_checks", failed(context.DeadlineExceeded), checks + "timeout"},
		{"timeout of a connection", "bearerkit.status_checks", failed(&net.OpError{Err: context.DeadlineExceeded}), checks + "timeout"},
		{"connection", "bearerkit.status_checks", failed(&net.OpError{Err: errors.New("refused")}), checks + "connection"},
		{"name", "bearerkit.status_checks", failed(&net.OpError{Err: &net.DNSError{}}), checks + "name_resolution"},
		{"certificate", "bearerkit.status_checks", failed(&tls.CertificateVerificationError{}), checks + "certificate"},
		{"error with a type", "bearerkit.status_checks", failed(typed{}), checks + "_OTHER"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t, false)
			test.call(t.Context(), r)
			var got []string
			for line := range strings.SplitSeq(r.metrics(t), "\n") {
				if strings.HasPrefix(line, test.metric+" ") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(strings.TrimSpace(test.want), strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// typed has the method from which OpenTelemetry would read an error type.
type typed struct{}

func (typed) Error() string     { return "secret" }
func (typed) ErrorType() string { return "secret" }

// The numbers of series and of values are bounded, whatever the hooks receive.
func TestAttack44_CardinalityIsBounded(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, true)
	count := func(from, to int) int {
		for i := from; i < to; i++ {
			ctx, span := r.tracer.Start(t.Context(), "GET")
			tellAll(ctx, r.Telemetry, fmt.Sprint("https://tenant", i, ".test"), i)
			span.End()
			r.Watch(health{Issuer: fmt.Sprint("https://watched", i, ".test"), Ready: true, Keys: jwks.Stats{Keys: 1}})
		}
		return strings.Count(r.metrics(t), "\n")
	}
	before, after := count(0, 1000), count(1000, 2000)
	if before != after {
		t.Errorf("%d series became %d", before, after)
	}
	for key, values := range spanValues(r) {
		if len(values) > 101 {
			t.Errorf("%s has %d values", key, len(values))
		}
	}
	if all := r.metrics(t); !strings.Contains(all, "https://tenant0.test") || !strings.Contains(all, "bearerkit.issuer=other") {
		t.Error("the first issuers are not distinguished from the others")
	}
}

func spanValues(r *recorder) map[attribute.Key]map[string]bool {
	found := map[attribute.Key]map[string]bool{}
	for _, span := range r.spans.GetSpans() {
		for _, a := range span.Attributes {
			if found[a.Key] == nil {
				found[a.Key] = map[string]bool{}
			}
			found[a.Key][a.Value.String()] = true
		}
	}
	return found
}

// tellAll calls every hook with the same text in all fields that take a text.
func tellAll(ctx context.Context, m *otelauth.Telemetry, text string, number int) {
	reason := consumer.Reason(text)
	m.OnDecision(ctx, middleware.Decision{Status: number, Reason: reason, Rule: text, Issuer: text, Err: errors.New(text)})
	quirks := []quirk.Quirk{{Name: quirk.Name(text), Place: text}}
	m.OnVerify(ctx, consumer.Verification{Issuer: text, Reason: reason, Quirks: quirks})
	m.OnStatus(ctx, consumer.StatusCheck{Issuer: text, Err: errors.New(text)})
	m.OnRefresh(ctx, jwks.Refresh{
		URL: text, Cause: text, Err: errors.New(text), SnapshotErr: errors.New(text),
		Unusable: []jwks.UnusableKey{{KeyID: text, Cause: jwks.Fault(text), Detail: text}},
		Quirks:   quirks,
	})
	m.OnIntrospect(ctx, introspection.Introspection{Issuer: text, Reason: reason})
	m.OnReceived(ctx, ssf.Reception{Issuer: text, Outcome: ssf.Outcome(text), Event: ssf.Event{Type: text, ID: text}, Err: errors.New(text)})
	m.OnReceived(ctx, ssf.Reception{Issuer: text, Outcome: ssf.OutcomeDenied, Event: ssf.Event{Type: ssf.TypeSessionRevoked + text}})
	m.OnListRefresh(ctx, statuslist.Refresh{Issuer: text, URL: text, Cause: text, Err: errors.New(text)})
}

// Every constant of the kit has its own value.
func TestKnownValues(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	ctx := t.Context()
	reasons := constants(t, "../../consumer/reason.go", "Reason")
	for _, reason := range reasons {
		r.OnDecision(ctx, middleware.Decision{Status: 401, Reason: consumer.Reason(reason)})
	}
	faults := constants(t, "../../jwks/unusable.go", "Fault")
	for _, fault := range faults {
		r.OnRefresh(ctx, jwks.Refresh{Cause: "expired", Unusable: []jwks.UnusableKey{{Cause: jwks.Fault(fault)}}})
	}
	causes := constants(t, "../../internal/refresh/config.go", "Cause")
	for _, cause := range causes {
		r.OnRefresh(ctx, jwks.Refresh{Cause: cause})
	}
	metrics := r.metrics(t) + " "
	for key, values := range map[string][]string{
		"bearerkit.reason": reasons, "bearerkit.key.fault": faults, "bearerkit.refresh.cause": causes,
	} {
		for _, value := range values {
			if !strings.Contains(metrics, key+"="+value+" ") {
				t.Errorf("%s %q is not known", key, value)
			}
		}
	}
}

// OnVerify reports an error for the reasons of class ErrUnavailable, except for canceled requests.
func TestErrorTypes(t *testing.T) {
	t.Parallel()
	for _, reason := range constants(t, "../../consumer/reason.go", "Reason") {
		r := newRecorder(t, false)
		err := &consumer.Error{Reason: consumer.Reason(reason)}
		r.OnVerify(t.Context(), consumer.Verification{Reason: err.Reason})
		want := errors.Is(err, consumer.ErrUnavailable) && err.Reason != consumer.ReasonCanceled
		if got := strings.Contains(r.metrics(t), "error.type="+reason); got != want {
			t.Errorf("%s: an error is %t, want %t", reason, got, want)
		}
	}
}

// constants returns the values of the constants of a type, from the source.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(source, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name, ok := spec.Type.(*ast.Ident)
		if !ok || name.Name != typ {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				text, _ := strconv.Unquote(literal.Value)
				values = append(values, text)
			}
		}
		return true
	})
	if len(values) < 5 {
		t.Fatalf("%s has only %d constants of type %s: look for them elsewhere", file, len(values), typ)
	}
	return values
}

// Without a recorder, the hooks allocate nothing. With metrics but without spans, they allocate no more than the SDK.
func TestAllocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	for _, test := range []struct {
		name   string
		config otelauth.Config
		most   float64
	}{
		{"providers that nobody has set", otelauth.Config{}, 0},
		{"providers of no operation", otelauth.Config{
			MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider(), DecisionSpans: true,
		}, 0},
		{"metrics alone", otelauth.Config{
			MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())), DecisionSpans: true,
		}, 0},
	} {
		m, err := otelauth.New(test.config)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		got := testing.AllocsPerRun(100, func() {
			m.OnVerify(ctx, consumer.Verification{Issuer: "https://login.test", Cached: true, Duration: 1})
			m.OnStatus(ctx, consumer.StatusCheck{Issuer: "https://login.test", Active: true, Cached: true, Duration: 1})
			m.OnDecision(ctx, middleware.Decision{Status: 200, Issuer: "https://login.test", Cached: true, Duration: 1})
		})
		if got > test.most {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.most)
		}
	}
}

// Instruments that no reader uses are not called.
func TestDisabled(t *testing.T) {
	t.Parallel()
	meters := deaf{told: new(atomic.Int64)}
	m, err := otelauth.New(otelauth.Config{MeterProvider: meters})
	if err != nil {
		t.Fatal(err)
	}
	tellAll(t.Context(), m, "https://login.test", 200)
	if told := meters.told.Load(); told != 0 {
		t.Errorf("%d measurements", told)
	}
}

// deaf is a MeterProvider whose instruments are disabled and count the calls that ignore this.
type deaf struct {
	metricnoop.MeterProvider
	told *atomic.Int64
}

func (d deaf) Meter(string, ...metric.MeterOption) metric.Meter { return deafMeter{told: d.told} }

type deafMeter struct {
	metricnoop.Meter
	told *atomic.Int64
}

func (d deafMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return deafCounter{told: d.told}, nil
}

func (d deafMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return deafHistogram{told: d.told}, nil
}

type deafCounter struct {
	metricnoop.Int64Counter
	told *atomic.Int64
}

func (d deafCounter) Add(context.Context, int64, ...metric.AddOption) { d.told.Add(1) }

type deafHistogram struct {
	metricnoop.Float64Histogram
	told *atomic.Int64
}

func (d deafHistogram) Record(context.Context, float64, ...metric.RecordOption) { d.told.Add(1) }

func TestHooksAtTheSameTime(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, true)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 100 {
				ctx, span := r.tracer.Start(context.Background(), "GET")
				tellAll(ctx, r.Telemetry, strconv.Itoa(i), 200)
				span.End()
				r.Watch(health{Issuer: strconv.Itoa(i)})()
			}
		})
	}
	for range 10 {
		r.metrics(t)
	}
	all.Wait()
	if want := "bearerkit.decisions {decision} counter 800 bearerkit.reason=other"; !strings.Contains(r.metrics(t), want+"\n") {
		t.Errorf("no %s", want)
	}
}
