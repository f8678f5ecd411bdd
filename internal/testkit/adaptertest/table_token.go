package adaptertest

import (
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
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
			want:   refused(http.StatusUnauthorized, spoilt.reason, invalidToken),
		})
	}
	return rows
}
