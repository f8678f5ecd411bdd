// Package prom exports Prometheus metrics of the kit. The On… methods of [Metrics] record decisions, verifications,
// status checks and key fetches. [Metrics.Watch] reports the state of keys and caches.
//
//	metrics, err := prom.New(prometheus.DefaultRegisterer)
//
//	consumer.Config{OnVerify: metrics.OnVerify, KeyCache: jwks.Config{OnRefresh: metrics.OnRefresh}, …}
//	middleware.Config{OnDecision: metrics.OnDecision, …}
//	metrics.Watch(verifier) // a Consumer or a Group
//
//	mux.Handle("GET /metrics", promhttp.Handler())
//
// The hooks provide these metrics:
//
//	bearerkit_decisions_total{status,reason}                   decisions of Guards about requests
//	bearerkit_decision_duration_seconds{cached}                duration of these decisions; cached: the token was a cache hit
//	bearerkit_verifications_total{issuer,reason,cached}        verifications of tokens
//	bearerkit_verification_duration_seconds{cached}            duration of these verifications
//	bearerkit_status_checks_total{issuer,result,cached}        checks of the status of tokens; result: active, inactive, …
//	bearerkit_status_check_duration_seconds{cached}            duration of these checks; cached: the result was a cache hit
//	bearerkit_key_refreshes_total{url,cause,result}            fetches of key sets; result: ok, unchanged, failed
//	bearerkit_key_refresh_duration_seconds{result}             duration of these fetches
//	bearerkit_keys{url}                                        usable keys in the last key set that was fetched
//	bearerkit_unusable_keys{url,cause}                         keys of the last key set that cannot be used
//	bearerkit_key_last_success_timestamp_seconds{url}          time of the last fetch or confirmation of the key set
//	bearerkit_quirks_total{quirk,place}                        harmless deviations in tokens, keys and metadata, each counted
//	                                                           once for each Consumer or change of the key set
//
// Watch provides the metrics below. They are read at scrape time. A metric that does not apply is absent. For example,
// keys that the operator configured have no age. The label issuer is "all" for the cache of a Group, which its issuers
// share.
//
//	bearerkit_ready{issuer}                                    1 if tokens can be verified, else 0
//	bearerkit_keys_held{issuer}                                usable keys; with 0, valid tokens are rejected with 503
//	bearerkit_key_age_seconds{issuer}                          time since the keys were fetched or confirmed
//	bearerkit_key_consecutive_failures{issuer}                 failed fetches of keys since the last success
//	bearerkit_key_forced_fetches_total{issuer}                 fetches that an unknown key id or a wrong signature caused
//	bearerkit_key_skipped_fetches_total{issuer}                such tokens for which the rate limit allowed no fetch
//	bearerkit_metadata_age_seconds{issuer}                     time since the metadata was fetched
//	bearerkit_metadata_consecutive_failures{issuer}            failed fetches of metadata since the last success
//	bearerkit_cache_entries{issuer}                            verified tokens in the cache
//	bearerkit_cache_capacity{issuer}                           maximum number of verified tokens in the cache
//	bearerkit_cache_evictions_total{issuer}                    tokens that were evicted to make room for others
//
// To count cache hits, use bearerkit_verifications_total{cached="true"}. The cache does not count hits itself, because
// all processors would write to one counter on every request.
//
// Metrics with the label url describe fetches, and metrics with the label issuer describe the keys in use. OnRefresh
// reports fetches of any key set. Its time of the last success stays the same when the keys become too old to use.
// Watch reports the keys that are in use, including those of a snapshot.
//
// The status 499 means that the client canceled the request. The reason "ok" means that the request or token was accepted.
// The result of a status check, which needs consumer.Config.OnStatus, is active, inactive, unavailable (the store returned
// an error) or canceled (the client canceled the request). docs/observability contains alerts and a dashboard.
//
// # Cardinality
//
// No label contains anything that a request contains: no path, subject, key id or token. All labels have a fixed set of
// values, except issuer and url, whose values come from the configuration. The first hundred values of each become
// label values. Every further value becomes "other". Likewise, both labels of every pair of quirk and place after the
// first hundred become "other".
package prom

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics records metrics. Set its On… methods as the hooks of the kit. One Metrics serves any number of Guards,
// Consumers and key sets. Make one with [New]; the zero Metrics cannot be used. It is safe for concurrent use.
type Metrics struct {
	decisions        *prometheus.CounterVec
	decisionSeconds  *prometheus.HistogramVec
	verifications    *prometheus.CounterVec
	verifySeconds    *prometheus.HistogramVec
	statusChecks     *prometheus.CounterVec
	statusSeconds    *prometheus.HistogramVec
	refreshes        *prometheus.CounterVec
	refreshSeconds   *prometheus.HistogramVec
	keys             *prometheus.GaugeVec
	unusable         *prometheus.GaugeVec
	lastSuccess      *prometheus.GaugeVec
	quirks           *prometheus.CounterVec
	watched          *watched
	issuers, keySets names
	quirkPlaces      names // pairs of quirk and place
}

// New registers the metrics with reg, which is required. It returns an error and registers nothing if metrics with these
// names are already registered, for example by an earlier call of New.
func New(reg prometheus.Registerer) (*Metrics, error) {
	if reg == nil {
		return nil, errors.New("prom: New: reg is nil, expected a prometheus.Registerer")
	}
	m := &Metrics{
		decisions: counter("decisions_total", "Decisions of Guards about requests.", "status", "reason"),
		decisionSeconds: histogram("decision_duration_seconds", "Duration of decisions about requests.",
			"cached"),
		verifications: counter("verifications_total", "Verifications of tokens, successful or not.",
			"issuer", "reason", "cached"),
		verifySeconds: histogram("verification_duration_seconds", "Duration of verifications of tokens.", "cached"),
		statusChecks: counter("status_checks_total", "Checks of the status of verified tokens.",
			"issuer", "result", "cached"),
		statusSeconds:  histogram("status_check_duration_seconds", "Duration of status checks.", "cached"),
		refreshes:      counter("key_refreshes_total", "Fetches of key sets.", "url", "cause", "result"),
		refreshSeconds: histogram("key_refresh_duration_seconds", "Duration of fetches of key sets.", "result"),
		keys:           gauge("keys", "Usable keys in the last key set that was fetched.", "url"),
		unusable:       gauge("unusable_keys", "Keys of the last fetched key set that cannot be used.", "url", "cause"),
		lastSuccess:    gauge("key_last_success_timestamp_seconds", "Time of the last fetch or confirmation of the key set.", "url"),
		quirks:         counter("quirks_total", "Harmless deviations in tokens, keys and metadata that were accepted.", "quirk", "place"),
	}
	m.watched = &watched{readings: readings(), issuers: &m.issuers}
	if err := reg.Register(collectors{
		m.decisions, m.decisionSeconds, m.verifications, m.verifySeconds, m.statusChecks, m.statusSeconds,
		m.refreshes, m.refreshSeconds, m.keys, m.unusable, m.lastSuccess, m.quirks, m.watched,
	}); err != nil {
		return nil, fmt.Errorf("prom: %w", err)
	}
	return m, nil
}

// collectors is registered as one Collector, so that either all or none of the metrics are registered.
type collectors []prometheus.Collector

// Describe implements [prometheus.Collector].
func (all collectors) Describe(descriptions chan<- *prometheus.Desc) {
	for _, c := range all {
		c.Describe(descriptions)
	}
}

// Collect implements [prometheus.Collector].
func (all collectors) Collect(metrics chan<- prometheus.Metric) {
	for _, c := range all {
		c.Collect(metrics)
	}
}

// namespace is the prefix of all names of metrics.
const namespace = "bearerkit"

// counter returns a counter with one series for each combination of labels.
func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// gauge returns a gauge with one series for each combination of labels.
func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// histogram returns a histogram of seconds. Its buckets range from a cache hit, which takes about a microsecond, to a
// fetch that times out.
func histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help,
		Buckets: []float64{1e-6, 5e-6, 25e-6, 1e-4, 25e-5, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 1, 3, 10},
	}, labels)
}
