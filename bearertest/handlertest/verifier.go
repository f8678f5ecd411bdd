package handlertest

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Verifier is a [consumer.Verifier] for one test. It accepts the credentials that its own method Credential returns. Each of them
// begins with a random value that only this Verifier knows. Create it with [NewVerifier]; the zero Verifier rejects everything. It
// is safe for concurrent use.
type Verifier struct {
	tb     testing.TB
	marker string // the beginning of its credentials
	ended  atomic.Bool
}

// NewVerifier returns a Verifier that works until the test ends.
func NewVerifier(tb testing.TB) *Verifier {
	tb.Helper()
	inTest()
	v := &Verifier{tb: tb, marker: rand.Text()}
	tb.Cleanup(func() { v.ended.Store(true) })
	return v
}

// Credential returns a credential for the Authorization header. The scheme is Bearer, or DPoP if the claims bind the token to a DPoP
// key (`jkt` in `cnf`). The credential contains the claims that [Token] describes, readable and without a signature. If the claims
// are not valid, the test fails, so call Credential from the goroutine of the test.
func (v *Verifier) Credential(claims map[string]any) string {
	v.tb.Helper()
	text := encode(v.tb, complete(claims))
	newToken(v.tb, text) // fails the test if the claims are not valid
	return v.marker + "." + base64.RawURLEncoding.EncodeToString(text)
}

// Verify implements [consumer.Verifier]. It rejects a credential that this Verifier has not made, and one whose exp has passed or
// whose nbf has not been reached, without a clock skew. It does not check the audience. The rules of the Guard check other claims.
// The errors are of type [*consumer.Error], like those of a Consumer.
func (v *Verifier) Verify(_ context.Context, raw string) (*consumer.Token, error) {
	marker, encoded, _ := strings.Cut(raw, ".")
	if v.marker == "" || subtle.ConstantTimeCompare([]byte(marker), []byte(v.marker)) != 1 {
		return nil, rejected(consumer.ReasonMalformed, "the credential is not from the method Credential of this Verifier")
	}
	if v.ended.Load() {
		return nil, rejected(consumer.ReasonInactive, "the test of this Verifier has ended")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, rejected(consumer.ReasonMalformed, "the credential was changed")
	}
	var named struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(text, &named); err != nil {
		return nil, rejected(consumer.ReasonMalformed, "the credential was changed")
	}
	token, err := consumer.NewToken(named.Issuer, text)
	if err != nil {
		return nil, rejected(consumer.ReasonClaims, "the credential was changed")
	}
	now := time.Now()
	if expiry := token.Expiry(); !expiry.IsZero() && !now.Before(expiry) {
		return nil, rejected(consumer.ReasonExpired, "exp has passed")
	}
	if now.Before(token.NotBefore()) {
		return nil, rejected(consumer.ReasonNotYetValid, "nbf is in the future")
	}
	return token, nil
}

func rejected(reason consumer.Reason, detail string) error {
	return consumer.NewError(reason, "", detail, nil)
}
