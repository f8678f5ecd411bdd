package middleware

import (
	"context"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

const defaultRecheck = time.Minute

// Deadline returns a context that ends when the token in ctx does, for responses that outlast it: WebSockets,
// server-sent events, long polls. Its [context.Cause] then is a [*consumer.Error] with ReasonExpired. The clock skew that
// verification grants is not granted here.
//
// Without a token in ctx the context has ended already, and the cause is [ErrNoToken]: behind a Guard with
// Config.Optional ask [TokenFromContext] first.
func Deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	token, ok := TokenFromContext(ctx)
	if !ok {
		ended, cancel := context.WithCancelCause(ctx)
		cancel(ErrNoToken)
		return ended, func() {}
	}
	expired := &consumer.Error{Reason: consumer.ReasonExpired, Issuer: token.Issuer()}
	return context.WithDeadlineCause(ctx, token.Expiry(), expired)
}

// Recheck is [Deadline] for responses that last so long that a token may be revoked meanwhile: the context also ends when
// the Guard, asked again every so often, would not let the request pass any more. Its [context.Cause] then is what the
// request would be refused for: the error of Config.Verifier, or the [*Refusal] of a rule. What cannot be found out is no
// yes, so an outage ends it too; the cause matches [consumer.ErrUnavailable], and the client may try again.
//
// Every so often is at most what the API can bear to serve a revoked token; each time costs what a request with a
// remembered token does. Zero or less: every minute. It is the Guard of now that is asked, also after [Guard.Replace].
//
// Call the CancelFunc when the response has ended. A token that [ContextWithToken] has put into ctx has no Guard, and is
// not checked again.
func Recheck(ctx context.Context, every time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := Deadline(ctx)
	p := passageOf(ctx)
	if ctx.Err() != nil || p.guard == nil {
		return ctx, stop
	}
	if every <= 0 {
		every = defaultRecheck
	}
	ctx, end := context.WithCancelCause(ctx)
	go p.recheck(ctx, every, end)
	return ctx, func() { stop(); end(nil) }
}

func (p *passage) recheck(ctx context.Context, every time.Duration, end context.CancelCauseFunc) {
	ticker := time.NewTicker(every)
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

// stillPasses asks for every With that the request came through. It runs in a goroutine of our own, where a panic of the
// application's would end the process.
func (p *passage) stillPasses(ctx context.Context) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &consumer.Error{Reason: consumer.ReasonInternal, Err: fmt.Errorf("middleware: panic: %v", fault)}
		}
	}()
	for ; p != nil; p = p.outer() {
		if p.guard == nil || p.token == nil {
			continue
		}
		again := passage{Context: p.Context, guard: p.guard.first.now(), rules: p.rules, raw: p.raw}
		if again.token, err = again.verifyNow(ctx); err != nil {
			return err
		}
		if err := again.meet(ctx); err != nil {
			return err
		}
	}
	return nil
}
