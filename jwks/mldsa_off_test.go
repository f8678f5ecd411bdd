//go:build !mldsa || !go1.27

package jwks_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/jwks"
)

// Without the build tag, the report of an ML-DSA key says how to use it. A private key is reported as such in any case.
func TestMLDSAIsOff(t *testing.T) {
	t.Parallel()
	key := jwk{"kid": "pq", "kty": "AKP", "alg": "ML-DSA-44", "pub": b64(make([]byte, 1312))}
	for part, k := range map[string]jwk{
		"-tags mldsa": key, "private key": key.with("priv", b64(make([]byte, 32))), "alg \"ML-DSA-45\"": key.with("alg", "ML-DSA-45"),
		"alg \"\"": key.with("alg", nil),
	} {
		if _, err := jwks.ParseJWKS([]byte(keySet(k))); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q", err, part)
		}
		synctest.Test(t, func(t *testing.T) {
			var i issuer
			i.serves(k, public("rsa", rsaKey()))
			var seen refreshes
			wantKey(t, i.remote(t, jwks.Config{OnRefresh: seen.hook}), "rsa", "RS256", rsaKey())
			if got := seen.last(t).Unusable; len(got) != 1 || !strings.Contains(got[0].Detail, part) {
				t.Errorf("reported %v, want %q", got, part)
			}
		})
	}
}
