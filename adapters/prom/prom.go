// Package prom counts what the kit does as Prometheus metrics. The methods of [Metrics] are the kit's hooks, and Watch
// reports what is held.
//
//	metrics, err := prom.New(prometheus.DefaultRegisterer)
//
//	consumer.Config{OnVerify: metrics.OnVerify, KeyCache: jwks.Config{OnRefresh: metrics.OnRefresh}, …}
//	middleware.Config{OnDecision: metrics.OnDecision, …}
//	metrics.Watch(verifier) // the Consumer, or the Group
//
//	mux.Handle("GET /metrics", promhttp.Handler())
//
// The metrics of the hooks:
//
//	bearerkit_decisions_total{status,reason}                   requests that Guards have decided about
//	bearerkit_decision_duration_seconds{cached}                how long that took; cached: the token was remembered
//	bearerkit_verifications_total{issuer,reason,cached}        tokens that consumers have looked at
//	bearerkit_verification_duration_seconds{cached}            how long that took
//	bearerkit_status_checks_total{issuer,result,cached}        whether a token may still be used; result: active, inactive, …
//	bearerkit_status_check_duration_seconds{cached}            how long they took; cached: the answer was remembered
//	bearerkit_key_refreshes_total{url,cause,result}            key sets that were fetched; result: ok, unchanged, failed
//	bearerkit_key_refresh_duration_seconds{result}             how long that took
//	bearerkit_keys{url}                                        usable keys in the last good set
//	bearerkit_unusable_keys{url,cause}                         keys of the last set that were left out
//	bearerkit_key_last_success_timestamp_seconds{url}          when a set was last fetched or confirmed
//
// The metrics of Watch, as they are when they are read. Those that do not apply are left out: keys that are given by hand
// have no age. The issuer "all" is a Group, whose issuers share one cache.
//
//	bearerkit_ready{issuer}                                    1 if tokens can be verified, else 0
//	bearerkit_keys_held{issuer}                                usable keys; 0: good tokens get a 503
//	bearerkit_key_age_seconds{issuer}                          since the keys were fetched or confirmed
//	bearerkit_key_consecutive_failures{issuer}                 failed fetches of keys since the last good one
//	bearerkit_key_forced_fetches_total{issuer}                 fetches that unknown key ids have caused
//	bearerkit_key_skipped_fetches_total{issuer}                unknown key ids that the limiter let cause none
//	bearerkit_metadata_age_seconds{issuer}                     since the metadata was fetched
//	bearerkit_metadata_consecutive_failures{issuer}            failed fetches of metadata since the last good one
//	bearerkit_cache_entries{issuer}                            verified tokens that are remembered
//	bearerkit_cache_capacity{issuer}                           verified tokens that there is room for
//	bearerkit_cache_evictions_total{issuer}                    remembered tokens that were dropped for others
//
// The hits of the cache are bearerkit_verifications_total{cached="true"}. The cache has no counter of its own, for all
// processors would share it, and write to it on every request.
//
// What the url has and what the issuer has are two things. OnRefresh tells of fetches, for any key set, and the moment of
// the last success stays when the keys have become too old to use. Watch tells what is held and in use, a snapshot
// included, for the time until then is what counts; it does not tell the moment a second time.
//
// The status 499 stands for a caller who was gone, and the reason "ok" for none. The results of a status check, which
// needs consumer.Config.OnStatus, are active, inactive, unavailable (the store gave no answer) and canceled (the caller
// was gone before). Alerts and a dashboard for these metrics are in docs/observability.
//
// # Cardinality
//
// Nothing that a request brings becomes a label: no path, no subject, no key id, no token. Every label has a fixed set of
// values, but for issuer and url, which are those of the configuration; of these the first hundred are told apart. Any
// other value becomes "other".
package prom

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts. Its methods fit the hooks of the kit, and one Metrics serves any number of Guards, consumers and key
// sets. It is safe for concurrent use.
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
	watched          *watched
	issuers, keySets names
}

// New registers the metrics with reg. It is an error if metrics of these names are registered already, those of another
// New for example; nothing is registered then.
func New(reg prometheus.Registerer) (*Metrics, error) {
	if reg == nil {
		return nil, errors.New("prom: a Registerer is required")
	}
	m := &Metrics{
		decisions: counter("decisions_total", "Requests that Guards have decided about.", "status", "reason"),
		decisionSeconds: histogram("decision_duration_seconds", "How long decisions about requests took.",
			"cached"),
		verifications: counter("verifications_total", "Tokens that were verified, successfully or not.",
			"issuer", "reason", "cached"),
		verifySeconds: histogram("verification_duration_seconds", "How long the verification of tokens took.", "cached"),
		statusChecks: counter("status_checks_total", "Answers to whether verified tokens may still be used.",
			"issuer", "result", "cached"),
		statusSeconds:  histogram("status_check_duration_seconds", "How long these answers took.", "cached"),
		refreshes:      counter("key_refreshes_total", "Fetches of key sets.", "url", "cause", "result"),
		refreshSeconds: histogram("key_refresh_duration_seconds", "How long fetches of key sets took.", "result"),
		keys:           gauge("keys", "Usable keys in the key set.", "url"),
		unusable:       gauge("unusable_keys", "Keys of the last fetched key set that were left out.", "url", "cause"),
		lastSuccess:    gauge("key_last_success_timestamp_seconds", "When the key set was last fetched or confirmed.", "url"),
	}
	m.watched = &watched{readings: readings(), issuers: &m.issuers}
	if err := reg.Register(collectors{
		m.decisions, m.decisionSeconds, m.verifications, m.verifySeconds, m.statusChecks, m.statusSeconds,
		m.refreshes, m.refreshSeconds, m.keys, m.unusable, m.lastSuccess, m.watched,
	}); err != nil {
		return nil, fmt.Errorf("prom: %w", err)
	}
	return m, nil
}

// collectors are registered as one, so all of them or none.
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

const namespace = "bearerkit"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// histogram has buckets from a remembered token, about a microsecond, to a fetch that runs into its time limit.
func histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help,
		Buckets: []float64{1e-6, 5e-6, 25e-6, 1e-4, 25e-5, 1e-3, 5e-3, 25e-3, 0.1, 0.5, 1, 3, 10},
	}, labels)
}
