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
	m.watched.mu.Lock()
	defer m.watched.mu.Unlock()
	m.watched.sources = append(m.watched.sources, source.Health)
}

// watched is the collector of the watched sources. It reads their Health at scrape time, so its values are current.
type watched struct {
	readings []reading
	issuers  *names

	mu      sync.Mutex // guards sources
	sources []func() consumer.Health
}

// Describe implements [prometheus.Collector].
func (w *watched) Describe(descriptions chan<- *prometheus.Desc) {
	for _, r := range w.readings {
		descriptions <- r.desc
	}
}

// Collect implements [prometheus.Collector].
func (w *watched) Collect(metrics chan<- prometheus.Metric) {
	health := w.health()
	for _, r := range w.readings {
		for issuer, value := range r.values(health, w.issuers) {
			metrics <- prometheus.MustNewConstMetric(r.desc, r.kind, value, issuer)
		}
	}
}

// health returns the Health of all Consumers, and of Groups, whose Issuer is empty.
func (w *watched) health() []consumer.Health {
	w.mu.Lock()
	// The lock is released before a source is called: Health is a function of the user.
	sources := slices.Clone(w.sources)
	w.mu.Unlock()
	var parts []consumer.Health
	for _, source := range sources {
		h := ask(source)
		for _, member := range h.Members {
			member.Cache = consumer.CacheHealth{} // the cache is that of the Group
			parts = append(parts, member)
		}
		parts = append(parts, h)
	}
	return parts
}

// ask returns a zero Health if source panics. A scrape may run in a goroutine in which a panic would end the process.
func ask(source func() consumer.Health) (h consumer.Health) {
	defer func() { _ = recover() }()
	return source()
}

// values returns one value for each issuer. Two values with the same label would make the whole scrape fail.
func (r reading) values(health []consumer.Health, issuers *names) map[string]float64 {
	values := make(map[string]float64)
	for _, h := range health {
		value, ok := r.read(h)
		if !ok {
			continue
		}
		issuer := all
		if h.Issuer != "" {
			issuer = issuers.label(h.Issuer)
		}
		if before, twice := values[issuer]; twice {
			value = r.join(before, value)
		}
		values[issuer] = value
	}
	return values
}
