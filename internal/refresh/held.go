package refresh

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// held is a value and the ages at which its treatment changes. It is not changed once it is stored.
//
// at has a monotonic clock reading, so that setting the machine's clock makes no value older or younger.
type held[T any] struct {
	value T
	at    time.Time
	ahead time.Duration // from here on the next value is fetched in the background
	fresh time.Duration // from here on requests wait for it
	stale time.Duration // from here on this one is not served

	restored bool         // an earlier process fetched it: nobody waits for the next one
	aged     *atomic.Bool // whether ahead is reached: set by a timer, since a clock takes longer to read
	timer    *time.Timer
}

func (h *held[T]) isFresh() bool { return h != nil && time.Since(h.at) < h.fresh }
func (h *held[T]) usable() bool  { return h != nil && time.Since(h.at) < h.stale }

// hold makes what was fetched age ago the value, unless it is too old to be served.
func (v *Value[T]) hold(got Fetched[T], age time.Duration, restored bool) error {
	fresh := got.FreshFor
	if fresh <= 0 {
		fresh = v.cfg.FreshFor
	}
	stale := v.cfg.StaleFor
	if stale < 0 {
		stale = fresh
	}
	fresh = min(fresh, stale)
	h := &held[T]{value: got.Value, at: time.Now().Add(-age), ahead: aheadOf(fresh), fresh: fresh, stale: stale}
	h.restored = restored
	if !h.usable() {
		return fmt.Errorf("it was fetched %v ago, and is of use for %v at most", age.Round(time.Second), stale)
	}
	h.startTimer()
	if old := v.held.Swap(h); old != nil {
		old.timer.Stop()
	}
	return nil
}

// startTimer must not keep h itself: a Value may be forgotten long before its timer is due. What has been restored may
// be aged already, and no request should take it for fresh until a timer gets round to it.
func (h *held[T]) startTimer() {
	aged, left := new(atomic.Bool), h.ahead-time.Since(h.at)
	aged.Store(left <= 0)
	h.aged, h.timer = aged, time.AfterFunc(left, func() { aged.Store(true) })
}

// aheadOf is 80 % of fresh, give or take 10 % of that, so that replicas do not all fetch at once.
func aheadOf(fresh time.Duration) time.Duration {
	jitter := 0.9 + 0.2*rand.Float64() //nolint:gosec // G404: jitter is no secret
	return time.Duration(0.8 * jitter * float64(fresh))
}

const (
	maxBackoff    = time.Minute
	maxRetryAfter = 5 * time.Minute // a server may not switch a guarded API off for hours
)

// backoff returns how long to leave the server alone after so many failures in a row: full jitter below 1 s, 2 s, 4 s
// up to a minute, or what the server asked for if that is longer.
func backoff(failures int, asked time.Duration) time.Duration {
	limit := min(time.Second<<min(failures-1, 10), maxBackoff)
	jittered := rand.N(limit) //nolint:gosec // G404: jitter is no secret
	return max(jittered, min(asked, maxRetryAfter))
}
