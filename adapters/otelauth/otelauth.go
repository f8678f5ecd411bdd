// Package otelauth exports OpenTelemetry metrics and spans of the kit. The On… methods of [Telemetry] record decisions,
// verifications, status checks and key fetches. [Telemetry.Watch] reports the state of keys and caches.
//
//	telemetry, err := otelauth.New(otelauth.Config{})
//
//	consumer.Config{OnVerify: telemetry.OnVerify, OnStatus: telemetry.OnStatus,
//		KeyCache: jwks.Config{OnRefresh: telemetry.OnRefresh}, …}
//	middleware.Config{OnDecision: telemetry.OnDecision, …}
//	stop := telemetry.Watch(verifier)
//
// The hooks provide these metrics, with their units and attributes. A measurement has only the attributes that apply to
// it:
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
//	bearerkit.quirks {quirk}                    bearerkit.quirk.name, bearerkit.quirk.place
//
// The quirks are harmless deviations in tokens, keys and metadata, which the kit reports once (see package quirk).
//
// Watch provides these, all with bearerkit.issuer:
//
//	bearerkit.ready {issuer}, bearerkit.cache.usage, …limit, …evictions {token}
//	bearerkit.key.count {key}, with bearerkit.key.state; bearerkit.key.age s, …consecutive_failures {failure}
//	bearerkit.metadata.age s, …consecutive_failures {failure}
//
// Only decisions that reject a request have a reason and a status. Such a decision is not an error by itself.
// error.type is set only after a failure that may cause valid tokens to be rejected, or after a canceled fetch or
// check. Use error.type for alerts.
//
// [Telemetry.OnDecision] and [Telemetry.OnRefresh] describe the spans. To trace the HTTP requests for keys as well, set
// HTTPClient in consumer.Config to a client whose Transport is otelhttp.NewTransport(http.DefaultTransport).
//
// No attribute contains a token, a claim, a path, a key id or the text of an error. The values of attributes are
// constants of the kit, or issuers, hosts and rules from the configuration. Of these, the first hundred values of each
// attribute are used, and the first hundred pairs of quirk and place. Every further value becomes "other", or "_OTHER" in error.type.
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

// Telemetry records metrics and spans. Set its On… methods as the hooks of the kit. One Telemetry serves any number of
// Guards, Consumers and key sets. Make one with [New]; the zero Telemetry cannot be used. It is safe for concurrent
// use.
type Telemetry struct {
	instruments
	tracer        trace.Tracer
	decisionSpans bool

	issuers, servers, rules, quirkPlaces names
	watched                              sources
}

// New returns a Telemetry, and creates its instruments. If the MeterProvider returns errors, New returns all of them,
// joined.
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
