package benchmarks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
	"github.com/bearerkit/bearerkit/consumer"
)

// BenchmarkIssuers measures an API with many issuers, each with its own ES256 key, for libraries that accept more than one
// issuer. path=cold rotates through a token of each issuer. path=hot repeats one token.
func BenchmarkIssuers(b *testing.B) {
	for _, count := range []int{1, 10, 100, 1000, 10_000} {
		issuers, stop := issuer.StartMany(count)
		raws := oneOfEach(issuers)
		for _, way := range paths() {
			var tokens []string
			switch way.name {
			case "cold":
				tokens = raws
			case "hot":
				tokens = raws[:1]
			default:
				continue
			}
			for _, p := range manyIssuers(issuers) {
				b.Run("alg=ES256/lib="+p.name+"/path="+way.name+"/issuers="+strconv.Itoa(count), func(b *testing.B) {
					attempts := p.attempts(b, trust{cacheSize: way.cacheSize}, tokens)
					acceptAll(b, attempts) // and keys are fetched
					way.measure(b, attempts)
				})
			}
		}
		stop()
	}
}

// oneOfEach returns a token of each issuer. The kid differs for each issuer, unlike in tokens of bearertest.
func oneOfEach(issuers []*bearertest.Issuer) []string {
	raws := make([]string, len(issuers))
	for n, i := range issuers {
		kid := fmt.Sprintf("key-%05d", n)
		_, key := i.Key("ES256")
		set, _ := json.Marshal(map[string]any{"keys": []any{bearertest.JWK(kid, "ES256", key)}})
		i.SetJWKS(set)
		raws[n] = issuer.Token(i, n).SetHeader("kid", kid).Sign()
	}
	return raws
}

// manyIssuers returns the libraries that accept a list of issuers, configured with these.
func manyIssuers(issuers []*bearertest.Issuer) []peer {
	trusting := func(setUp func(testing.TB, trust, []*bearertest.Issuer) verify) func(testing.TB, trust, []string) []attempt {
		return verifying(func(tb testing.TB, t trust) verify { return setUp(tb, t, issuers) })
	}
	return []peer{
		{name: "bearerkit", attempts: trusting(bearerkitGroup)},
		{name: "auth0", attempts: trusting(auth0Issuers)},
	}
}

// bearerkitGroup returns a Group of Consumers, which share the cache of the Group.
func bearerkitGroup(tb testing.TB, t trust, issuers []*bearertest.Issuer) verify {
	cfg := consumer.GroupConfig{CacheSize: t.cacheSize}
	for _, i := range issuers {
		t := trust{issuer: i.URL(), audience: issuer.Audience, alg: "ES256"}
		cfg.Consumers = append(cfg.Consumers, bearerkitConsumer(tb, t))
	}
	g := must(consumer.NewGroup(cfg))(tb)
	return func(ctx context.Context, raw string) error {
		_, err := g.Verify(ctx, raw)
		return err
	}
}

// auth0Issuers uses a static list, as in its README, with room for the keys of all issuers.
func auth0Issuers(tb testing.TB, _ trust, issuers []*bearertest.Issuer) verify {
	urls := make([]string, len(issuers))
	for n, i := range issuers {
		urls[n] = i.URL()
	}
	provider := must(jwks.NewMultiIssuerProvider(jwks.WithMaxProviders(len(issuers))))(tb)
	v := must(validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithm(validator.ES256),
		validator.WithIssuers(urls),
		validator.WithAudience(issuer.Audience),
	))(tb)
	return func(ctx context.Context, raw string) error {
		_, err := v.ValidateToken(ctx, raw)
		return err
	}
}
