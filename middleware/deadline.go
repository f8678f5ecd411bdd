package middleware

import (
	"context"

	"github.com/bearerkit/bearerkit/consumer"
)

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
