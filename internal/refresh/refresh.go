// Package refresh keeps one fetched value fresh for many readers. It runs one fetch at a time, before the value expires
// if possible, and never returns a value that is older than a fixed limit. Requests cannot make it fetch more often
// than its limits allow.
//
// The age of a value decides how [Value.Get] serves it:
//
//   - Fresh: the value is served at once. Near the end of this age, one call starts the next fetch in the background.
//   - Stale: a call waits a short time for the next fetch. If the fetch fails or takes longer, the old value is served.
//   - Too old: there is no value, and a call waits longer for the next fetch.
//
// Ages are measured by package clock, so that neither a sleep of the machine nor a change of its wall clock makes a
// value look younger. After a failed fetch, the next one waits for a back-off.
//
// A value that an earlier process has fetched can be restored. It is served while the first fetch runs.
//
// Each fetch runs in its own goroutine and is not canceled with the request that started it. There are no other
// goroutines and no timers between fetches.
package refresh

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// ErrUnavailable means that there is no usable value: none was ever fetched, or the last one is too old.
var ErrUnavailable = errors.New("no usable value")

// unavailableError matches ErrUnavailable. Its text is that of the cause alone, because callers say what is unavailable.
type unavailableError struct{ cause error }

func (e *unavailableError) Error() string   { return e.cause.Error() }
func (e *unavailableError) Unwrap() []error { return []error{ErrUnavailable, e.cause} }

// Value is a value that is kept fresh. It is safe for concurrent use.
type Value[T any] struct {
	cfg  Config[T]
	held atomic.Pointer[held[T]] // the last value, which may be too old; nil before the first

	restored bool // whether Config.Restore was called; only the running fetch and Restore access it

	mu       sync.Mutex // guards the fields below; never held while Fetch runs
	flight   *flight    // the running fetch, or nil
	permits  permits    // for forced fetches
	retryAt  time.Time  // the end of the back-off
	failures int        // since the last success
	lastErr  error
	forced   uint64
	skipped  uint64
}

// New returns a Value that holds nothing yet. It fetches nothing.
func New[T any](cfg Config[T]) *Value[T] {
	cfg.FreshFor = cmp.Or(cfg.FreshFor, 10*time.Minute)
	cfg.StaleFor = cmp.Or(cfg.StaleFor, 24*time.Hour)
	cfg.MinForce = cmp.Or(cfg.MinForce, DefaultMinForce)
	cfg.Timeout = cmp.Or(cfg.Timeout, 3*time.Second)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 3*time.Second)
	cfg.StaleWait = cmp.Or(cfg.StaleWait, cfg.MaxWait)
	return &Value[T]{cfg: cfg, permits: newPermits(cfg.MinForce)}
}

// Get returns the value. With a fresh value it takes no lock and does not wait.
//
// Otherwise it waits for the next fetch, unless a back-off forbids one: for Config.StaleWait if the old value is
// usable, else for Config.MaxWait, and at most until ctx ends. If that brings no new value, Get returns the old one
// without an error. If the old one is too old, the error matches [ErrUnavailable] and wraps the reason, or it is
// ctx.Err().
func (v *Value[T]) Get(ctx context.Context) (T, error) { return v.GetAt(ctx, clock.Now()) }

// GetAt is [Value.Get] for a caller that has read the clocks for the same request. Reading them takes longer than
// everything else that Get does with a fresh value. now must not be older than the request, because the value looks as
// young as it was at that moment. Both waits count from now, so that several calls for one request wait once.
func (v *Value[T]) GetAt(ctx context.Context, now clock.Instant) (T, error) {
	if h := v.held.Load(); h != nil {
		age := h.at.AgeAt(now)
		if age < h.ahead {
			return h.value, nil
		}
		if age < h.fresh {
			v.startAhead(ctx, h)
			return h.value, nil
		}
	}
	f := v.joinExpired(ctx)
	value, _, err := v.await(ctx, f, v.patience(f, now))
	return value, err
}

// UsableAt reports whether GetAt returns a value at the moment now without a fetch. It never waits and starts no fetch.
func (v *Value[T]) UsableAt(now clock.Instant) bool {
	h := v.held.Load()
	return h != nil && h.at.AgeAt(now) < h.stale
}

// Wait is [Value.Get] for a caller that is not a request, for example at the start of a process. If there is no usable
// value, it waits until the fetch has ended, which takes Config.Timeout at most.
func (v *Value[T]) Wait(ctx context.Context) (T, error) {
	if v.held.Load().usable() {
		return v.Get(ctx)
	}
	value, _, err := v.await(ctx, v.joinExpired(ctx), v.cfg.Timeout)
	return value, err
}

// Force tries to get a value for which enough returns true. Call it if enough returns false for the value of Get. Force
// returns the value that is held afterwards, for which enough may still return false.
//
// If a fetch is running, Force waits for it first. That fetch began before the call, so its value may be outdated. If
// enough returns false for it, Force starts another fetch, unless the limit of Config.MinForce or a back-off forbids
// it; then it returns at once. It waits for both fetches together as long as GetAt does after now, which is the moment
// that was passed to GetAt: for Config.StaleWait if the held value is usable, else for Config.MaxWait. It waits at most
// until ctx ends.
//
// The second result is true if the value comes from a fetch that began after the call. Errors are those of Get.
func (v *Value[T]) Force(ctx context.Context, now clock.Instant, enough func(T) bool) (T, bool, error) {
	began, atMost := time.Now(), v.cfg.MaxWait-now.Age()
	if h := v.held.Load(); h.usable() {
		if enough(h.value) { // another caller has fetched it since the caller's Get
			return h.value, false, nil
		}
		atMost = v.cfg.StaleWait - now.Age()
	}
	if f := v.running(); f != nil {
		value, _, err := v.await(ctx, f, atMost)
		if err != nil || !f.hasLanded() || enough(value) {
			return value, false, err
		}
	}
	return v.await(ctx, v.joinForced(ctx, enough), atMost-time.Since(began))
}

// Restore calls Config.Restore, which must be set, and returns nil if a usable value is held afterwards. The error is not
// passed to Config.OnFetch. Call it before any other method; without it, Config.Restore is called before the first fetch.
func (v *Value[T]) Restore(ctx context.Context) error {
	a := v.restore(ctx)
	if a.Err == nil {
		v.report(ctx, a)
	}
	return a.Err
}

// Refresh fetches now, whatever the age, the limits and the back-off are. If a fetch is running, it fetches after that
// one. It waits until the fetch and its OnFetch have ended, or until ctx ends, and returns the error of either.
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

// maxPause limits the time that Run sleeps. Its timer stops while the machine sleeps, and a value can expire meanwhile.
const maxPause = time.Minute

// Run fetches whenever a fetch is due, so that requests do not have to wait for one. It returns nil when ctx ends. After a
// sleep of the machine it notices an expired value within a minute; requests notice it at once.
func (v *Value[T]) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if v.untilDue() == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-v.join(ctx, CauseAhead).done:
			}
		}
		timer.Reset(min(v.untilDue(), maxPause))
	}
}

// patience returns how long Get waits for f. f is nil if no fetch may run. now is the moment of the request.
func (v *Value[T]) patience(f *flight, now clock.Instant) time.Duration {
	h := v.held.Load()
	switch {
	case f == nil:
		return 0
	case !h.usable():
		return v.cfg.MaxWait - now.Age()
	case h.restored: // by a process that has just started: the issuer may be down for long
		return 0
	default: // a fetch delays requests for StaleWait, however many there are
		return v.cfg.StaleWait - max(time.Since(f.began), now.Age())
	}
}

// await waits for f and returns the value held then. f is nil if no fetch may run. fetched reports whether f succeeded.
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
	return value, false, &unavailableError{err}
}
