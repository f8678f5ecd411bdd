package watching

import (
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
)

// Cause is why everything is removed from the caches. If there are several causes at once, the largest value is the one that counts.
type Cause int

// The causes, from the least to the most serious one. The fields of [store.Purges] describe them.
const (
	None Cause = iota // nothing has to be removed
	Started
	Interrupted
	Flood
	Missed
	Silent
	Lost
)

// Recorder counts what the calls of Watch of one store do. The zero value is ready for use. It is safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex // guards the fields below, and those of all calls
	calls map[*Call]struct{}
	total store.WatchStats // without the fields that describe running calls
}

// Call records one call of Watch.
type Call struct {
	recorder *Recorder

	current  clock.Instant // the argument of the last call of Current; before the first one, when Watch was called
	failures int           // since the last successful read
}

// Begin records that Watch was called. [Call.End] must follow.
func (r *Recorder) Begin() *Call {
	c := &Call{recorder: r, current: clock.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = make(map[*Call]struct{})
	}
	r.calls[c] = struct{}{}
	return c
}

// Stats returns the counts of all calls, and the worst state of those that are running.
func (r *Recorder) Stats() store.WatchStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.total
	s.Running = len(r.calls)
	for c := range r.calls {
		s.Behind = max(s.Behind, c.current.Age())
		s.ConsecutiveFailures = max(s.ConsecutiveFailures, c.failures)
	}
	return s
}

// End records that Watch returns.
func (c *Call) End() {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	delete(c.recorder.calls, c)
}

// record calls change with the counts of the recorder, and holds its lock meanwhile. change may also modify the fields of c.
func (c *Call) record(change func(total *store.WatchStats)) {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	change(&c.recorder.total)
}

// Read records that the store could be read.
func (c *Call) Read() {
	c.record(func(total *store.WatchStats) {
		c.failures, total.LastError, total.LastSuccess = 0, nil, time.Now()
	})
}

// Failed records that the store could not be read.
func (c *Call) Failed(err error) {
	c.record(func(total *store.WatchStats) {
		c.failures++
		total.Failures++
		total.LastError = err
	})
}

// Changed records that Watch has received n changed keys.
func (c *Call) Changed(n int) {
	c.record(func(total *store.WatchStats) { total.Changes += count(n) })
}

// Removed records that n entries were removed from the caches. If cause is [None], they were those of changed keys. Otherwise
// everything was removed, and cause says why.
func (c *Call) Removed(n int, cause Cause) {
	c.record(func(total *store.WatchStats) {
		total.Removed += count(n)
		if purges := purgesOf(total, cause); purges != nil {
			*purges++
		}
	})
}

// Current records that all changes that were saved before at have taken effect in the caches. [store.WatchStats].Behind is the time
// since then.
func (c *Call) Current(at clock.Instant) {
	c.record(func(*store.WatchStats) { c.current = at })
}

// count converts a number of entries. A cache of the application may return a negative number, which counts as 0.
func count(n int) uint64 { return uint64(max(n, 0)) }

// purgesOf returns the count of a cause, or nil for None.
func purgesOf(total *store.WatchStats, cause Cause) *uint64 {
	switch p := &total.Purges; cause {
	case Started:
		return &p.Started
	case Interrupted:
		return &p.Interrupted
	case Flood:
		return &p.Flood
	case Missed:
		return &p.Missed
	case Silent:
		return &p.Silent
	case Lost:
		return &p.Lost
	case None:
	}
	return nil
}
