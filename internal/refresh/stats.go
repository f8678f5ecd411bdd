package refresh

import "time"

// Stats describes a [Value] for health checks and metrics.
type Stats[T any] struct {
	// Value is the value in use, fresh or stale. Held is false if there is none.
	Value T
	Held  bool

	// LastSuccess is when the last value was fetched, by this process or an earlier one, also if it is too old by now.
	// Age is the time since then. Both are zero before the first.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures counts the failed fetches since the last successful one. LastError is the last of them; nil
	// after a success.
	ConsecutiveFailures int
	LastError           error

	// Forced counts the fetches that Force has started, Skipped its calls that the limiter turned down.
	Forced, Skipped uint64
}

// Stats returns the state of now. It never waits for a fetch.
func (v *Value[T]) Stats() Stats[T] {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := Stats[T]{ConsecutiveFailures: v.failures, LastError: v.lastErr, Forced: v.forced, Skipped: v.skipped}
	if h := v.held.Load(); h != nil {
		s.LastSuccess, s.Age = h.at, time.Since(h.at)
		if s.Held = h.usable(); s.Held {
			s.Value = h.value
		}
	}
	return s
}
