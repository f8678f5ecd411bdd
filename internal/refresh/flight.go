package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// flight is one fetch, shared by all callers that wait for it.
type flight struct {
	cause Cause
	began time.Time
	done  chan struct{} // closed when the result is in use
	ended chan struct{} // closed when OnFetch has returned too
	err   error         // may be read after done is closed
}

var (
	errSlow         = errors.New("the fetch is still running")
	errExited       = errors.New("the fetch ended its goroutine")
	errNothingSaved = errors.New("there is nothing to restore")
)

// maxAhead is how far in the future the time of a restored value may be. The clocks of two machines that share the value
// may differ by as much.
const maxAhead = 5 * time.Minute

// wait waits for the result of the fetch, for atMost or until ctx ends. Leaving early does not affect the fetch.
func (f *flight) wait(ctx context.Context, atMost time.Duration) error {
	if f.hasLanded() { // a select with a timer that has expired could choose the timer
		return f.err
	}
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errSlow
	}
}

// hasLanded reports whether the result is in use.
func (f *flight) hasLanded() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// running returns the running fetch, or nil.
func (v *Value[T]) running() *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.flight
}

// join returns the running fetch. If there is none, it starts one.
func (v *Value[T]) join(ctx context.Context, cause Cause) *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flight == nil {
		v.start(ctx, cause)
	}
	return v.flight
}

// joinExpired returns the fetch to wait for. It returns nil during a back-off, and if another caller has fetched a
// fresh value meanwhile.
func (v *Value[T]) joinExpired(ctx context.Context) *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held.Load().isFresh() {
		return nil
	}
	if v.flight == nil && !v.backingOff() {
		v.start(ctx, CauseExpired)
	}
	return v.flight
}

// startAhead starts the fetch that replaces h. It never waits: if mu is locked, another caller is starting a fetch.
func (v *Value[T]) startAhead(ctx context.Context, h *held[T]) {
	if !v.mu.TryLock() {
		return
	}
	defer v.mu.Unlock()
	if v.flight == nil && !v.backingOff() && v.held.Load() == h {
		v.start(ctx, CauseAhead)
	}
}

// joinForced returns the running fetch, or starts one if the limits allow it. It returns nil if they do not, and if
// another caller has fetched a value meanwhile for which enough returns true. It never waits for a permit.
func (v *Value[T]) joinForced(ctx context.Context, enough func(T) bool) *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch h := v.held.Load(); {
	case h.usable() && enough(h.value):
		return nil
	// A fetch began after this caller looked: it is shared and needs no permit.
	case v.flight != nil:
	case v.backingOff() || !v.permits.take(time.Now()):
		v.skipped++
	default:
		v.start(ctx, CauseForced)
		v.forced++
	}
	return v.flight
}

// backingOff reports whether no fetch may start because the last one has failed. The caller holds mu.
func (v *Value[T]) backingOff() bool { return time.Now().Before(v.retryAt) }

// untilDue returns the time until Run must fetch.
func (v *Value[T]) untilDue() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	wait := time.Until(v.retryAt)
	if h := v.held.Load(); h != nil {
		wait = max(wait, h.ahead-h.at.Age())
	}
	return max(wait, 0)
}

// start starts a fetch. The caller holds mu and has checked that no fetch is running.
func (v *Value[T]) start(ctx context.Context, cause Cause) {
	// The fetch serves all callers, so it must not end when the one that started it leaves. It has its own time limit.
	v.flight = &flight{cause: cause, began: time.Now(), done: make(chan struct{}), ended: make(chan struct{})}
	go v.run(context.WithoutCancel(ctx), v.flight)
}

// run is the goroutine of a fetch. Before the first fetch, it restores.
func (v *Value[T]) run(ctx context.Context, f *flight) {
	defer close(f.ended)
	defer v.land(f, errExited) // has no effect unless Fetch ends this goroutine, for example with runtime.Goexit
	if v.cfg.Restore != nil && !v.restored && v.tryRestoring(ctx, f) {
		return
	}
	a := v.attempt(ctx, f.cause, v.fetch)
	v.land(f, a.Err)
	v.report(ctx, a)
}

// fetch calls Config.Fetch and returns the time from which the age of the value counts. That is now, unless the machine
// slept during the fetch: then the value may be as old as the start of the fetch.
func (v *Value[T]) fetch(ctx context.Context, held T) (Fetched[T], clock.Instant, error) {
	began := clock.Now()
	got, err := v.cfg.Fetch(ctx, held)
	if began.Age() > v.cfg.Timeout {
		return got, began, err
	}
	return got, clock.Now(), err
}

// tryRestoring restores, and reports whether f has ended with the restored value. If a fetch is due nevertheless, another
// flight makes it, so that callers do not wait for it. A fetch that Refresh or Force started does not end this way: run
// fetches after the restoration.
func (v *Value[T]) tryRestoring(ctx context.Context, f *flight) bool {
	a := v.restore(ctx)
	served := a.Err == nil && f.cause != CauseRequested && f.cause != CauseForced
	if served {
		v.land(f, nil)
	}
	if !errors.Is(a.Err, errNothingSaved) {
		v.report(ctx, a)
	}
	if served {
		v.joinExpired(ctx)
	}
	return served
}

// restore calls Config.Restore. It is called once.
func (v *Value[T]) restore(ctx context.Context) Attempt[T] {
	v.restored = true
	return v.attempt(ctx, CauseRestored, func(ctx context.Context, _ T) (Fetched[T], clock.Instant, error) {
		got, at, err := v.cfg.Restore(ctx)
		now, fetched := clock.Now(), clock.At(at)
		switch {
		case err != nil:
		case at.IsZero():
			err = errNothingSaved
		case now.AgeAt(fetched) > maxAhead:
			err = fmt.Errorf("the value was fetched at %s, which is in the future", fetched.Time().UTC().Format(time.RFC3339))
		}
		return got, now.Add(-fetched.AgeAt(now)), err // from now on, both clocks count
	})
}

// attempt calls fetch within the time limit and holds the value that it returns. The Instant that fetch returns is the
// time of the fetch. A panic becomes an error.
func (v *Value[T]) attempt(
	ctx context.Context, cause Cause, fetch func(context.Context, T) (Fetched[T], clock.Instant, error),
) (a Attempt[T]) {
	ctx, cancel := context.WithTimeout(ctx, v.cfg.Timeout)
	defer cancel()
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			a.Err = fmt.Errorf("panic: %v", p)
		}
		a.Duration = time.Since(began)
	}()
	a.Cause = cause // before fetch, for a panic
	if h := v.held.Load(); h != nil {
		a.Held = h.value
	}
	got, at, err := fetch(ctx, a.Held)
	a.Value, a.At, a.Err = got.Value, at.Time(), err
	if err == nil {
		a.Err = v.hold(got, at, cause == CauseRestored)
	}
	return a
}

// land ends the flight and wakes the callers that wait for it. After a failure it starts the back-off. A forced fetch
// that fails also uses up all permits, so that requests with unknown keys do not cause one fetch after the other from a
// failing server.
func (v *Value[T]) land(f *flight, err error) {
	var retryAfter time.Duration
	if err != nil && v.cfg.RetryAfter != nil {
		retryAfter = v.cfg.RetryAfter(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flight != f { // it has landed already
		return
	}
	v.flight, v.lastErr, f.err = nil, err, err // waiters read f.err after done is closed
	if err == nil {
		v.failures, v.retryAt = 0, time.Time{}
	} else {
		v.failures++
		v.retryAt = time.Now().Add(backoff(v.failures, retryAfter))
		if f.cause == CauseForced {
			v.permits.drop(f.began)
		}
	}
	close(f.done)
}

// report calls OnFetch. It recovers a panic, which would end the process because this is not a request's goroutine.
func (v *Value[T]) report(ctx context.Context, a Attempt[T]) {
	if v.cfg.OnFetch == nil {
		return
	}
	defer func() { _ = recover() }()
	v.cfg.OnFetch(ctx, a)
}
