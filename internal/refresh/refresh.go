// Package refresh keeps one fetched value fresh for many readers: one fetch at a time, ahead of time where it can,
// within a hard limit of age, and never at the pace of those who ask.
//
// A value goes through three ages. Fresh: it is served, and near the end of the age the request that notices starts
// the next fetch without waiting for it. Stale: a request waits for the next fetch, but not for long, and is served the
// old value if that brings none. Too old: there is no value. After a failed fetch the next one waits for a back-off. A
// value that an earlier process left behind is served without waiting for the first fetch of this one.
//
// Every fetch runs in a goroutine of its own, detached from the request that started it. There is no other goroutine.
package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrUnavailable says that no usable value is held: none was ever fetched, or the last one is too old.
var ErrUnavailable = errors.New("no usable value")

// Config says how a value is fetched and how long it lives. Only Fetch is required.
type Config[T any] struct {
	// Fetch gets the value. held is the last value, however old, or the zero T before the first. ctx has the values of
	// the call that started the fetch, not its cancellation, and ends after Timeout; Fetch returns soon after. Calls
	// never overlap. A panic is an error. A Value that comes with an error is not kept, only shown to OnFetch.
	Fetch func(ctx context.Context, held T) (Fetched[T], error)

	// Restore, if set, is called once, before the first Fetch, for a value that an earlier process fetched at the time
	// it returns. Its age counts from then; a time in the future is now, the zero time says that there is no value. One
	// that is stale is served while the first Fetch runs. One that is too old is an error; errors are shown to OnFetch
	// and are no failures. ctx is as for Fetch.
	Restore func(ctx context.Context) (Fetched[T], time.Time, error)

	// FreshFor is how long a value is fresh if Fetch does not say. Zero: 10 minutes.
	FreshFor time.Duration

	// StaleFor is the age past which a value is never served, also not a fresh one. Zero: 24 hours. Negative: a value
	// is not served past its freshness.
	StaleFor time.Duration

	// MinForce is the least time between two forced fetches. Zero: 30 seconds.
	MinForce time.Duration

	// Timeout bounds a fetch. Zero: 3 seconds.
	Timeout time.Duration

	// MaxWait bounds how long Get and Force wait for a fetch. Zero: 3 seconds.
	MaxWait time.Duration

	// StaleWait replaces MaxWait for Get where an old value could be served at once, and counts from the beginning of the
	// fetch: whoever comes later waits for the rest of it. Zero: as MaxWait. Negative: no wait.
	StaleWait time.Duration

	// RetryAfter reads from a failed fetch how long the server asks to be left alone; at most 5 minutes of it are
	// honoured. Nil: servers do not say.
	RetryAfter func(error) time.Duration

	// OnFetch, if set, is called after each fetch and restoration, from the fetch's goroutine, when the outcome is
	// already in use. Calls can overlap if one takes longer than the time to the next fetch. A panic ends the call
	// and nothing else. ctx has no time limit.
	OnFetch func(ctx context.Context, a Attempt[T])
}

// Fetched is what a fetch brings.
type Fetched[T any] struct {
	Value T

	// FreshFor is how long the value is fresh. Zero or less: Config.FreshFor.
	FreshFor time.Duration
}

// Attempt reports one fetch.
type Attempt[T any] struct {
	Cause    Cause
	Held     T // what was held before
	Value    T // what Fetch returned, also with an error
	Duration time.Duration
	Err      error
}

// Cause says why a fetch was made.
type Cause string

// The causes of a fetch.
const (
	CauseExpired   Cause = "expired"   // a request found nothing fresh
	CauseAhead     Cause = "ahead"     // the value was about to expire
	CauseForced    Cause = "forced"    // Force
	CauseRequested Cause = "requested" // Refresh
	CauseRestored  Cause = "restored"  // Restore
)

// Value is a value that is kept fresh. It is safe for concurrent use.
type Value[T any] struct {
	cfg  Config[T]
	held atomic.Pointer[held[T]]

	restored bool // only the running fetch, and Restore, read and write it and store to held

	mu       sync.Mutex // guards all below; never held while Fetch runs
	flight   *flight    // the running fetch
	forcedAt time.Time  // of the last forced fetch
	retryAt  time.Time  // end of the back-off
	failures int        // since the last success
	lastErr  error
	forced   uint64
	skipped  uint64
}

// New returns a Value that holds nothing yet. It fetches nothing.
func New[T any](cfg Config[T]) *Value[T] {
	cfg.FreshFor = cmp.Or(cfg.FreshFor, 10*time.Minute)
	cfg.StaleFor = cmp.Or(cfg.StaleFor, 24*time.Hour)
	cfg.MinForce = cmp.Or(cfg.MinForce, 30*time.Second)
	cfg.Timeout = cmp.Or(cfg.Timeout, 3*time.Second)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 3*time.Second)
	cfg.StaleWait = cmp.Or(cfg.StaleWait, cfg.MaxWait)
	return &Value[T]{cfg: cfg}
}

// Get returns the value. It waits only if there is no fresh one and no back-off holds, and then at most for MaxWait, or
// StaleWait, or until ctx ends; a usable old value is returned without an error. The error matches [ErrUnavailable] and
// has the reason in it, or it is ctx.Err().
func (v *Value[T]) Get(ctx context.Context) (T, error) {
	if h := v.held.Load(); h != nil {
		if !h.aged.Load() {
			return h.value, nil
		}
		if h.isFresh() {
			v.startAhead(ctx, h)
			return h.value, nil
		}
	}
	f := v.joinExpired(ctx)
	value, _, err := v.await(ctx, f, v.patience(f))
	return value, err
}

// Force is for a caller whom the held value does not satisfy, as enough tells of each. A fetch that is running has begun
// before the question and may bring what was true before: it is waited for, and if its value is not enough either, a
// fetch is started, unless the last forced one is less than MinForce ago or a back-off holds. Both together are waited
// for MaxWait at most, or until ctx ends: the held value is what did not do. A forced fetch that fails is not counted
// against MinForce. The second result is true if the value comes from a fetch that began after the call; false if it is
// the one held. Errors are those of Get.
func (v *Value[T]) Force(ctx context.Context, enough func(T) bool) (T, bool, error) {
	began := time.Now()
	if f := v.running(); f != nil {
		value, _, err := v.await(ctx, f, v.cfg.MaxWait)
		if err != nil || !f.hasLanded() || enough(value) {
			return value, false, err
		}
	}
	return v.await(ctx, v.joinForced(ctx), v.cfg.MaxWait-time.Since(began))
}

// Restore does now what otherwise comes before the first fetch, and returns nil if a usable value is held then. Its error
// is not shown to OnFetch. It is for the one who has made v, before anybody else has it; Config.Restore must be set.
func (v *Value[T]) Restore(ctx context.Context) error {
	a := v.restore(ctx)
	if a.Err == nil {
		v.report(ctx, a)
	}
	return a.Err
}

// Refresh fetches now, whatever the age and the back-off; if a fetch is running, after that. It waits until the fetch
// and its OnFetch are done, or ctx ends, and returns the error of either.
func (v *Value[T]) Refresh(ctx context.Context) error {
	if f := v.running(); f != nil {
		select {
		case <-f.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f := v.join(ctx, CauseRequested)
	select {
	case <-f.ended:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run fetches whenever a fetch is due, so that requests need not wait for one. It returns nil when ctx ends.
func (v *Value[T]) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if v.untilDue() == 0 { // else a request was faster
			select {
			case <-ctx.Done():
				return nil
			case <-v.join(ctx, CauseAhead).done:
			}
		}
		timer.Reset(v.untilDue())
	}
}

// patience is how long Get waits for f, which is nil if no fetch may run.
func (v *Value[T]) patience(f *flight) time.Duration {
	h := v.held.Load()
	switch {
	case f == nil:
		return 0
	case !h.usable():
		return v.cfg.MaxWait
	case h.restored:
		return 0
	default:
		return v.cfg.StaleWait - time.Since(f.began)
	}
}

// await waits for f, which is nil if no fetch may run, and answers from what is held then.
func (v *Value[T]) await(ctx context.Context, f *flight, atMost time.Duration) (value T, fetched bool, err error) {
	if f != nil {
		err = f.wait(ctx, atMost)
	}
	if h := v.held.Load(); h.usable() {
		return h.value, f != nil && err == nil, nil
	}
	if ctx.Err() != nil {
		return value, false, ctx.Err()
	}
	if err = cmp.Or(err, v.Stats().LastError); err == nil {
		return value, false, ErrUnavailable
	}
	return value, false, fmt.Errorf("%w: %w", ErrUnavailable, err)
}
