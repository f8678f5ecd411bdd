package middleware

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
)

const defaultRecheck = time.Minute // the interval of Recheck if it is zero or less

// Deadline returns a context that ends when the token in ctx expires. Use it for long responses, such as WebSockets,
// server-sent events and long polls. After the expiry, [context.Cause] returns a [*consumer.Error] with ReasonExpired.
// The clock skew that the verification tolerates does not extend the deadline. If the machine sleeps past the expiry,
// the context ends at most one minute after it wakes up. A token without `exp`, which only package introspection and
// custom Verifiers accept, sets no deadline.
//
// If ctx has no token, the returned context has already ended, with [ErrNoToken] as its cause. Behind a Guard with
// Config.Optional or Config.AllowPreflight, call [TokenFromContext] first.
//
// Call the CancelFunc when the response ends.
func Deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	token, ok := TokenFromContext(ctx)
	if !ok {
		ended, cancel := context.WithCancelCause(ctx)
		cancel(ErrNoToken)
		return ended, func() {}
	}
	if token.Expiry().IsZero() {
		return context.WithCancel(ctx)
	}
	expired := &consumer.Error{Reason: consumer.ReasonExpired, Issuer: token.Issuer()}
	ctx, end := context.WithCancelCause(ctx)
	ctx, stop := context.WithDeadlineCause(ctx, token.Expiry(), expired)
	watch := &wallWatch{end: end, cause: expired, began: clock.Now(), life: time.Until(token.Expiry())}
	watch.start()
	return ctx, func() { stop(); end(nil); watch.stop() }
}

// wallInterval is the longest time for which a response continues after the wall clock has jumped past the expiry.
const wallInterval = time.Minute

// wallWatch ends a context when the age of the response exceeds the remaining life of the token. The timer of a context
// stops while the machine sleeps, so after a resume it would fire too late.
type wallWatch struct {
	end   context.CancelCauseFunc
	cause error
	began clock.Instant
	life  time.Duration

	mu    sync.Mutex // guards timer
	timer *time.Timer
}

func (w *wallWatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(wallInterval, w.check)
}

// check runs every wallInterval until stop is called.
func (w *wallWatch) check() {
	if w.began.Age() > w.life {
		w.end(w.cause)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Reset(wallInterval)
	}
}

func (w *wallWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil { // a CancelFunc may be called twice
		w.timer.Stop()
		w.timer = nil
	}
}

// Recheck is like [Deadline], for long responses during which a token may be revoked. In addition, it repeats the
// checks of the request once per interval: it verifies the token again and applies the rules of the route. The returned
// context ends when the request would no longer pass. Its [context.Cause] is then the error of Config.Verifier or the
// [*Refusal] of a rule. An outage ends the context too, because a token that cannot be checked is not accepted; the
// cause then matches [consumer.ErrUnavailable].
//
// A response has no new DPoP proof and no new certificate. The token must be bound to the same key and certificate as when
// the request passed, and the Config must still accept bound tokens of that kind.
//
// A revoked token may still be served for at most the interval plus the StatusTTL of the Consumer. Each check costs as
// much as a request with a cached token. An interval of zero or less means one minute. Checks use the current Config of
// the Guard, also after [Guard.Replace].
//
// Call the CancelFunc when the response ends; until then a goroutine runs. For a token that [ContextWithToken] added,
// Recheck only does what Deadline does, because no Guard has verified that token.
func Recheck(ctx context.Context, interval time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := Deadline(ctx)
	p := passageOf(ctx)
	if ctx.Err() != nil || p.guard == nil {
		return ctx, stop
	}
	if interval <= 0 {
		interval = defaultRecheck
	}
	ctx, end := context.WithCancelCause(ctx)
	go p.recheck(ctx, interval, end)
	return ctx, func() { stop(); end(nil) }
}

// recheck ends the context when the request would no longer pass. It runs in a goroutine of its own until ctx ends.
func (p *passage) recheck(ctx context.Context, interval time.Duration, end context.CancelCauseFunc) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.stillPasses(ctx); err != nil {
			end(err)
			return
		}
	}
}

// stillPasses repeats the checks of every With that the request passed. It recovers from panics of the application's
// code, because a panic in this goroutine would end the process.
func (p *passage) stillPasses(ctx context.Context) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &consumer.Error{Reason: consumer.ReasonInternal, Err: fmt.Errorf("middleware: panic: %v", fault)}
		}
	}()
	// A request may have passed several Guards. Those of ContextWithToken and those that admitted no token are skipped.
	for ; p != nil; p = p.outer() {
		if p.guard == nil || p.token == nil {
			continue
		}
		again := passage{Context: p.Context, guard: p.guard.first.now(), rules: p.rules, raw: p.raw, proof: p.proof}
		if again.token, err = again.verifyNow(ctx); err != nil {
			return err
		}
		if err := again.stillBound(p.token); err != nil {
			return err
		}
		if err := again.apply(ctx); err != nil {
			return err
		}
	}
	return nil
}
