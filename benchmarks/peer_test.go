package benchmarks_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
)

// trust is what every library is told before it is measured, in its own words: whose tokens to accept, and for whom.
type trust struct {
	issuer   string // the issuer identifier; its metadata and keys are served on loopback
	jwksURI  string
	audience string
	alg      string
	key      any // the public key, or for HS256 the secret, for libraries that are handed one
	keys     int // how many keys the set holds, for libraries that bound it; zero: few

	// cacheSize is for a library with a cache of verified tokens: zero is its default, negative switches it off. All
	// other caches stay as the library's documentation has them.
	cacheSize int
}

func (t trust) secret() []byte {
	secret, _ := t.key.([]byte)
	return secret
}

// attempt verifies one token. A nil error means that it was accepted.
type attempt func() error

// peer is a library under test.
type peer struct {
	name    string   // as in the names of the benchmarks
	modules []string // whose versions are recorded with the results
	without []string // algorithms that the library, set up like this, does not verify

	// attempts makes one attempt for each token. Nil: the library has no function that verifies a token.
	attempts func(tb testing.TB, t trust, raws []string) []attempt

	// handler guards next. Nil: the library has no HTTP middleware.
	handler func(tb testing.TB, t trust, next http.Handler) http.Handler

	// keySet: the library reads a key set from a URL on its own.
	keySet bool
}

func (p peer) supports(alg string) bool { return !slices.Contains(p.without, alg) }

// peers are in the order of the benchmarks, the bare check first.
func peers() []peer {
	return []peer{
		bare(), bearerkit(), golangJWT(), goOIDC(), jwxV2(), jwxV3(), auth0(), zitadel(), jwtauthV5(), echoJWT(), goSDK(),
	}
}

// verify is how most libraries verify a token.
type verify func(ctx context.Context, raw string) error

// verifying makes peer.attempts of a function that sets a library up.
func verifying(setUp func(testing.TB, trust) verify) func(testing.TB, trust, []string) []attempt {
	return func(tb testing.TB, t trust, raws []string) []attempt {
		tb.Helper()
		v, ctx := setUp(tb, t), tb.Context()
		attempts := make([]attempt, len(raws))
		for i, raw := range raws {
			attempts[i] = func() error { return v(ctx, raw) }
		}
		return attempts
	}
}

// must ends the test if a library cannot be set up.
func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}
