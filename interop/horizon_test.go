package interop_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// TestD2_SplitHorizon uses another name for a server than its issuer, so the metadata contains another issuer. That is an error
// in the configuration of the API. The response is 503, not 401.
func TestD2_SplitHorizon(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	localhost := strings.Replace(p.issuer, "127.0.0.1", "localhost", 1)
	c := p.newConsumer(t, consumer.Config{Issuer: localhost, Audience: []string{apiRS256}})
	wantMismatch(t, c, localhost, p.issuer)

	claimed := bearertest.NewIssuer(bearertest.IssuerConfig{URL: localhost, Audience: apiRS256})
	issued := p.machineToken(t, "cc", apiRS256, "api:read")
	s := newStory(t, "oidc-provider")
	s.guard(t, c)
	s.tell(t, "token of the configured issuer", claimed.AccessToken().Sign(), keysUnavailable())
	s.tell(t, "token of the server", issued, invalidToken(consumer.ReasonIssuer))

	s.guard(t, p.newConsumer(t, consumer.Config{
		Audience: []string{apiRS256},
		Metadata: &oidcdiscovery.Metadata{Issuer: p.issuer, JWKSURI: localhost + "/jwks"},
	}))
	s.tell(t, "token of the server, whose keys are had by another name", issued, passed("cc"))
}

// TestAttack22_TrailingSlash omits the trailing slash of the issuer.
func TestAttack22_TrailingSlash(t *testing.T) {
	t.Parallel()
	z := startZitadel(t, op.AccessTokenTypeJWT)
	slashless := strings.TrimSuffix(z.issuer, "/")
	c := z.newConsumer(t, consumer.Config{Issuer: slashless, Audience: []string{"sid1"}})
	wantMismatch(t, c, slashless, z.issuer)
	s := newStory(t, "zitadel")
	s.guard(t, c)
	s.tell(t, "token of the server", z.machineToken(t, "sid1", "", ""), invalidToken(consumer.ReasonIssuer))
}

// wantMismatch checks that the error of Warm contains both issuers.
func wantMismatch(t *testing.T, c *consumer.Consumer, want, got string) {
	t.Helper()
	err := c.Warm(t.Context())
	var mismatch *oidcdiscovery.IssuerMismatchError
	if !errors.As(err, &mismatch) || mismatch.Want != want || mismatch.Got != got {
		t.Errorf("Warm: %v, want an IssuerMismatchError of %s and %s", err, want, got)
	}
	if !errors.Is(err, consumer.ErrUnavailable) {
		t.Errorf("Warm: %v, want ErrUnavailable", err)
	}
}
