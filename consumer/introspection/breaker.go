package introspection

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	maxFailures = 3 // in a row, until requests pause
	firstPause  = time.Second
	maxPause    = 30 * time.Second // without a Retry-After, which may be longer
)

// breaker stops requests to a server that fails. It is closed until there are maxFailures failures in a row, or one with a
// Retry-After. Then no request may be sent for a pause. After the pause, one request tests the server. The zero breaker is
// closed.
type breaker struct {
	mu       sync.Mutex // guards all fields below
	failures int        // in a row, while closed
	pauses   int        // in a row; 0 means that the breaker is closed
	until    time.Time  // the end of the pause
	testing  bool       // the request that tests the server is running
}

// outcome is what a request says about the server.
type outcome struct {
	failed     bool
	retryAfter time.Duration // that the server has requested
}

// isPaused reports whether requests fail without being sent.
func (b *breaker) isPaused(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pauses > 0 && (now.Before(b.until) || b.testing)
}

// admit reports whether a request may be sent now. If so, record must follow with the same value of test.
func (b *breaker) admit(now time.Time) (test, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.pauses == 0:
		return false, true
	case b.testing || now.Before(b.until):
		return false, false
	}
	b.testing = true
	return true, true
}

// record records the outcome of a request that admit has allowed. It returns the pause that begins now, or 0.
func (b *breaker) record(test bool, o outcome, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if test {
		b.testing = false
	}
	switch {
	case b.pauses > 0 && !test:
		// The request was sent before the pause, so its result is old. Only a longer Retry-After counts.
		if until := now.Add(o.retryAfter); o.failed && until.After(b.until) {
			b.until = until
		}
		return 0
	case !o.failed:
		b.failures, b.pauses = 0, 0
		return 0
	}
	b.failures++
	if !test && b.failures < maxFailures && o.retryAfter == 0 {
		return 0
	}
	b.failures = 0
	b.pauses++
	pause := max(pauseAfter(b.pauses), o.retryAfter)
	b.until = now.Add(pause)
	return pause
}

// pauseAfter returns the length of a pause: a random time between a half and the whole of 1 s, 2 s, 4 s and so on up to
// maxPause, so that several processes do not test the server at the same time.
func pauseAfter(pauses int) time.Duration {
	longest := min(firstPause<<min(pauses-1, 10), maxPause)
	return longest/2 + rand.N(longest/2) //nolint:gosec // G404: jitter does not have to be unpredictable
}

// pausedUntil returns the end of the pause, or the zero time.
func (b *breaker) pausedUntil() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pauses == 0 {
		return time.Time{}
	}
	return b.until
}
