package refresh

import (
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// Stats describes a [Value] for health checks and metrics.
type Stats[T any] struct {
	// Value is the value in use, fresh or stale. Held is false if there is none.
	Value T
	Held  bool

	// LastSuccess is the wall time at which the last value was fetched, by this process or an earlier one, even if it is too
	// old now. Age is the time since then, as package clock measures it. Both are zero before the first value.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures is the number of failed fetches since the last successful one. LastError is the error of the
	// last failed one; nil after a success.
	ConsecutiveFailures int
	LastError           error

	// Forced is the number of fetches that Force has started. Skipped is the number of its calls that wanted a fetch and
	// were not allowed to start one.
	Forced, Skipped uint64
}

// Stats returns the current state. It never waits for a fetch.
func (v *Value[T]) Stats() Stats[T] {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := Stats[T]{ConsecutiveFailures: v.failures, LastError: v.lastErr, Forced: v.forced, Skipped: v.skipped}
	if h := v.held.Load(); h != nil {
		s.LastSuccess, s.Age = h.at.Time(), h.at.Age()
		if s.Held = h.usable(); s.Held {
			s.Value = h.value
		}
	}
	return s
}

// FreshForAt returns how long the value stays fresh after the moment now. It is zero if there is no fresh value. It takes no
// lock.
func (v *Value[T]) FreshForAt(now clock.Instant) time.Duration {
	if h := v.held.Load(); h != nil {
		return max(h.fresh-h.at.AgeAt(now), 0)
	}
	return 0
}

// Last returns the value that was held last, which may be too old to be used, and the wall time of its fetch. Both are zero
// before the first value. It takes no lock.
func (v *Value[T]) Last() (value T, at time.Time) {
	if h := v.held.Load(); h != nil {
		return h.value, h.at.Time()
	}
	return value, at
}
