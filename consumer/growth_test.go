package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// cost is what one verification allocates.
type cost struct{ objects, bytes float64 }

func (c cost) String() string { return fmt.Sprintf("%.1f objects of %.0f bytes", c.objects, c.bytes) }

// exceeds leaves room for what grows now and then, such as a map.
func (c cost) exceeds(other cost) bool {
	return c.objects > other.objects+1 || c.bytes > other.bytes+256
}

// costOf verifies the tokens in turn until it has measured the cost of one verification. All of them are valid.
func costOf(t *testing.T, v consumer.Verifier, raws ...string) cost {
	t.Helper()
	const runs = 256
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as testing.AllocsPerRun does
	ctx := t.Context()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range runs {
		if _, err := v.Verify(ctx, raws[i%len(raws)]); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return cost{float64(after.Mallocs-before.Mallocs) / runs, float64(after.TotalAlloc-before.TotalAlloc) / runs}
}

// manyKeys are so many keys: the one that issuer signs with is the last.
func manyKeys(t *testing.T, issuer *bearertest.Issuer, n int) jwks.Static {
	t.Helper()
	own := publishedKeys(t, issuer)
	_, other := newIssuer().Key("ES256")
	keys := make(jwks.Static, n-1, n)
	for i := range keys {
		keys[i] = jwks.Key{ID: "other-" + strconv.Itoa(i), Algorithm: "ES256", Public: other}
	}
	return append(keys, own...)
}

// jwkSet publishes keys.
func jwkSet(t *testing.T, keys jwks.Static) []byte {
	t.Helper()
	set := make([]map[string]any, len(keys))
	for i, key := range keys {
		set[i] = bearertest.JWK(key.ID, key.Algorithm, key.Public)
	}
	document, err := json.Marshal(map[string]any{"keys": set})
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// A verification costs the same whether the issuer has one key or a thousand, given by hand or published.
func TestCostDoesNotGrowWithKeys(t *testing.T) { //nolint:paralleltest // allocations are counted
	for _, kind := range []string{"given", "published"} {
		costs := make(map[int]cost)
		for _, n := range []int{1, 1000} {
			issuer := newIssuer()
			keys := manyKeys(t, issuer, n)
			cfg := consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys, CacheSize: -1}
			if kind == "published" {
				issuer.SetJWKS(jwkSet(t, keys))
				cfg.Keys, cfg.HTTPClient, cfg.KeyCache.MaxKeys = nil, issuer.Client(), n
			}
			c := newConsumer(t, cfg)
			raw := issuer.AccessToken().Sign()
			accept(t, c, raw)
			costs[n] = costOf(t, c, raw)
		}
		t.Logf("%s keys: 1: %v, 1000: %v", kind, costs[1], costs[1000])
		if costs[1000].exceeds(costs[1]) {
			t.Errorf("%s keys: %v with 1000 keys, %v with one", kind, costs[1000], costs[1])
		}
	}
}

// A verification costs the same with one issuer and with ten thousand, in Consumers or from Resolve, for a new token
// and a cached one.
func TestCostDoesNotGrowWithIssuers(t *testing.T) { //nolint:paralleltest // allocations are counted
	if testing.Short() {
		t.Skip("creates 10 000 Consumers")
	}
	const many = 10_000
	issuer := newIssuer()
	raw := issuer.AccessToken().Sign()
	all := manyConsumers(t, issuer, many)
	for _, kind := range []string{"known", "resolved"} {
		for _, size := range []int{-1, 10} {
			costs := make(map[int]cost)
			for _, n := range []int{1, many} {
				g := groupOf(t, all[many-n:], kind, size)
				accept(t, g, raw)
				costs[n] = costOf(t, g, raw)
			}
			t.Logf("%s issuers, cache of %d: 1: %v, %d: %v", kind, size, costs[1], many, costs[many])
			if costs[many].exceeds(costs[1]) {
				t.Errorf("%s issuers, cache of %d: %v with %d issuers, %v with one", kind, size, costs[many], many, costs[1])
			}
		}
	}
}

// manyConsumers are those of so many issuers. The last one is that of issuer.
func manyConsumers(t *testing.T, issuer *bearertest.Issuer, n int) []*consumer.Consumer {
	t.Helper()
	all := make([]*consumer.Consumer, n)
	cfg := offline(t, issuer)
	for i := range all {
		cfg.Issuer = fmt.Sprintf("https://%d.test", i)
		if i == n-1 {
			cfg.Issuer = issuer.URL()
		}
		all[i] = newConsumer(t, cfg)
	}
	return all
}

func groupOf(t *testing.T, consumers []*consumer.Consumer, kind string, cacheSize int) *consumer.Group {
	t.Helper()
	if kind == "known" {
		return newGroup(t, consumer.GroupConfig{Consumers: consumers, CacheSize: cacheSize})
	}
	byIssuer := make(map[string]*consumer.Consumer)
	for _, c := range consumers {
		byIssuer[c.Issuer()] = c
	}
	g := newGroup(t, consumer.GroupConfig{
		CacheSize: cacheSize, MaxResolved: len(consumers),
		Resolve: func(_ context.Context, issuer string) (*consumer.Consumer, error) { return byIssuer[issuer], nil },
	})
	draft := unsignedDraft(newIssuer())
	for issuer := range byIssuer { // to have them resolved; what comes of the token does not matter
		reject(t, g, draft.Set("iss", issuer).Sign(), consumer.ReasonSignature)
	}
	return g
}

// Neither a cached token nor a new one costs more if ten thousand others are cached.
func TestCostDoesNotGrowWithCachedTokens(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := newIssuer("HS256")
	for _, kind := range []string{"consumer", "group"} {
		fresh := make([]string, 256)
		hot, cold := make(map[int]cost), make(map[int]cost)
		for _, n := range []int{1, 10_000} {
			c := newConsumer(t, hmacOnly(issuer))
			v := consumer.Verifier(c)
			if kind == "group" {
				v = newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
			}
			var raw string
			for range n {
				raw = hmacToken(issuer)
				accept(t, v, raw)
			}
			for i := range fresh {
				fresh[i] = hmacToken(issuer)
			}
			hot[n], cold[n] = costOf(t, v, raw), costOf(t, v, fresh...)
		}
		t.Logf("%s: hot %v, then %v; cold %v, then %v", kind, hot[1], hot[10_000], cold[1], cold[10_000])
		if hot[1].objects >= 1 || hot[10_000].objects >= 1 {
			t.Errorf("%s: a cached token costs %v, among 10000 %v", kind, hot[1], hot[10_000])
		}
		if cold[10_000].exceeds(cold[1]) {
			t.Errorf("%s: a new token costs %v, among 10000 %v", kind, cold[1], cold[10_000])
		}
	}
}
