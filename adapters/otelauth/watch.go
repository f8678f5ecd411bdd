package otelauth

import (
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Watch reports the health of source, a [*consumer.Consumer] or a [*consumer.Group], whenever metrics are collected.
// Consumers of the same issuer make one series: what they hold is added up, the greatest of their ages and failures
// counts, and they are ready together. A Group is reported as its Members, and its cache without an issuer. Keys that are
// given by hand have neither number nor age. Calling stop ends it; calling it again does nothing.
func (t *Telemetry) Watch(source interface{ Health() consumer.Health }) (stop func()) {
	return t.watched.add(source.Health)
}

// sources are those who are asked.
type sources struct {
	mu    sync.Mutex // guards asked
	asked map[*func() consumer.Health]bool
}

func (s *sources) add(health func() consumer.Health) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = make(map[*func() consumer.Health]bool)
	}
	s.asked[&health] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.asked, &health)
	}
}

func (s *sources) health() []consumer.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]consumer.Health, 0, len(s.asked))
	for health := range s.asked {
		all = append(all, (*health)())
	}
	return all
}

// state is the health of all watched Consumers of an issuer, or of the caches that Groups have.
type state struct {
	issuer bool // else only caches
	ready  bool

	fetched                       bool // else the keys are given by hand
	usable, unusable              int
	keys, metadata                age
	keyFailures, metadataFailures int
	cacheUsage, cacheLimit        int
	cacheEvictions                uint64
}

// age is that of the oldest.
type age struct {
	known  bool
	oldest time.Duration
}

func (a *age) add(lastSuccess time.Time, since time.Duration) {
	if !lastSuccess.IsZero() {
		a.known, a.oldest = true, max(a.oldest, since)
	}
}

// states goes by the label of the issuer.
func (t *Telemetry) states() map[string]*state {
	found := make(map[string]*state)
	var add func(consumer.Health)
	add = func(h consumer.Health) {
		label := t.issuers.label(h.Issuer)
		if found[label] == nil {
			found[label] = &state{ready: true}
		}
		found[label].add(h)
		for _, member := range h.Members {
			add(member)
		}
	}
	for _, h := range t.watched.health() {
		add(h)
	}
	return found
}

func (s *state) add(h consumer.Health) {
	s.cacheUsage += h.Remembered.Entries
	s.cacheLimit += h.Remembered.Size
	s.cacheEvictions += h.Remembered.Evictions
	if h.Issuer == "" {
		return // a Group, whose Members tell the rest
	}
	s.issuer, s.ready = true, s.ready && h.Ready
	s.metadata.add(h.Metadata.LastSuccess, h.Metadata.Age)
	s.metadataFailures = max(s.metadataFailures, h.Metadata.ConsecutiveFailures)
	s.fetched = s.fetched || h.Keys.Keys > 0 || !h.Ready
	s.usable += h.Keys.Keys
	s.unusable += h.Keys.Unusable
	s.keys.add(h.Keys.LastSuccess, h.Keys.Age)
	s.keyFailures = max(s.keyFailures, h.Keys.ConsecutiveFailures)
}
