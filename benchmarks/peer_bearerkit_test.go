package benchmarks_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// bearerkit is set up as in its README: issuer and audience, keys by discovery.
func bearerkit() peer {
	return peer{
		name:     "bearerkit",
		attempts: verifying(bearerkitVerify),
		handler: func(tb testing.TB, t trust, next http.Handler) http.Handler {
			g := must(middleware.New(middleware.Config{Verifier: bearerkitConsumer(tb, t)}))(tb)
			return g.Handler(next)
		},
		keySet: true,
	}
}

func bearerkitVerify(tb testing.TB, t trust) verify {
	c := bearerkitConsumer(tb, t)
	return func(ctx context.Context, raw string) error {
		_, err := c.Verify(ctx, raw)
		return err
	}
}

func bearerkitConsumer(tb testing.TB, t trust) *consumer.Consumer {
	tb.Helper()
	return must(consumer.New(bearerkitConfig(tb, t)))(tb)
}

func bearerkitConfig(tb testing.TB, t trust) consumer.Config {
	cfg := consumer.Config{
		Issuer:     t.issuer,
		Audience:   []string{t.audience},
		Algorithms: []string{t.alg},
		CacheSize:  t.cacheSize,
		KeyCache:   jwks.Config{MaxKeys: t.keys},
	}
	if t.alg == "HS256" {
		cfg.Keys = must(jwks.Secret(t.secret(), t.alg))(tb)
	}
	return cfg
}
