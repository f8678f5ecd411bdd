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

// StatusCheck is what [Config.OnStatus] is told. It holds nothing of the token.
type StatusCheck struct {
	// Issuer is the configured issuer.
	Issuer string

	// Active is the answer.
	Active bool

	// Cached is true if Config.Status had been asked before and its answer was remembered.
	Cached bool

	// Duration is how long it took.
	Duration time.Duration

	// Err says that there was no answer. It is for logs and not for clients.
	Err error
}

func (c *Consumer) checkStatus(ctx context.Context, t *Token) error {
	if c.cfg.Status == nil {
		return nil
	}
	active, err := c.statusOf(ctx, t)
	switch {
	case err != nil && c.cfg.InsecureStatusFailOpen && ctx.Err() == nil:
		return nil
	case err != nil:
		return unavailable(ctx, ReasonStatusUnavailable, err)
	case !active:
		return refuse(ReasonRevoked, "")
	}
	return nil
}

func (c *Consumer) statusOf(ctx context.Context, t *Token) (active bool, err error) {
	check := StatusCheck{Issuer: c.cfg.Issuer}
	if c.cfg.OnStatus != nil {
		start := time.Now()
		defer func() {
			check.Active, check.Err, check.Duration = active, err, time.Since(start)
			c.cfg.OnStatus(ctx, check)
		}()
	}
	d, answer, ok := c.statuses.get(t)
	if ok {
		check.Cached = true
		return answer, nil
	}
	active, err = c.cfg.Status.Active(ctx, t)
	if err == nil && active {
		err = ctx.Err() // a yes that comes too late is a guess of somebody who gave up
	}
	if err == nil {
		c.statuses.add(d, active)
	}
	return active && err == nil, err
}
