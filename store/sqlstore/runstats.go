package sqlstore

import (
	"math"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
)

// RunStats returns the current statistics of Run. It is safe for concurrent use.
func (s *Store) RunStats() store.RunStats { return s.runs.stats() }

// runs counts what the calls of Run do. The zero value is ready for use.
type runs struct {
	mu    sync.Mutex // guards the fields below, and those of all calls
	calls map[*runCall]struct{}
	total store.RunStats // without the fields that describe running calls
}

// runCall is one call of Run.
type runCall struct {
	since    clock.Instant // the end of the last complete pass; at first, when Run was called
	failures int           // since then
}

// begin records that Run was called. The caller must call end.
func (r *runs) begin() (c *runCall, end func()) {
	c = &runCall{since: clock.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = make(map[*runCall]struct{})
	}
	r.calls[c] = struct{}{}
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.calls, c)
	}
}

// passed records the end of a pass. err is nil if the pass was complete.
func (r *runs) passed(c *runCall, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total.LastError = err
	if err != nil {
		c.failures++
		r.total.Failures++
		return
	}
	c.since, c.failures, r.total.LastPass = clock.Now(), 0, time.Now()
}

// removed records that n rows were removed.
func (r *runs) removed(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total.Removed += uint64(max(n, 0))
}

// stats returns the counts of all calls, and the state of those that are running.
func (r *runs) stats() store.RunStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.total
	s.Running = len(r.calls)
	if s.Running == 0 {
		return s
	}
	s.Age = math.MaxInt64
	for c := range r.calls {
		s.Age = min(s.Age, c.since.Age())
		s.ConsecutiveFailures = max(s.ConsecutiveFailures, c.failures)
	}
	return s
}
