package client

import (
	"context"
	"errors"
	"time"
)

const (
	defaultInterval = 5 * time.Second // RFC 8628 §3.2
	slowDown        = 5 * time.Second // RFC 8628 §3.5
	maxBackoff      = time.Minute
)

// poll asks for a token until the user has decided, in another place than here (RFC 8628 §3.5). It waits before it asks. A
// server that is not reached, or that is down, is asked again after longer and longer waits; whoever asks to be left alone
// is. It ends with ctx, with an answer that is final, and at end.
func poll(ctx context.Context, interval time.Duration, end time.Time, ask func(context.Context) (*Token, error)) (*Token, error) {
	if interval <= 0 {
		interval = defaultInterval
	}
	backoff := interval
	for wait := interval; ; {
		if err := sleep(ctx, wait, end); err != nil {
			return nil, err
		}
		t, err := ask(ctx)
		refusal, _ := errors.AsType[*Error](err)
		switch _, received := errors.AsType[*IncompleteError](err); {
		case received, ctx.Err() != nil:
			return t, err
		case errors.Is(err, ErrSlowDown):
			interval += slowDown
			wait, backoff = interval, interval
		case errors.Is(err, ErrAuthorizationPending):
			wait, backoff = interval, interval
		case errors.Is(err, ErrUnavailable):
			backoff = min(2*backoff, max(maxBackoff, interval))
			wait = backoff
		default:
			return t, err
		}
		if refusal != nil {
			wait = max(wait, refusal.RetryAfter)
		}
	}
}

// sleep waits, unless ctx or the time for an answer ends first. Times are compared by the monotonic clock.
func sleep(ctx context.Context, wait time.Duration, end time.Time) error {
	left := time.Until(end)
	if left <= 0 {
		return &Error{Code: string(ErrExpiredToken)}
	}
	timer := time.NewTimer(min(wait, left))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	if wait >= left {
		return &Error{Code: string(ErrExpiredToken)}
	}
	return nil
}
