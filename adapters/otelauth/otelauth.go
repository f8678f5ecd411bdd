// Package otelauth exports what the kit does as OpenTelemetry metrics and spans. The methods of [Telemetry] fit the hooks of
// the kit.
//
//	telemetry, err := otelauth.New(otelauth.Config{})
//
//	consumer.Config{OnVerify: telemetry.OnVerify, OnStatus: telemetry.OnStatus,
//		KeyCache: jwks.Config{OnRefresh: telemetry.OnRefresh}, …}
//	middleware.Config{OnDecision: telemetry.OnDecision, …}
//	stop := telemetry.Watch(verifier)
//
// The hooks provide these metrics, with their units and attributes. A measurement has the attributes that apply to it:
//
//	bearerkit.decisions {decision}              http.response.status_code, bearerkit.reason, error.type
//	bearerkit.decision.duration s               bearerkit.cached, error.type
//	bearerkit.verifications {verification}      bearerkit.issuer, bearerkit.reason, bearerkit.cached, error.type
//	bearerkit.verification.duration s           bearerkit.cached, error.type
//	bearerkit.status_checks {check}             bearerkit.issuer, bearerkit.token.active, bearerkit.cached, error.type
//	bearerkit.status_check.duration s           bearerkit.cached, error.type
//	bearerkit.key_refreshes {refresh}           server.address, server.port, bearerkit.refresh.cause, …result, error.type
//	bearerkit.key_refresh.duration s            server.address, server.port, bearerkit.refresh.result, error.type
//	bearerkit.key_refresh.unusable_keys {key}   server.address, server.port, bearerkit.key.fault
//
// Watch provides these, all with bearerkit.issuer:
//
//	bearerkit.ready {issuer}, bearerkit.cache.usage, …limit, …evictions {token}
//	bearerkit.key.count {key}, with bearerkit.key.state; bearerkit.key.age s, …consecutive_failures {failure}
//	bearerkit.metadata.age s, …consecutive_failures {failure}
//
// Only decisions that reject a request have a reason and a status. Such a decision is not an error by itself. error.type is
// set only if the kit could not do its work, so that valid tokens were rejected. Base alerts on it.
//
// [Telemetry.OnDecision] and [Telemetry.OnRefresh] describe the spans. To trace the HTTP requests for keys as well, set
// HTTPClient in consumer.Config to a client whose Transport is otelhttp.NewTransport(http.DefaultTransport).
//
// No attribute contains a token, a claim, a path, a key id or the text of an error. Values are constants of the kit, and
// issuers, hosts and rules of the configuration. The first hundred of each of these are distinguished. Every other value
// becomes "other", or "_OTHER" in error.type.
package otelauth

import (
	"cmp"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation scope of all metrics and spans.
const scope = "github.com/bearerkit/bearerkit/adapters/otelauth"

// Config configures a [Telemetry]. The zero value uses the global providers.
type Config struct {
	// MeterProvider receives the metrics. Nil: the global one, even if it is set after New.
	MeterProvider metric.MeterProvider

	// TracerProvider receives the spans. Nil: the global one, even if it is set after New.
	TracerProvider trace.TracerProvider

	// DecisionSpans creates a span for each decision, bearerkit.authenticate, as a child of the request's span if that is
	// recording. This costs one more span for each such request. False: OnDecision only adds attributes to the request's
	// span.
	DecisionSpans bool
}

// Telemetry records metrics and spans. Its methods fit the hooks of the kit. One Telemetry serves any number of Guards,
// Consumers and key sets. Make one with [New]. It is safe for concurrent use.
type Telemetry struct {
	instruments
	tracer        trace.Tracer
	decisionSpans bool

	issuers, servers, rules names
	watched                 sources
}

// New creates the instruments. It returns the errors of the MeterProvider, joined.
func New(cfg Config) (*Telemetry, error) {
	meters := cmp.Or(cfg.MeterProvider, otel.GetMeterProvider())
	tracers := cmp.Or(cfg.TracerProvider, otel.GetTracerProvider())
	t := &Telemetry{
		tracer:        tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		decisionSpans: cfg.DecisionSpans,
	}
	if err := t.create(meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))); err != nil {
		return nil, err
	}
	return t, nil
}
