// Package otelauth exports OpenTelemetry metrics and spans of the kit. The On… methods of [Telemetry] record decisions,
// verifications, status checks, fetches and events. [Telemetry.Watch] reports the state of keys and caches.
// [Telemetry.WatchStore], [Telemetry.WatchReceiver] and [Telemetry.WatchLists] report whether revocation works.
//
//	telemetry, err := otelauth.New(otelauth.Config{})
//
//	consumer.Config{OnVerify: telemetry.OnVerify, OnStatus: telemetry.OnStatus,
//		KeyCache: jwks.Config{OnRefresh: telemetry.OnRefresh}, …}
//	middleware.Config{OnDecision: telemetry.OnDecision, …}
//	stop := telemetry.Watch(verifier)
//
//	ssf.Config{OnReceived: telemetry.OnReceived, …}
//	statuslist.Config{OnRefresh: telemetry.OnListRefresh, …}
//	introspection.Config{OnIntrospect: telemetry.OnIntrospect, …}
//	telemetry.WatchReceiver(receiver)      // of package ssf
//	telemetry.WatchStore("redis", storage) // of package store/redisstore or store/sqlstore
//	telemetry.WatchLists(lists)            // of package consumer/statuslist
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
//	bearerkit.introspections {introspection}    bearerkit.issuer, bearerkit.reason, error.type
//	bearerkit.introspection.duration s          error.type
//	bearerkit.ssf.events {event}                bearerkit.issuer, bearerkit.ssf.event, bearerkit.ssf.outcome, error.type
//	bearerkit.ssf.event.duration s              bearerkit.ssf.outcome, error.type
//	bearerkit.ssf.denial.delay s                bearerkit.issuer
//	bearerkit.status_list.refreshes {refresh}   bearerkit.issuer, bearerkit.refresh.cause, …result, error.type
//
// The quirks are harmless deviations in tokens, keys and metadata, which the kit reports once (see package quirk).
//
// Watch provides these, all with bearerkit.issuer:
//
//	bearerkit.ready {issuer}, bearerkit.cache.usage, …limit, …evictions {token}
//	bearerkit.key.count {key}, with bearerkit.key.state; bearerkit.key.age s, …consecutive_failures {failure}
//	bearerkit.metadata.age s, …consecutive_failures {failure}
//
// The other methods provide these, with the attribute in front of each line and those in parentheses. adapters/prom
// explains them, under similar names:
//
//	bearerkit.issuer   bearerkit.ssf.outcomes {event} (bearerkit.ssf.outcome), bearerkit.ssf.accepted.age s,
//	                   bearerkit.ssf.poll.age s, …consecutive_failures {failure}, bearerkit.ssf.polls {poll}
//	                   (bearerkit.ssf.poll.result), bearerkit.ssf.push.rejections {request} (bearerkit.cause)
//	bearerkit.store    bearerkit.watch.running {call}, …behind s, …failures {failure}, …changes {entry}, …removed {entry},
//	                   …purges {purge} (bearerkit.cause); bearerkit.cleanup.running {call}, …age s, …failures {failure},
//	                   …removed_rows {row}
//	bearerkit.issuer   bearerkit.status_list.count {list} (bearerkit.status_list.state), …age s, …issued_age s,
//	                   …consecutive_failures {failure}, …rejections {token} (bearerkit.cause)
//
// Only decisions that reject a request have a reason and a status. Such a decision is not an error by itself.
// error.type is set only after a failure that may cause valid tokens to be rejected, or after a canceled fetch or
// check. Use error.type for alerts.
//
// [Telemetry.OnDecision] and [Telemetry.OnRefresh] describe the spans. To trace the HTTP requests for keys as well, set
// HTTPClient in consumer.Config to a client whose Transport is otelhttp.NewTransport(http.DefaultTransport).
//
// No attribute contains a token, a claim, a path, a key id, the text of an error or the text of an event. The values of
// attributes are constants of the kit, or issuers, hosts, rules and names of stores from the configuration. The first
// hundred values of each attribute are used, and the first hundred pairs of quirk and place. Every further value becomes
// "other", or "_OTHER" in error.type.
package otelauth

import (
	"cmp"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/ssf"
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

	issuers, servers, rules, quirkPlaces, stores names

	watched   sources[consumer.Health]
	receivers group[ssf.Stats]
	shared    group[storeStats]
	lists     group[statuslist.Stats]
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
