package benchmarks_test

import (
	"context"
	"testing"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// jwxV3 parses with a cached key set, or for HS256 with the key.
func jwxV3() peer {
	return peer{
		name:     "jwx-v3",
		modules:  []string{"github.com/lestrrat-go/jwx/v3"},
		attempts: verifying(jwxV3Verify),
		keySet:   true,
	}
}

func jwxV3Verify(tb testing.TB, t trust) verify {
	keys := jwxV3Keys(tb, t)
	return func(ctx context.Context, raw string) error {
		_, err := jwt.ParseString(raw, keys,
			jwt.WithContext(ctx), jwt.WithIssuer(t.issuer), jwt.WithAudience(t.audience))
		return err
	}
}

func jwxV3Keys(tb testing.TB, t trust) jwt.ParseOption {
	tb.Helper()
	if t.alg == "HS256" {
		return jwt.WithKey(jwa.HS256(), t.secret())
	}
	cache := must(jwk.NewCache(tb.Context(), httprc.NewClient()))(tb)
	if err := cache.Register(tb.Context(), t.jwksURI); err != nil {
		tb.Fatal(err)
	}
	return jwt.WithKeySet(must(cache.CachedSet(t.jwksURI))(tb))
}
