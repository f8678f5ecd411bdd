package benchmarks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
)

// BenchmarkForged rejects a forged token without a kid. The kit tries all keys that serve the algorithm, at most 4.
func BenchmarkForged(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256"} {
		for _, count := range []int{1, 4, 16} {
			b.Run("alg="+alg+"/lib=bearerkit/keys="+strconv.Itoa(count), func(b *testing.B) {
				t, raws := severalKeys(b, alg, count)
				attempts := bearerkit().attempts(b, t, raws)
				if err := attempts[0](); err != nil {
					b.Fatalf("a good token is rejected: %v", err)
				}
				path{accepted: false}.measure(b, attempts[1:])
			})
		}
	}
}

// severalKeys serves count keys for alg. It returns a token without a kid of the first key, and one of a key that is not
// served.
func severalKeys(tb testing.TB, alg string, count int) (trust, []string) {
	tb.Helper()
	i := issuer.Start(alg)
	tb.Cleanup(i.Close)
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	var raws []string
	for n := range count + 1 {
		key := newKey(tb, alg)
		if n < count {
			set.Keys = append(set.Keys, bearertest.JWK(strconv.Itoa(n), alg, key.Public()))
		}
		if n == 0 || n == count {
			raws = append(raws, issuer.Token(i.Issuer, n).SignWith(alg, key).SetHeader("kid", bearertest.Absent).Sign())
		}
	}
	i.SetJWKS(must(json.Marshal(set))(tb))
	return trust{issuer: i.URL(), jwksURI: i.JWKSURI(), audience: issuer.Audience, alg: alg, cacheSize: -1}, raws
}

// newKey returns a key for alg, which is ES256 or RS256.
func newKey(tb testing.TB, alg string) crypto.Signer {
	tb.Helper()
	if alg == "RS256" {
		return must(rsa.GenerateKey(rand.Reader, 2048))(tb)
	}
	return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(tb)
}

// The forged token is rejected after 4 keys at most.
func TestSeveralKeys(t *testing.T) {
	t.Parallel()
	for _, count := range []int{1, 4, 16} {
		trusted, raws := severalKeys(t, "ES256", count)
		tell(t, bearerkit().attempts(t, trusted, raws))
	}
}
