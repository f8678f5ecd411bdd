package refresh

import (
	"math/rand/v2"
	"time"
)

const (
	// burst is the number of forced fetches that are allowed in quick succession. So a token of a new key is not
	// rejected just because of one forged key id, or because another rotation happened shortly before.
	burst = 3

	maxMinForce = 365 * 24 * time.Hour // so that burst times it cannot overflow
)

// permits limits forced fetches. It is a token bucket with room for burst permits, which gets one more in each
// interval. It uses the monotonic clock, so that a change of the wall clock returns no permit.
type permits struct {
	interval time.Duration
	full     time.Time // when all permits have returned
}

// newPermits returns a full bucket: the zero time in full lies in the past.
func newPermits(interval time.Duration) permits {
	return permits{interval: min(interval, maxMinForce)}
}

// take uses up a permit. It returns false if there is none. It computes with the time at which the bucket is full
// again: that time is one interval later after each permit.
func (p *permits) take(now time.Time) bool {
	if p.full.Sub(now) > (burst-1)*p.interval {
		return false
	}
	p.full = later(p.full, now).Add(p.interval)
	return true
}

// drop removes all permits because a fetch that began at began has failed. The next permit returns one interval after
// that time.
func (p *permits) drop(began time.Time) {
	p.full = later(p.full, began.Add(burst*p.interval))
}

// later returns the later one of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

const (
	maxBackoff    = time.Minute
	maxRetryAfter = 5 * time.Minute // a server must not be able to stop fetches for hours
)

// backoff returns how long to wait after so many failures in a row: a random time below 1 s, 2 s, 4 s and so on up to a
// minute, or retryAfter if the server sent a longer time.
func backoff(failures int, retryAfter time.Duration) time.Duration {
	limit := min(time.Second<<min(failures-1, 10), maxBackoff)
	jittered := rand.N(limit) //nolint:gosec // G404: jitter does not have to be unpredictable
	return max(jittered, min(retryAfter, maxRetryAfter))
}
