package consumer

import (
	"context"
	"time"
)

// TokenStatus says whether a token that verified may still be used: a revocation list, or the tokens an issuer has
// stored. It is asked on every request, also for a remembered token, so it should be quick. It must be safe for
// concurrent use.
type TokenStatus interface {
	// Active reports whether the token may be used. An error says that it could not be found out, which refuses the
	// request with [ReasonStatusUnavailable], never lets it pass.
	Active(ctx context.Context, token StatusToken) (bool, error)
}

// StatusToken is what a TokenStatus may know of a token; a [*Token] is one. It is an alias of an unnamed interface, so
// that a store can have the method Active without importing this package.
type StatusToken = interface {
	ID() string
	Issuer() string
	Subject() string
	IssuedAt() time.Time
	Expiry() time.Time
	Claim(name string) (value any, ok bool)
}

func (c *Consumer) checkStatus(ctx context.Context, t *Token) error {
	if c.cfg.Status == nil {
		return nil
	}
	active, err := c.cfg.Status.Active(ctx, t)
	if err != nil {
		return unavailable(ctx, ReasonStatusUnavailable, err)
	}
	if !active {
		return refuse(ReasonRevoked, "")
	}
	return nil
}
