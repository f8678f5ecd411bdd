package introspection

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/quirk"
)

// state counts requests to the server.
type state struct {
	mu    sync.Mutex // guards the fields below
	stats Stats
	open  bool // the server has reported that a random text is an active token
}

func (s *state) succeed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.stats.ConsecutiveFailures, s.stats.LastError, s.stats.LastSuccess = 0, nil, time.Now()
}

func (s *state) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.stats.Failures++
	s.stats.ConsecutiveFailures++
	s.stats.LastError = err
}

func (s *state) setOpen(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
}

func (s *state) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.stats.LastSuccess.IsZero() && !s.open
}

func (s *state) now() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Stats describes the requests to the server and the caches, for metrics.
type Stats struct {
	// Requests counts the requests to the server. Failures counts those without a usable response. A response is usable if it
	// says whether the token is active.
	Requests, Failures uint64

	// ConsecutiveFailures counts the failures since the last usable response. LastSuccess is the time of that response, and
	// zero before the first one. LastError is the error of the last failure, and nil after a usable response. It is for logs:
	// do not send it to clients.
	ConsecutiveFailures int
	LastSuccess         time.Time
	LastError           error

	// PausedUntil is when the next request may be sent after failures. It is zero if requests do not pause.
	PausedUntil time.Time

	// Accepted and Rejected are the numbers of entries in the two caches, including entries that are too old to be used.
	Accepted, Rejected int
}

// Stats returns the current state.
func (v *Verifier) Stats() Stats {
	s := v.state.now()
	s.PausedUntil, s.Accepted, s.Rejected = v.breaker.pausedUntil(), v.active.stats().Entries, v.inactive.len()
	return s
}

// Health returns the current state, for readiness probes. It does not wait and causes no request. Ready is true once the server
// has sent a usable response. It stays true while the server is down, because the processes would then all be taken out of
// service, although they could serve cached tokens. Use [Verifier.Stats] for alerts.
func (v *Verifier) Health() consumer.Health {
	s := v.active.stats()
	return consumer.Health{
		Issuer: v.issuer, Ready: v.state.isReady(),
		Cache:  consumer.CacheHealth{Size: s.Size, Entries: s.Entries, Evictions: s.Evicted},
		Quirks: quirk.Join(v.quirks.all(), v.claims.Quirks()),
	}
}

// Warm introspects a random text, so that wrong credentials and a missing endpoint are found at startup. It returns nil if the
// server reports that the text is not an active token, or if the server has sent a usable response before. Otherwise the error
// matches [consumer.ErrUnavailable].
func (v *Verifier) Warm(ctx context.Context) error {
	if v.state.isReady() {
		return nil
	}
	f, err := v.join(ctx, v.probe, v.digester.Sum(v.probe), true)
	if err != nil {
		return err
	}
	_, err = v.wait(ctx, f)
	if errors.Is(err, consumer.ErrUnavailable) {
		return err
	}
	e, _ := errors.AsType[*consumer.Error](err)
	isActive := e == nil || e.Reason != consumer.ReasonInactive
	v.state.setOpen(isActive)
	if isActive {
		return v.unavailable("the authorization server reports that a random text is an active token", err)
	}
	return nil
}

const randomBytes = 32 // in the text that Warm sends

// Drop removes cached tokens, and cached results of Config.Status, for which match returns true. The next request with such a
// token introspects it again. A nil match removes all of them. In any case, Drop removes all cached rejections. It returns the
// number of removed tokens and results of Status together. It is safe for concurrent use. See [consumer.Consumer.Drop] for how
// to call it.
//
// If an introspection is running when Drop is called, its result is not cached if match returns true for it. So match may also
// be called after Drop has returned, and by several goroutines at the same time.
func (v *Verifier) Drop(match func(consumer.StatusToken) bool) int {
	if match == nil {
		match = all
	}
	v.mu.Lock()
	for f := range v.running { // first, so that a flight that ends meanwhile does not add its entry
		f.drop(match)
	}
	v.mu.Unlock()
	v.inactive.purge()
	return v.active.drop(match) + v.claims.Drop(match)
}
