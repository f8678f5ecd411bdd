// Package prom counts what the kit does as Prometheus metrics. The methods of [Metrics] are the kit's hooks.
//
//	metrics, err := prom.New(prometheus.DefaultRegisterer)
//
//	consumer.Config{OnVerify: metrics.OnVerify, KeyCache: jwks.Config{OnRefresh: metrics.OnRefresh}, …}
//	middleware.Config{OnDecision: metrics.OnDecision, …}
//
//	mux.Handle("GET /metrics", promhttp.Handler())
//
// The metrics:
//
//	bearerkit_decisions_total{status,reason}                   requests that Guards have decided about
//	bearerkit_decision_duration_seconds{cached}                how long that took; cached: the token was remembered
//	bearerkit_verifications_total{issuer,reason,cached}        tokens that consumers have looked at
//	bearerkit_verification_duration_seconds{cached}            how long that took
//	bearerkit_key_refreshes_total{url,cause,result}            key sets that were fetched; result: ok, unchanged, failed
//	bearerkit_key_refresh_duration_seconds{result}             how long that took
//	bearerkit_keys{url}                                        usable keys in the set
//	bearerkit_unusable_keys{url,cause}                         keys of the last set that were left out
//	bearerkit_key_last_success_timestamp_seconds{url}          when the set was last fetched or confirmed
//
// The status 499 stands for a caller who was gone, and the reason "ok" for none. What to be woken for: 503 among the
// decisions, since then good tokens are refused; and a last success that is long ago, since that is what comes before.
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
	refreshes        *prometheus.CounterVec
	refreshSeconds   *prometheus.HistogramVec
	keys             *prometheus.GaugeVec
	unusable         *prometheus.GaugeVec
	lastSuccess      *prometheus.GaugeVec
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
		verifySeconds:  histogram("verification_duration_seconds", "How long the verification of tokens took.", "cached"),
		refreshes:      counter("key_refreshes_total", "Fetches of key sets.", "url", "cause", "result"),
		refreshSeconds: histogram("key_refresh_duration_seconds", "How long fetches of key sets took.", "result"),
		keys:           gauge("keys", "Usable keys in the key set.", "url"),
		unusable:       gauge("unusable_keys", "Keys of the last fetched key set that were left out.", "url", "cause"),
		lastSuccess:    gauge("key_last_success_timestamp_seconds", "When the key set was last fetched or confirmed.", "url"),
	}
	all := collectors{
		m.decisions, m.decisionSeconds, m.verifications, m.verifySeconds,
		m.refreshes, m.refreshSeconds, m.keys, m.unusable, m.lastSuccess,
	}
	if err := reg.Register(all); err != nil {
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
