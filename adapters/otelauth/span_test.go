package otelauth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// A span ends when the hook is called and starts earlier by its duration.
func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, true)
		ctx, request := r.tracer.Start(t.Context(), "GET")
		time.Sleep(time.Hour)
		r.OnDecision(ctx, middleware.Decision{Status: 200, Duration: time.Minute})
		r.OnRefresh(ctx, jwks.Refresh{Duration: time.Second})
		now := time.Now()
		request.End()
		for i, took := range []time.Duration{time.Minute, time.Second} {
			span := r.spans.GetSpans()[i]
			if !span.EndTime.Equal(now) || span.EndTime.Sub(span.StartTime) != took {
				t.Errorf("%s went from %v to %v", span.Name, span.StartTime, span.EndTime)
			}
		}
	})
}

// A fetch has its own trace, and a link if the request is traced.
func TestRoot(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	ctx, request := r.tracer.Start(t.Context(), "GET")
	r.OnRefresh(ctx, jwks.Refresh{})
	request.End()
	r.OnRefresh(t.Context(), jwks.Refresh{})
	spans := r.spans.GetSpans()
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	linked, request0, alone := spans[0], spans[1], spans[2]
	if linked.Parent.IsValid() || linked.SpanContext.TraceID() == request0.SpanContext.TraceID() {
		t.Error("the fetch is in the trace of the request")
	}
	if len(linked.Links) != 1 || !linked.Links[0].SpanContext.Equal(request0.SpanContext) {
		t.Errorf("links %v", linked.Links)
	}
	if alone.Parent.IsValid() || len(alone.Links) != 0 {
		t.Errorf("parent %v, links %v", alone.Parent, alone.Links)
	}
}

// A decision creates no span if the request has no span or one that is not recording.
func TestNotRecording(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, true, sdktrace.WithSampler(dropRequests{}))
	r.OnDecision(t.Context(), middleware.Decision{Status: 200})
	ctx, request := r.tracer.Start(t.Context(), "GET")
	r.OnDecision(ctx, middleware.Decision{Status: 503})
	request.End()
	if spans := r.trace(); spans != "" {
		t.Errorf("recorded:\n%s", spans)
	}
}

// dropRequests samples all spans except those of the application.
type dropRequests struct{}

func (dropRequests) Description() string { return "all but GET" }

func (dropRequests) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if p.Name == "GET" {
		return sdktrace.SamplingResult{Decision: sdktrace.Drop}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
}

// Of two nested Guards, the attributes of the inner one prevail, because it decides last.
func TestNested(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, false)
	ctx, request := r.tracer.Start(t.Context(), "GET")
	r.OnDecision(ctx, middleware.Decision{Status: 200, Issuer: "https://a.test"})
	r.OnDecision(ctx, middleware.Decision{Status: 500, Issuer: "https://a.test", Reason: "internal", Rule: "owner", Cached: true})
	request.End()
	want := "GET internal Error:internal bearerkit.cached=true bearerkit.issuer=https://a.test bearerkit.reason=internal bearerkit.rule=owner"
	if diff := cmp.Diff(want, r.trace()); diff != "" {
		t.Error(diff)
	}
}

// A rule name is cut to at most 64 bytes, between two characters.
func TestRule(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		strings.Repeat("x", 64):       strings.Repeat("x", 64),
		strings.Repeat("x", 65):       strings.Repeat("x", 61) + "…",
		strings.Repeat("é", 40):       strings.Repeat("é", 30) + "…",
		"not \xff UTF-8":              "other",
		strings.Repeat("x\xff", 1000): strings.Repeat("x", 31) + "…",
	} {
		r := newRecorder(t, false)
		ctx, request := r.tracer.Start(t.Context(), "GET")
		r.OnDecision(ctx, middleware.Decision{Status: 403, Rule: name})
		request.End()
		attributes := attribute.NewSet(r.spans.GetSpans()[0].Attributes...)
		if got, _ := attributes.Value("bearerkit.rule"); got.AsString() != want {
			t.Errorf("%q became %q, want %q", name, got.AsString(), want)
		}
	}
}

// Spans have no events, because an event would contain the text of an error.
func TestNoEvents(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, true)
	ctx, request := r.tracer.Start(context.Background(), "GET")
	r.OnDecision(ctx, middleware.Decision{Status: 503, Err: errors.New("secret")})
	r.OnRefresh(ctx, jwks.Refresh{Err: errors.New("secret"), SnapshotErr: errors.New("secret")})
	request.End()
	for _, span := range r.spans.GetSpans() {
		if len(span.Events) > 0 {
			t.Errorf("%s has events %v", span.Name, span.Events)
		}
	}
}
