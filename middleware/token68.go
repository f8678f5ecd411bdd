package middleware

import (
	"errors"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/token68"
)

// formFirst replaces the error of a rejected credential if the credential is not a token68, because that means 400 and
// not 401 (RFC 6750 section 3.1). It keeps the error if the Verifier could read the token nevertheless. Only
// consumer.ProfileAWSALB reads such tokens: it accepts padding in the middle of a token.
func (p *passage) formFirst(err error) error {
	if !p.guard.jwtOnly || token68.Is(p.raw) {
		return err
	}
	e, ok := errors.AsType[*consumer.Error](err)
	if ok && e.Reason != consumer.ReasonMalformed && e.Reason != consumer.ReasonTooLarge {
		return err
	}
	return errBadCredential
}
