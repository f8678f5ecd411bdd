package otelauth

import (
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Watch reports the Health of source, a [*consumer.Consumer] or a [*consumer.Group], whenever metrics are collected.
// Consumers of the same issuer form one series: counts are summed, the highest age and number of failures are used, and
// the issuer is ready if all of them are. The Members of a Group are reported like Consumers, and its cache is reported
// without an issuer. Keys that the operator configured have neither a count nor an age.
//
// Call stop to remove the source. Further calls of stop have no effect. Watch ignores a nil source.
func (t *Telemetry) Watch(source interface{ Health() consumer.Health }) (stop func()) {
	if source == nil {
		return func() {}
	}
	return t.watched.add(source.Health)
}

// sources contains watched sources with states of one type.
type sources[S any] struct {
	mu    sync.Mutex         // guards asked
	asked map[*func() S]bool // by pointer, because functions cannot be compared
}

// add adds a source and returns a function that removes it.
func (s *sources[S]) add(state func() S) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = make(map[*func() S]bool)
	}
	s.asked[&state] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.asked, &state)
	}
}

// states returns the current states of all sources that do not panic.
func (s *sources[S]) states() []S {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]S, 0, len(s.asked))
	for state := range s.asked {
		if value, ok := ask(*state); ok {
			all = append(all, value)
		}
	}
	return all
}

// ask returns false if source panics, as a method of a nil pointer does. Metrics may be collected in a goroutine in which a
// panic would end the process.
func ask[S any](source func() S) (state S, ok bool) {
	defer func() { _ = recover() }()
	return source(), true
}

// state is the combined Health of all watched Consumers of an issuer, or of the caches of Groups.
type state struct {
	issuer bool // false: only caches of Groups
	ready  bool

	fetched                       bool // false: the operator configured the keys
	usable, unusable              int
	keys, metadata                age
	keyFailures, metadataFailures int
	cacheUsage, cacheLimit        int
	cacheEvictions                uint64
}

// age is the age of the oldest value.
type age struct {
	known  bool
	oldest time.Duration
}

// add keeps the larger of the two ages. It ignores a source that never fetched anything.
func (a *age) add(lastSuccess time.Time, since time.Duration) {
	if !lastSuccess.IsZero() {
		a.known, a.oldest = true, max(a.oldest, since)
	}
}

// states returns the states by the label of the issuer.
func (t *Telemetry) states() map[string]*state {
	found := make(map[string]*state)
	// Several issuers have the same label if there are more than maxNames. They form one state.
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
	for _, h := range t.watched.states() {
		add(h)
	}
	return found
}

// add combines h with what is already in s.
func (s *state) add(h consumer.Health) {
	s.cacheUsage += h.Cache.Entries
	s.cacheLimit += h.Cache.Size
	s.cacheEvictions += h.Cache.Evictions
	if h.Issuer == "" {
		return // a Group: its Members report the rest
	}
	s.issuer, s.ready = true, s.ready && h.Ready
	s.metadata.add(h.Metadata.LastSuccess, h.Metadata.Age)
	s.metadataFailures = max(s.metadataFailures, h.Metadata.ConsecutiveFailures)
	// Keys of the operator are always ready and have no Stats. So these conditions identify fetched keys.
	s.fetched = s.fetched || h.Keys.Keys > 0 || !h.Ready
	if !h.SharesKeys { // a key set that several Consumers share counts once
		s.usable += h.Keys.Keys
		s.unusable += h.Keys.Unusable
	}
	s.keys.add(h.Keys.LastSuccess, h.Keys.Age)
	s.keyFailures = max(s.keyFailures, h.Keys.ConsecutiveFailures)
}
