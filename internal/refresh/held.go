package refresh

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// held is a value and the ages that determine how it is used. It is immutable.
type held[T any] struct {
	value T
	at    clock.Instant // of the fetch
	ahead time.Duration // from this age on, the next value is fetched in the background
	fresh time.Duration // from this age on, callers wait for the next value
	stale time.Duration // from this age on, the value is not served

	restored bool // the value was fetched by an earlier process: callers do not wait for the next one
}

// isFresh and usable report the state of h, which may be nil.
func (h *held[T]) isFresh() bool { return h != nil && h.at.Age() < h.fresh }
func (h *held[T]) usable() bool  { return h != nil && h.at.Age() < h.stale }

// hold stores a value that was fetched at the given time, unless it is too old to be served. Only the running fetch may call it.
func (v *Value[T]) hold(got Fetched[T], at clock.Instant, restored bool) error {
	fresh := got.FreshFor
	if fresh <= 0 {
		fresh = v.cfg.FreshFor
	}
	stale := v.cfg.StaleFor
	if got.StaleFor > 0 {
		stale = got.StaleFor
	}
	if stale < 0 {
		stale = fresh
	}
	fresh = min(fresh, stale)
	if age := at.Age(); age >= stale {
		return fmt.Errorf("the value was fetched %v ago, and must not be older than %v", age.Round(time.Second), stale)
	}
	v.held.Store(&held[T]{
		value: got.Value, at: at, ahead: aheadOf(fresh), fresh: fresh, stale: stale, restored: restored,
	})
	return nil
}

// aheadOf returns 80 % of fresh, plus or minus 10 % of that, so that replicas do not all fetch at the same time.
func aheadOf(fresh time.Duration) time.Duration {
	jitter := 0.9 + 0.2*rand.Float64() //nolint:gosec // G404: jitter does not have to be unpredictable
	return time.Duration(0.8 * jitter * float64(fresh))
}
