package main

import (
	"context"
	"errors"
	"time"

	"github.com/coder/websocket"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const (
	recheckEvery = time.Second // the longest time that a revoked token is still served
	tickEvery    = time.Second
	writeWait    = 10 * time.Second // the time limit for one message to a slow client
)

var errStopping = errors.New("the program stops")

// whileGood returns a context that ends when the token of the request expires or is revoked, or when the program stops.
func whileGood(program, request context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(request)
	forget := context.AfterFunc(program, func() { end(errStopping) })
	ctx, cancel := middleware.Recheck(ctx, recheckEvery)
	return ctx, func() {
		forget()
		cancel()
		end(nil)
	}
}

// ending is the reason for the end of a stream, as the client receives it. It never contains the text of an error. Only clients
// whose token was accepted at first receive a reason.
type ending struct {
	reason string
	code   websocket.StatusCode
}

// endingOf returns the reason why ctx ended. Code 1008, StatusPolicyViolation (RFC 6455 section 7.4.1), means that the
// client needs another token. With the other codes it can retry with the same token.
func endingOf(ctx context.Context) ending {
	cause := context.Cause(ctx)
	refusal, _ := errors.AsType[*consumer.Error](cause)
	switch {
	case errors.Is(cause, errStopping):
		return ending{"stopping", websocket.StatusGoingAway}
	case errors.Is(cause, consumer.ErrUnavailable): // the status of the token could not be determined
		return ending{"unavailable", websocket.StatusTryAgainLater}
	case refusal != nil && refusal.Reason == consumer.ReasonExpired:
		return ending{"expired", websocket.StatusPolicyViolation}
	case refusal != nil && refusal.Reason == consumer.ReasonRevoked:
		return ending{"revoked", websocket.StatusPolicyViolation}
	}
	return ending{"ended", websocket.StatusPolicyViolation}
}
