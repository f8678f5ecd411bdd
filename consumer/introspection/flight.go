package introspection

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/digest"
)

// flight is one introspection, shared by all callers that wait for it.
type flight struct {
	drops []match       // of the calls of Drop since it began; Verifier.mu guards it
	done  chan struct{} // closed when the fields below are set and the result is cached
	token *consumer.Token
	err   error
}

// match is an argument of Drop.
type match = func(consumer.StatusToken) bool

// maxDrops is how many matches of Drop a flight stores. After more calls of Drop, its result is not cached.
const maxDrops = 100

// drop stores the match of a call of Drop, for keep. Verifier.mu must be locked.
func (f *flight) drop(m match) {
	switch n := len(f.drops); {
	case n < maxDrops:
		f.drops = append(f.drops, m)
	case n == maxDrops:
		f.drops = append(f.drops, all)
	}
}

// all is the match of a Drop that removes everything.
func all(consumer.StatusToken) bool { return true }

// landed returns a flight that has ended with this result.
func landed(token *consumer.Token, err error) *flight {
	f := &flight{done: make(chan struct{}), token: token, err: err}
	close(f.done)
	return f
}

// join returns the running introspection of the token with the digest d, or starts one. It returns an error if no request
// may be sent now.
func (v *Verifier) join(ctx context.Context, raw string, d digest.Sum, known bool) (*flight, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	// After a Drop, a result of a request that was sent before does not count.
	if f, ok := v.flights[d]; ok && len(f.drops) == 0 {
		return f, nil
	}
	// A flight may have ended after this caller has looked into the caches.
	if token, fresh := v.active.get(d); fresh {
		return landed(token, nil), nil
	}
	if err := v.inactive.get(d); err != nil {
		return landed(nil, err), nil
	}
	if v.breaker.isPaused(time.Now()) {
		return nil, v.paused()
	}
	if !v.places.enter(known) {
		return nil, v.unavailable("too many introspections are waiting (Config.MaxConcurrent)", nil)
	}
	f := &flight{done: make(chan struct{})}
	v.flights[d] = f
	v.running[f] = struct{}{}
	// The request does not end with the caller that has started it, because other callers may wait for it.
	go v.fly(context.WithoutCancel(ctx), f, raw, d, known)
	return f, nil
}

// grace is how long a caller waits after Config.Timeout, so that it receives the error of the introspection.
const grace = 100 * time.Millisecond

// wait waits for the result of f, until ctx ends, and not much longer than Config.Timeout: a function of the application may
// ignore the end of its context. Leaving early affects neither the request nor other callers.
func (v *Verifier) wait(ctx context.Context, f *flight) (*consumer.Token, error) {
	select {
	case <-f.done: // without this, a select could choose ctx although there is a result
	default:
		timer := time.NewTimer(v.cfg.Timeout + grace)
		defer timer.Stop()
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, v.gaveUp(ctx.Err())
		case <-timer.C:
			return nil, v.unavailable("no result within Config.Timeout", nil)
		}
	}
	if e, ok := errors.AsType[*consumer.Error](f.err); ok {
		own := *e // callers may change their error
		return nil, &own
	}
	return f.token, f.err
}

// gaveUp returns the error for a caller that does not wait any longer.
func (v *Verifier) gaveUp(cause error) error {
	if errors.Is(cause, context.Canceled) {
		return consumer.NewError(consumer.ReasonCanceled, v.issuer, "the client canceled the request", cause)
	}
	return v.unavailable("the request to the API ended before the introspection", cause)
}

// fly introspects a token, caches the result, and passes it to all callers. It runs in a goroutine of its own, so it recovers
// from panics of the application's code, which would end the process.
func (v *Verifier) fly(ctx context.Context, f *flight, raw string, d digest.Sum, known bool) {
	began := time.Now()
	f.err = consumer.NewError(consumer.ReasonInternal, v.issuer, "a function of the Config has ended its goroutine", nil)
	defer func() {
		if recover() != nil {
			f.err = consumer.NewError(consumer.ReasonInternal, v.issuer, "a function of the Config has panicked", nil)
		}
		if f.err != nil {
			f.token = nil
		}
		v.land(f, d, known)
		v.observe(ctx, f, time.Since(began))
	}()
	limited, cancel := context.WithTimeout(ctx, v.cfg.Timeout)
	defer cancel()
	asked, t, err := v.introspect(limited, raw, known)
	v.keep(f, d, t, err, asked)
	f.token, f.err = t, err
}

// land ends a flight. The result must be cached before, so that a caller that finds no flight finds the result.
func (v *Verifier) land(f *flight, d digest.Sum, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.places.leave(known)
	delete(v.running, f)
	if v.flights[d] == f { // after a Drop, it may be another one
		delete(v.flights, d)
	}
	close(f.done)
}

// keep caches the result of a flight, unless a Drop since its beginning may have been about it. Failures are not cached. asked
// is when the request was sent.
func (v *Verifier) keep(f *flight, d digest.Sum, t *consumer.Token, err error, asked clock.Instant) {
	e, failed := errors.AsType[*consumer.Error](err)
	for checked := 0; ; {
		drops, kept := v.keepUnless(f, checked, func() {
			switch {
			case err == nil:
				v.inactive.remove(d)
				v.active.add(d, t, asked)
			case failed && errors.Is(e, consumer.ErrInvalidToken):
				v.active.remove(d)
				v.inactive.add(d, e, asked)
			}
		})
		if kept || err != nil { // Drop removes all rejections
			return
		}
		for _, matches := range drops { // without the lock, because it is code of the application
			if matches(t) {
				return
			}
		}
		checked += len(drops)
	}
}

// keepUnless calls keep, which adds the result of f to the caches, unless there were calls of Drop after the first checked ones.
// It then returns their matches. A Drop that begins later finds what keep has added.
func (v *Verifier) keepUnless(f *flight, checked int, keep func()) (unchecked []match, kept bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(f.drops) > checked {
		return f.drops[checked:], false
	}
	keep()
	return nil, true
}

// observe calls Config.OnIntrospect.
func (v *Verifier) observe(ctx context.Context, f *flight, took time.Duration) {
	if v.cfg.OnIntrospect == nil {
		return
	}
	defer func() { _ = recover() }() // a panic of the application must not end the process
	i := Introspection{Issuer: v.issuer, Duration: took}
	if e, ok := errors.AsType[*consumer.Error](f.err); ok {
		i.Reason = e.Reason
	}
	v.cfg.OnIntrospect(ctx, i)
}
