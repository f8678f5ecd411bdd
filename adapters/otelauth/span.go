package otelauth

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// traceDecision does almost nothing if the request's span is not recording. It describes the decision on that span, and
// on a span of its own if Config.DecisionSpans is set.
func (t *Telemetry) traceDecision(ctx context.Context, d middleware.Decision, l labels) {
	request := trace.SpanFromContext(ctx)
	if !request.IsRecording() {
		return
	}
	l.issuer, l.rule = t.issuers.label(d.Issuer), t.rules.label(cut(d.Rule))
	if d.Token != nil { // only a verified token says for whom it acts
		l.principal = d.Token.Principal().String()
	}
	about := l
	about.status, about.errorType = 0, "" // the HTTP instrumentation sets these; a handler may respond with another status
	request.SetAttributes(about.attributes()...)
	setStatus(request, l.errorType)
	if t.decisionSpans {
		t.span(ctx, "bearerkit.authenticate", d.Duration, l.errorType, trace.WithAttributes(l.attributes()...))
	}
}

// traceRefresh records the span of a fetch as a root span with a link to the request that started it.
func (t *Telemetry) traceRefresh(ctx context.Context, r jwks.Refresh, l labels) {
	attributes := append(l.attributes(),
		attribute.Int("bearerkit.refresh.keys", r.Keys),
		attribute.Int("bearerkit.refresh.unusable_keys", len(r.Unusable)))
	t.span(ctx, "bearerkit.refresh_keys", r.Duration, l.errorType,
		trace.WithNewRoot(), trace.WithLinks(trace.LinkFromContext(ctx)), trace.WithAttributes(attributes...))
}

// span records a span that ends now and started took ago, because hooks are called after the operation.
func (t *Telemetry) span(
	ctx context.Context, name string, took time.Duration, errorType string, options ...trace.SpanStartOption,
) {
	end := time.Now()
	options = append(options, trace.WithSpanKind(trace.SpanKindInternal), trace.WithTimestamp(end.Add(-took)))
	_, span := t.tracer.Start(ctx, name, options...)
	setStatus(span, errorType)
	span.End(trace.WithTimestamp(end))
}

// setStatus leaves the status unset if there was no error, as the semantic conventions require.
func setStatus(span trace.Span, errorType string) {
	if errorType != "" {
		span.SetStatus(codes.Error, errorType)
	}
}
