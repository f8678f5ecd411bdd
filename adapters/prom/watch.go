package prom

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/consumer"
)

// all is the label of values that the issuers of a Group share.
const all = "all"

// Watch adds the Health of source to every later scrape. source is a [*consumer.Consumer], or a [*consumer.Group] with
// all its Members. Sources of the same issuer form one series, with the worst of their states and the sum of their
// counts. So watch either a Consumer or the Group that contains it, not both. A source cannot be removed. Watch ignores
// a nil source.
func (m *Metrics) Watch(source interface{ Health() consumer.Health }) {
	if source == nil {
		return
	}
	m.consumers.add(func() []labeled[consumer.Health] { return m.healthOf(source.Health()) })
}

// healthOf returns the Health of a Consumer, or of a Group and its Members.
func (m *Metrics) healthOf(h consumer.Health) (parts []labeled[consumer.Health]) {
	for _, member := range h.Members {
		member.Cache = consumer.CacheHealth{} // the cache is that of the Group
		parts = append(parts, labeled[consumer.Health]{m.issuers.label(member.Issuer), member})
	}
	label := all
	if h.Issuer != "" {
		label = m.issuers.label(h.Issuer)
	}
	return append(parts, labeled[consumer.Health]{label, h})
}

// watched is the collector of watched sources with states of one type. It reads them at scrape time, so its values are
// current.
type watched[S any] struct {
	readings []reading[S]

	mu      sync.Mutex // guards sources
	sources []func() []labeled[S]
}

// labeled is a state with the value of its first label: an issuer, or the name of a store.
type labeled[S any] struct {
	label string
	state S
}

// reading describes one series of each source: how it is read from a state, and how two values with the same label are
// combined.
type reading[S any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(S) (value float64, ok bool) // not ok: the metric does not apply
	join func(a, b float64) float64
	more []string // the values of all labels but the first
}

// add adds a source.
func (w *watched[S]) add(source func() []labeled[S]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sources = append(w.sources, source)
}

// Describe implements [prometheus.Collector].
func (w *watched[S]) Describe(descriptions chan<- *prometheus.Desc) {
	var last *prometheus.Desc
	for _, r := range w.readings { // the series of one metric follow each other
		if r.desc != last {
			descriptions <- r.desc
		}
		last = r.desc
	}
}

// Collect implements [prometheus.Collector].
func (w *watched[S]) Collect(metrics chan<- prometheus.Metric) {
	states := w.states()
	for _, r := range w.readings {
		for label, value := range r.values(states) {
			metrics <- prometheus.MustNewConstMetric(r.desc, r.kind, value, append([]string{label}, r.more...)...)
		}
	}
}

// states returns the states of all sources.
func (w *watched[S]) states() (states []labeled[S]) {
	w.mu.Lock()
	// The lock is released before a source is called: it may be a function of the user.
	sources := slices.Clone(w.sources)
	w.mu.Unlock()
	for _, source := range sources {
		states = append(states, ask(source)...)
	}
	return states
}

// ask returns the zero value if source panics. A scrape may run in a goroutine in which a panic would end the process.
func ask[T any](source func() T) (t T) {
	defer func() { _ = recover() }()
	return source()
}

// values returns one value for each label. Two values with the same label would make the whole scrape fail.
func (r reading[S]) values(states []labeled[S]) map[string]float64 {
	values := make(map[string]float64)
	for _, s := range states {
		value, ok := r.read(s.state)
		if !ok {
			continue
		}
		if before, twice := values[s.label]; twice {
			value = r.join(before, value)
		}
		values[s.label] = value
	}
	return values
}

// The functions below combine two values. Of states, the worst one is used, and counts are summed.

func least(a, b float64) float64 { return min(a, b) }
func most(a, b float64) float64  { return max(a, b) }
func sum(a, b float64) float64   { return a + b }
