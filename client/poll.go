package client

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	defaultInterval = 5 * time.Second // RFC 8628, Section 3.2
	slowDown        = 5 * time.Second // RFC 8628, Section 3.5
	maxBackoff      = time.Minute
)

// poll calls try until the user has decided on another device (RFC 8628, Section 3.5). It waits before each call:
//
//	at first                                     interval
//	after ErrAuthorizationPending                interval
//	after ErrSlowDown                            5 seconds longer than before, from then on
//	if the server is unavailable                 twice as long each time, up to maxBackoff
//	if the response has a Retry-After header     at least that long, at most fetch.MaxRetryAfter
//
// It returns the result of try once that is final. It returns ErrExpiredToken at end, and ctx.Err() if ctx ends first. If
// the server was unavailable at last, the text of that error says why.
func poll(ctx context.Context, interval time.Duration, end time.Time, try func(context.Context) (*Token, error)) (*Token, error) {
	if interval <= 0 {
		interval = defaultInterval
	}
	backoff := interval
	var outage error // of the last call
	for wait := interval; ; {
		if err := sleep(ctx, wait, end); err != nil {
			return nil, withOutage(err, outage)
		}
		t, err := try(ctx)
		outage = nil
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
			wait, outage = backoff, err
		default:
			return t, err
		}
		if refusal != nil {
			wait = max(wait, refusal.RetryAfter)
		}
	}
}

// withOutage adds the text of outage to err. The result does not match ErrUnavailable: a later attempt with the same code
// would fail.
func withOutage(err, outage error) error {
	if outage == nil {
		return err
	}
	return fmt.Errorf("%w; the last request failed: %s", err, outage.Error())
}

// sleep waits, but not past end or the end of ctx. It goes by the monotonic clock: the server decides whether a code is
// still valid, and a device may set its wall clock while its user signs in.
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
