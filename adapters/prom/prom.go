// Package prom exports Prometheus metrics of the kit. The On… methods of [Metrics] record decisions, verifications,
// status checks, fetches and events. [Metrics.Watch] reports the state of keys and caches. [Metrics.WatchStore],
// [Metrics.WatchReceiver] and [Metrics.WatchLists] report whether revocation works.
//
//	metrics, err := prom.New(prometheus.DefaultRegisterer)
//
//	consumer.Config{OnVerify: metrics.OnVerify, KeyCache: jwks.Config{OnRefresh: metrics.OnRefresh}, …}
//	middleware.Config{OnDecision: metrics.OnDecision, …}
//	metrics.Watch(verifier) // a Consumer or a Group
//
//	ssf.Config{OnReceived: metrics.OnReceived, …}
//	statuslist.Config{OnRefresh: metrics.OnListRefresh, …}
//	introspection.Config{OnIntrospect: metrics.OnIntrospect, …}
//	metrics.WatchReceiver(receiver)      // of package ssf
//	metrics.WatchStore("redis", storage) // of package store/redisstore or store/sqlstore
//	metrics.WatchLists(lists)            // of package consumer/statuslist
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
//	bearerkit_introspections_total{issuer,reason}              introspections of tokens
//	bearerkit_introspection_duration_seconds{result}           duration of these introspections; result: as of status checks
//	bearerkit_ssf_events_total{issuer,event,outcome}           security events; event: its type, such as session-revoked
//	bearerkit_ssf_event_duration_seconds{outcome}              time from the arrival of an event to its outcome
//	bearerkit_ssf_denial_delay_seconds{issuer}                 time from the occurrence of an event until its tokens were denied
//	bearerkit_status_list_refreshes_total{issuer,cause,result} fetches of status lists; result: ok, failed
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
// WatchReceiver provides these metrics. Those of polls are absent if the process does not poll.
//
//	bearerkit_ssf_outcomes_total{issuer,outcome}               security events; every outcome has a series from the start, so
//	                                                           that alerts count each event after the first scrape
//	bearerkit_ssf_accepted_age_seconds{issuer}                 time since an event last took effect or was a duplicate
//	bearerkit_ssf_poll_age_seconds{issuer}                     time since the last response to a poll, or since Poll was called;
//	                                                           absent if no call of Poll is running
//	bearerkit_ssf_poll_consecutive_failures{issuer}            failed polls since the last success
//	bearerkit_ssf_polls_total{issuer,result}                   polls; result: ok, timeout, failed
//	bearerkit_ssf_push_rejections_total{issuer,cause}          pushed requests that were rejected before the event was read;
//	                                                           cause: unauthorized, busy, malformed
//
// WatchStore provides these metrics. Those of cleanup are absent for Redis, which removes expired entries itself.
//
//	bearerkit_watch_running{store}                             running calls of Watch; with 0, denials of other processes are late
//	bearerkit_watch_behind_seconds{store}                      changes that were saved longer ago have taken effect in the caches
//	bearerkit_watch_failures_total{store}                      failed reads of the changes
//	bearerkit_watch_changes_total{store}                       changed entries that were received
//	bearerkit_watch_removed_total{store}                       tokens and results that were removed from the caches
//	bearerkit_watch_purges_total{store,cause}                  how often everything was removed; cause: a field of store.Purges
//	                                                           in lower case
//	bearerkit_cleanup_running{store}                           running calls of Run; one process with Run is enough
//	bearerkit_cleanup_age_seconds{store}                       time since all expired rows were removed, or since Run was called
//	bearerkit_cleanup_failures_total{store}                    failed attempts to remove expired rows
//	bearerkit_cleanup_removed_rows_total{store}                expired rows that were removed
//
// WatchLists provides these metrics. A list to which no token has referred for an hour is idle, and has no age.
//
//	bearerkit_status_lists{issuer,state}                       status lists; state: usable, idle, or failed (tokens get 503)
//	bearerkit_status_list_age_seconds{issuer}                  time since the oldest list in use was fetched
//	bearerkit_status_list_issued_age_seconds{issuer}           time since the oldest list in use was issued
//	bearerkit_status_list_consecutive_failures{issuer}         failed fetches since the last success, of the list with the most
//	bearerkit_status_list_rejections_total{issuer,cause}       rejected tokens; cause: a field of statuslist.Rejections, such as
//	                                                           not_allowed; Other is other_status
//
// To count cache hits, use bearerkit_verifications_total{cached="true"}. The cache does not count hits itself, because
// all processors would write to one counter on every request.
//
// Metrics of keys with the label url describe fetches, and those with the label issuer describe the keys in use.
// OnRefresh reports fetches of any key set. The time of the last success stays the same when the keys become too old to
// use. Watch reports the keys that are in use, including those of a snapshot.
//
// The status 499 means that the client canceled the request. The reason "ok" means that the request or token was accepted.
// The result of a status check, which needs consumer.Config.OnStatus, is active, inactive, unavailable (the store returned
// an error) or canceled (the client canceled the request). docs/observability contains alerts and a dashboard.
//
// # Cardinality
//
// No label contains anything that a request or an event contains: no path, subject, key id or token. The type of an event is
// one that the kit knows, or "other", or "none" if the event could not be read. All labels have a fixed set of values,
// except issuer, url and store, whose values come from the configuration. The first hundred values of each become label
// values. Every further value becomes "other". Likewise, both labels of every pair of quirk and place after the
// first hundred become "other".
package prom

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/ssf"
)

// Metrics records metrics. Set its On… methods as the hooks of the kit. One Metrics serves any number of Guards,
// Consumers and key sets. Make one with [New]; the zero Metrics cannot be used. It is safe for concurrent use.
type Metrics struct {
	decisions       *prometheus.CounterVec
	decisionSeconds *prometheus.HistogramVec
	verifications   *prometheus.CounterVec
	verifySeconds   *prometheus.HistogramVec
	statusChecks    *prometheus.CounterVec
	statusSeconds   *prometheus.HistogramVec
	refreshes       *prometheus.CounterVec
	refreshSeconds  *prometheus.HistogramVec
	keys            *prometheus.GaugeVec
	unusable        *prometheus.GaugeVec
	lastSuccess     *prometheus.GaugeVec
	quirks          *prometheus.CounterVec

	introspections       *prometheus.CounterVec
	introspectionSeconds *prometheus.HistogramVec
	events               *prometheus.CounterVec
	eventSeconds         *prometheus.HistogramVec
	denialDelay          *prometheus.HistogramVec
	listRefreshes        *prometheus.CounterVec

	consumers watched[consumer.Health]
	receivers watched[ssf.Stats]
	shared    watched[storeStats]
	lists     watched[statuslist.Stats]

	issuers, keySets, stores names
	quirkPlaces              names // pairs of quirk and place
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

		introspections:       counter("introspections_total", "Introspections of tokens, successful or not.", "issuer", "reason"),
		introspectionSeconds: histogram("introspection_duration_seconds", "Duration of introspections of tokens.", "result"),
		events:               counter("ssf_events_total", "Security events that were received.", "issuer", "event", "outcome"),
		eventSeconds:         histogram("ssf_event_duration_seconds", "Time from the arrival of a security event to its outcome.", "outcome"),
		denialDelay:          delays("ssf_denial_delay_seconds", "Time from the occurrence of a security event until its tokens were denied.", "issuer"),
		listRefreshes:        counter("status_list_refreshes_total", "Fetches of status lists.", "issuer", "cause", "result"),
	}
	m.consumers.readings, m.receivers.readings = healthReadings(), receiverReadings()
	m.shared.readings, m.lists.readings = storeReadings(), listReadings()
	if err := reg.Register(collectors{
		m.decisions, m.decisionSeconds, m.verifications, m.verifySeconds, m.statusChecks, m.statusSeconds,
		m.refreshes, m.refreshSeconds, m.keys, m.unusable, m.lastSuccess, m.quirks,
		m.introspections, m.introspectionSeconds, m.events, m.eventSeconds, m.denialDelay, m.listRefreshes,
		&m.consumers, &m.receivers, &m.shared, &m.lists,
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

// delays returns a histogram of seconds, from an event that takes effect at once to one that arrives after an hour.
func delays(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help,
		Buckets: []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600},
	}, labels)
}
