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
	recheckEvery = time.Second // how long a revoked token goes on at most
	tickEvery    = time.Second
	writeWait    = 10 * time.Second // how long one message may take a slow client
)

var errStopping = errors.New("the program is told to stop")

// whileGood ends with the token of the request, or when the program is told to stop.
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

// ending is what a client is told of the end: a word of this file, and never the text of an error. The Guard tells those
// without a good token nothing, but whoever gets here had one.
type ending struct {
	reason string
	code   websocket.StatusCode
}

// endingOf tells the client whether to get another token (1008, RFC 6455 §7.4.1) or to come back with this one.
func endingOf(ctx context.Context) ending {
	cause := context.Cause(ctx)
	refusal, _ := errors.AsType[*consumer.Error](cause)
	switch {
	case errors.Is(cause, errStopping):
		return ending{"stopping", websocket.StatusGoingAway}
	case errors.Is(cause, consumer.ErrUnavailable): // nobody can tell any more whether the token is good
		return ending{"unavailable", websocket.StatusTryAgainLater}
	case refusal != nil && refusal.Reason == consumer.ReasonExpired:
		return ending{"expired", websocket.StatusPolicyViolation}
	case refusal != nil && refusal.Reason == consumer.ReasonRevoked:
		return ending{"revoked", websocket.StatusPolicyViolation}
	}
	return ending{"ended", websocket.StatusPolicyViolation}
}
