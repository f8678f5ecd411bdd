package consumer

import (
	"context"
	"errors"
	"time"
)

// Verification is what [Config.OnVerify] is told. It holds nothing of the token.
type Verification struct {
	// Issuer is the configured issuer, so a bounded set of values.
	Issuer string

	// Reason is empty if the token is good.
	Reason Reason

	// Cached is true if the signature had been checked for an earlier request.
	Cached bool

	// Duration is how long it took.
	Duration time.Duration
}

// outcome ends a verification: the error says whose it was, no token goes with an error, and OnVerify is told.
func (c *Consumer) outcome(ctx context.Context, start time.Time, t *Token, err error) (*Token, error) {
	e, failed := errors.AsType[*Error](err)
	if failed {
		e.Issuer, t = c.cfg.Issuer, nil
	}
	if c.cfg.OnVerify != nil {
		c.cfg.OnVerify(ctx, c.verification(start, t, e))
	}
	return t, err
}

func (c *Consumer) verification(start time.Time, t *Token, e *Error) Verification {
	v := Verification{Issuer: c.cfg.Issuer, Duration: time.Since(start)}
	if e != nil {
		v.Reason = e.Reason
		return v
	}
	v.Cached = t.verifiedAt.Before(start)
	return v
}
