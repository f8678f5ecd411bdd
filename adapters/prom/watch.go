package prom

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/consumer"
)

// all stands for the issuers of a Group where they share something.
const all = "all"

// Watch reports the Health of source in every scrape from now on: of a [consumer.Consumer], or of a [consumer.Group] and
// so of all its Members. Sources of one issuer become one series, of the worst of their states and the sum of their
// counts, so watch a Consumer or the Group that it is in, not both. A source is watched as long as the Metrics is in
// use. Nil is not watched.
func (m *Metrics) Watch(source interface{ Health() consumer.Health }) {
	if source == nil {
		return
	}
	m.watched.mu.Lock()
	defer m.watched.mu.Unlock()
	m.watched.sources = append(m.watched.sources, source.Health)
}

// watched is the collector of what is watched. It asks when Prometheus does, so nothing of it is out of date.
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

// health is that of Consumers, and of Groups where Issuer is empty.
func (w *watched) health() []consumer.Health {
	w.mu.Lock()
	sources := slices.Clone(w.sources)
	w.mu.Unlock()
	var parts []consumer.Health
	for _, source := range sources {
		h := ask(source)
		for _, member := range h.Members {
			member.Remembered = consumer.CacheHealth{} // its Group remembers the tokens
			parts = append(parts, member)
		}
		parts = append(parts, h)
	}
	return parts
}

// ask leaves out a source that panics. Scrapes run in goroutines of their own, where that would end the process.
func ask(source func() consumer.Health) (h consumer.Health) {
	defer func() { _ = recover() }()
	return source()
}

// values are told apart by issuer. No two have the same label, or the whole scrape would fail.
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
