package benchmarks_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
)

// trust contains the settings that every library is configured with.
type trust struct {
	issuer   string // the issuer identifier; its metadata and keys are served on loopback
	jwksURI  string
	audience string
	alg      string
	key      any // the public key, or for HS256 the secret, for libraries that are configured with one
	keys     int // the number of keys in the set, for libraries that limit it; zero: few

	// cacheSize is the size of a cache of verified tokens. Zero: the default of the library; negative: disabled. All other
	// caches are set up as in the documentation of the library.
	cacheSize int
}

func (t trust) secret() []byte {
	secret, _ := t.key.([]byte)
	return secret
}

// attempt verifies one token. A nil error means that it was accepted.
type attempt func() error

// peer is a measured library.
type peer struct {
	name    string   // as in the names of the benchmarks
	modules []string // whose versions are recorded with the results
	without []string // algorithms that the library, set up like this, does not verify

	// attempts returns one attempt for each token. Nil: the library has no function that verifies a token.
	attempts func(tb testing.TB, t trust, raws []string) []attempt

	// handler returns next with the middleware of the library. Nil: the library has no HTTP middleware.
	handler func(tb testing.TB, t trust, next http.Handler) http.Handler

	// keySet is true if the library reads a key set from a URL.
	keySet bool
}

func (p peer) supports(alg string) bool { return !slices.Contains(p.without, alg) }

// peers returns the libraries in the order of the benchmarks, the bare check first.
func peers() []peer {
	return []peer{
		bare(), bearerkit(), golangJWT(), goOIDC(), jwxV2(), jwxV3(), auth0(), zitadel(), jwtauthV5(), echoJWT(), goSDK(),
	}
}

// verify is the usual form of a function that verifies a token.
type verify func(ctx context.Context, raw string) error

// verifying returns a peer.attempts for a function that sets up a library.
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

// must fails the test if a library cannot be set up.
func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}
