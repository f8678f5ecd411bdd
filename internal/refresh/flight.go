package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// flight is one fetch, shared by all who wait for it.
type flight struct {
	cause      Cause
	began      time.Time
	lastForced time.Time     // what forcedAt was before: the permit to give back
	done       chan struct{} // closed when the outcome is in use
	ended      chan struct{} // closed when OnFetch has returned too
	err        error         // to be read after done
}

var (
	errSlow   = errors.New("the fetch is still running")
	errExited = errors.New("the fetch ended its goroutine")
	errNone   = errors.New("there is nothing to restore")
)

// wait returns the outcome of the fetch. A waiter has its own patience, and leaving does nothing to the fetch.
func (f *flight) wait(ctx context.Context, atMost time.Duration) error {
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

// hasLanded reports whether the outcome is in use.
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

// join returns the running fetch, or starts one.
func (v *Value[T]) join(ctx context.Context, cause Cause) *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flight == nil {
		v.start(ctx, cause)
	}
	return v.flight
}

// joinExpired returns the fetch to wait for, or nil if there is none to be had: the back-off holds, or another request
// has brought a fresh value by now.
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

// startAhead starts the fetch that replaces h. It never waits: if mu is taken, somebody else is seeing to it.
func (v *Value[T]) startAhead(ctx context.Context, h *held[T]) {
	if !v.mu.TryLock() {
		return
	}
	defer v.mu.Unlock()
	if v.flight == nil && !v.backingOff() && v.held.Load() == h {
		v.start(ctx, CauseAhead)
	}
}

// joinForced is the limiter. It skips, and never makes anybody wait for a permit.
func (v *Value[T]) joinForced(ctx context.Context) *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.flight != nil:
	case v.backingOff() || time.Since(v.forcedAt) < v.cfg.MinForce:
		v.skipped++
	default:
		v.start(ctx, CauseForced)
		v.flight.lastForced, v.forcedAt = v.forcedAt, time.Now()
		v.forced++
	}
	return v.flight
}

func (v *Value[T]) backingOff() bool { return time.Now().Before(v.retryAt) }

// untilDue returns how long Run has nothing to do.
func (v *Value[T]) untilDue() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	wait := time.Until(v.retryAt)
	if h := v.held.Load(); h != nil {
		wait = max(wait, h.ahead-time.Since(h.at))
	}
	return max(wait, 0)
}

// start starts a fetch; no other is running. The caller holds mu.
func (v *Value[T]) start(ctx context.Context, cause Cause) {
	v.flight = &flight{cause: cause, began: time.Now(), done: make(chan struct{}), ended: make(chan struct{})}
	go v.run(context.WithoutCancel(ctx), v.flight)
}

// run is the goroutine of a fetch.
func (v *Value[T]) run(ctx context.Context, f *flight) {
	defer close(f.ended)
	defer v.land(f, errExited) // does nothing, unless Fetch ends this goroutine, as a failing test's may
	if v.cfg.Restore != nil && !v.restored && v.tryRestoring(ctx, f) {
		return
	}
	a := v.attempt(ctx, f.cause, func(ctx context.Context, held T) (Fetched[T], time.Time, error) {
		got, err := v.cfg.Fetch(ctx, held)
		return got, time.Now(), err
	})
	v.land(f, a.Err)
	v.report(ctx, a)
}

// tryRestoring reports whether a usable value was restored and f has ended with that. A fetch that is due all the same
// is made in a flight of its own, so that nobody waits for it who can be served. One that was asked for is made by f.
func (v *Value[T]) tryRestoring(ctx context.Context, f *flight) bool {
	a := v.restore(ctx)
	served := a.Err == nil && f.cause != CauseRequested && f.cause != CauseForced
	if served {
		v.land(f, nil)
	}
	if !errors.Is(a.Err, errNone) {
		v.report(ctx, a)
	}
	if served {
		v.joinExpired(ctx)
	}
	return served
}

// restore is made once, before the first fetch.
func (v *Value[T]) restore(ctx context.Context) Attempt[T] {
	v.restored = true
	return v.attempt(ctx, CauseRestored, func(ctx context.Context, _ T) (Fetched[T], time.Time, error) {
		got, at, err := v.cfg.Restore(ctx)
		if err == nil && at.IsZero() {
			err = errNone
		}
		return got, at, err
	})
}

// attempt calls fetch within the time limit and holds what it brings. A panic becomes an error.
func (v *Value[T]) attempt(
	ctx context.Context, cause Cause, fetch func(context.Context, T) (Fetched[T], time.Time, error),
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
	a.Cause = cause
	if h := v.held.Load(); h != nil {
		a.Held = h.value
	}
	got, at, err := fetch(ctx, a.Held)
	a.Value, a.Err = got.Value, err
	if err == nil {
		a.Err = v.hold(got, max(time.Since(at), 0), cause == CauseRestored)
	}
	return a
}

// land ends the flight and lets those go who wait for it.
func (v *Value[T]) land(f *flight, err error) {
	var asked time.Duration
	if err != nil && v.cfg.RetryAfter != nil {
		asked = v.cfg.RetryAfter(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flight != f {
		return
	}
	v.flight, v.lastErr, f.err = nil, err, err
	if err == nil {
		v.failures, v.retryAt = 0, time.Time{}
	} else {
		v.failures++
		v.retryAt = time.Now().Add(backoff(v.failures, asked))
		if f.cause == CauseForced {
			v.forcedAt = f.lastForced
		}
	}
	close(f.done)
}

// report tells the owner. It runs in a goroutine of our own, where a panic of the owner's would end the process, which
// is too high a price for a report.
func (v *Value[T]) report(ctx context.Context, a Attempt[T]) {
	if v.cfg.OnFetch == nil {
		return
	}
	defer func() { _ = recover() }()
	v.cfg.OnFetch(ctx, a)
}
