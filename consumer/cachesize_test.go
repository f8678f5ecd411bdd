package consumer_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// The cache holds as many tokens as its size says: each is verified once, however they are distributed.
func TestCacheHoldsCacheSizeTokens(t *testing.T) {
	t.Parallel()
	const size = 10_000
	issuer := newIssuer("HS256")
	kid, secret := issuer.Key("HS256")
	c := newConsumer(t, consumer.Config{
		Issuer: issuer.URL(), Audience: []string{audience},
		Keys: jwks.Static{{ID: kid, Algorithm: "HS256", Public: secret}},
	})
	first := make(map[string]*consumer.Token, size)
	for range size {
		raw := hmacToken(issuer)
		first[raw] = accept(t, c, raw)
	}
	for raw, token := range first {
		if accept(t, c, raw) != token {
			t.Fatal("a cached token was evicted")
		}
	}
}

func hmacToken(issuer *bearertest.Issuer) string {
	return issuer.AccessToken().Algorithm("HS256").Sign()
}
