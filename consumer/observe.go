package consumer

import (
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/quirk"
)

// Verification describes one verification for [Config.OnVerify]. Except for the issuer, it contains no part of the
// token.
type Verification struct {
	// Issuer is Config.Issuer of the Consumer. It can be a metric label: the number of its values is the number of
	// issuers.
	Issuer string

	// Reason says why the token was rejected. It is empty if the token was accepted.
	Reason Reason

	// Cached is true if the token was in the cache, so that its signature was not verified again.
	Cached bool

	// Duration is how long the verification took.
	Duration time.Duration

	// Quirks lists the harmless deviations in tokens and metadata that were accepted and that no earlier Verification of
	// this Consumer has listed. Those of key sets are in [jwks.Refresh]. Nil: there are no new ones.
	Quirks []quirk.Quirk
}

// verification describes the verification that began at start and ended with t or err.
func (c *Consumer) verification(start time.Time, t *Token, err error) Verification {
	v := Verification{Issuer: c.cfg.Issuer, Duration: time.Since(start), Quirks: c.quirks.report()}
	if e, failed := errors.AsType[*Error](err); failed {
		v.Reason = e.Reason
		return v
	}
	v.Cached = t.VerifiedAt().Before(start)
	return v
}
