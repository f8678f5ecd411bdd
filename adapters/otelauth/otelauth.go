// Package otelauth tells OpenTelemetry what the kit does, as metrics and spans. The methods of [Telemetry] are the kit's
// hooks.
//
//	telemetry, err := otelauth.New(otelauth.Config{})
//
//	consumer.Config{OnVerify: telemetry.OnVerify, OnStatus: telemetry.OnStatus,
//		KeyCache: jwks.Config{OnRefresh: telemetry.OnRefresh}, …}
//	middleware.Config{OnDecision: telemetry.OnDecision, …}
//	stop := telemetry.Watch(verifier)
//
// The metrics and their units, and the attributes that a measurement has where they apply:
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
// and those of what is watched, all of them with bearerkit.issuer:
//
//	bearerkit.ready {issuer}, bearerkit.cache.usage, …limit, …evictions {token}
//	bearerkit.key.count {key}, with bearerkit.key.state; bearerkit.key.age s, …consecutive_failures {failure}
//	bearerkit.metadata.age s, …consecutive_failures {failure}
//
// A refusal has its reason and its status; what was passed on has neither. To refuse is no error: error.type is there
// only where the kit could not do its work and good tokens are refused, which is what to be woken for.
//
// For spans see [Telemetry.OnDecision] and [Telemetry.OnRefresh]. To trace the HTTP requests for keys as well, give
// consumer.Config an HTTPClient whose Transport is otelhttp.NewTransport(http.DefaultTransport).
//
// No attribute holds a token or what is in one, nor a path, a key id or the text of an error. The values are those that
// the kit knows, and issuers, hosts and rules from the configuration; of these the first hundred are told apart. Any
// other value becomes "other", or "_OTHER" as an error.type.
package otelauth

import (
	"cmp"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/bearerkit/bearerkit/adapters/otelauth"

// Config says where telemetry goes. The zero value is usable.
type Config struct {
	// MeterProvider takes the metrics. Nil: the global one, also if that is set later.
	MeterProvider metric.MeterProvider

	// TracerProvider takes the spans. Nil: the global one, also if that is set later.
	TracerProvider trace.TracerProvider

	// DecisionSpans gives each decision a span of its own, bearerkit.authenticate, below the request's if that is
	// recording. It costs one more span for every such request. False: there is only what is added to the request's span.
	DecisionSpans bool
}

// Telemetry tells OpenTelemetry. Its methods fit the hooks of the kit, and one Telemetry serves any number of Guards,
// consumers and key sets. It is safe for concurrent use.
type Telemetry struct {
	instruments
	tracer        trace.Tracer
	decisionSpans bool

	issuers, servers, rules names
	watched                 sources
}

// New makes the instruments. The error is the MeterProvider's.
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
