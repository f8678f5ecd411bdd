package adaptertest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// tokens returns rows about tokens with one fault each. The client receives the same response for all of them.
func tokens() []row {
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	claim := func(name string, value any) func(*bearertest.Issuer) http.Header {
		return spoiled(func(t *bearertest.Token) *bearertest.Token { return t.Set(name, value) })
	}
	parameter := func(name string, value any) func(*bearertest.Issuer) http.Header {
		return spoiled(func(t *bearertest.Token) *bearertest.Token { return t.SetHeader(name, value) })
	}
	unsigned := spoiled(func(t *bearertest.Token) *bearertest.Token { return t.SignWith("none", nil) })
	tampered := spoiled(func(t *bearertest.Token) *bearertest.Token {
		return t.EditSignature(func(s []byte) []byte { return append(s[1:], s[0]) })
	})
	confirmation := map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}

	var rows []row
	for _, spoilt := range []struct {
		name   string
		header func(*bearertest.Issuer) http.Header
		reason consumer.Reason
	}{
		{"too large", claim("pad", strings.Repeat("x", 16<<10)), consumer.ReasonTooLarge},
		{"malformed", authorization("Bearer x.y"), consumer.ReasonMalformed},
		{"not signed", unsigned, consumer.ReasonAlgorithm},
		{"crit", parameter("crit", []string{"exp"}), consumer.ReasonCritical},
		{"other typ", parameter("typ", "dpop+jwt"), consumer.ReasonType},
		{"ID token", func(i *bearertest.Issuer) http.Header {
			return http.Header{"Authorization": {"Bearer " + i.IDToken().Set("aud", "https://api.test").Sign()}}
		}, consumer.ReasonType},
		{"other issuer", claim("iss", "https://other.test"), consumer.ReasonIssuer},
		{"unknown kid", parameter("kid", "other"), consumer.ReasonUnknownKey},
		{"signature", tampered, consumer.ReasonSignature},
		{"no exp", claim("exp", bearertest.Absent), consumer.ReasonClaims},
		{"other audience", claim("aud", "https://other.test"), consumer.ReasonAudience},
		{"expired", claim("exp", in(-time.Hour)), consumer.ReasonExpired},
		{"not yet valid", claim("nbf", in(time.Hour)), consumer.ReasonNotYetValid},
		{"issued in the future", claim("iat", in(time.Hour)), consumer.ReasonIssuedInFuture},
		{"bound to a key", claim("cnf", confirmation), consumer.ReasonBinding},
	} {
		rows = append(rows, row{
			name:   "token: " + spoilt.name,
			header: spoilt.header,
			want:   unnamed(refused(http.StatusUnauthorized, spoilt.reason, invalidToken)),
		})
	}
	return rows
}

// unnamed is expected if no token was verified.
func unnamed(w want) want {
	w.decided = "-"
	return w
}

// verifiers returns rows about an audience that depends on the request, and about a Verifier of the application.
func verifiers() []row {
	custom := func(token func() (*consumer.Token, error)) func(*world) (group, own []Guarded) {
		return set(func(_ *consumer.Config, g *middleware.Config) { g.Verifier = verifierFunc(token) })
	}
	byKey, internal := passed(), unverified(http.StatusInternalServerError, consumer.ReasonInternal, "")
	byKey.verified = 0 // by no Consumer
	// The Verifier receives the context of the request, with the values that net/http and other middleware have added.
	perTenant := func(name string) func(*world) (group, own []Guarded) {
		return set(func(c *consumer.Config, _ *middleware.Config) {
			c.Audience, c.AudienceFunc = nil, func(ctx context.Context) []string {
				if ctx.Value(http.ServerContextKey) == nil {
					return nil
				}
				return []string{name}
			}
		})
	}
	return []row{
		{name: "audience of the tenant", guards: perTenant("https://api.test"), want: passed()},
		{
			name: "audience of another tenant", guards: perTenant("https://other.test"),
			want: unnamed(refused(http.StatusUnauthorized, consumer.ReasonAudience, invalidToken)),
		},
		{name: "API key", header: authorization("Bearer key-7"), guards: custom(func() (*consumer.Token, error) {
			return consumer.NewToken("https://keys.test", json.RawMessage(`{"sub":"alice"}`))
		}), want: byKey},
		{name: "API key that is not valid", header: authorization("Bearer key-8"), guards: custom(func() (*consumer.Token, error) {
			return nil, consumer.ErrInvalidToken
		}), want: unverified(http.StatusUnauthorized, consumer.ReasonInactive, invalidToken)},
		{name: "Verifier returns a zero token", header: authorization("Bearer key-7"), guards: custom(func() (*consumer.Token, error) {
			return &consumer.Token{}, nil
		}), want: internal},
		{name: "Verifier returns nothing", header: authorization("Bearer key-7"), guards: custom(func() (*consumer.Token, error) {
			return nil, nil
		}), want: internal},
	}
}

// verifierFunc is a Verifier with a constant result.
type verifierFunc func() (*consumer.Token, error)

// Verify implements [consumer.Verifier].
func (f verifierFunc) Verify(context.Context, string) (*consumer.Token, error) { return f() }
