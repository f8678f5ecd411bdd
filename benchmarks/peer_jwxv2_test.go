package benchmarks_test

import (
	"context"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

// jwxV2 parses with a cached key set, or for HS256 with the key.
func jwxV2() peer {
	return peer{
		name:     "jwx-v2",
		modules:  []string{"github.com/lestrrat-go/jwx/v2"},
		attempts: verifying(jwxV2Verify),
		keySet:   true,
	}
}

func jwxV2Verify(tb testing.TB, t trust) verify {
	keys := jwxV2Keys(tb, t)
	return func(ctx context.Context, raw string) error {
		_, err := jwt.ParseString(raw, keys,
			jwt.WithContext(ctx), jwt.WithIssuer(t.issuer), jwt.WithAudience(t.audience))
		return err
	}
}

func jwxV2Keys(tb testing.TB, t trust) jwt.ParseOption {
	tb.Helper()
	if t.alg == "HS256" {
		return jwt.WithKey(jwa.HS256, t.secret())
	}
	cache := jwk.NewCache(tb.Context())
	if err := cache.Register(t.jwksURI, jwk.WithMinRefreshInterval(15*time.Minute)); err != nil {
		tb.Fatal(err)
	}
	must(cache.Refresh(tb.Context(), t.jwksURI))(tb)
	return jwt.WithKeySet(jwk.NewCachedSet(cache, t.jwksURI))
}
