package benchmarks_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
	"github.com/bearerkit/bearerkit/consumer"
)

// Every library accepts valid tokens and rejects the others, with every algorithm.
func TestPeers(t *testing.T) {
	t.Parallel()
	for _, p := range peers() {
		for _, alg := range algorithms() {
			if !p.supports(alg) {
				continue
			}
			t.Run(p.name+"/"+alg, func(t *testing.T) {
				t.Parallel()
				c := corpusOf(alg)
				if p.attempts != nil {
					judge(t, c, p, false, func(raws []string) []attempt { return p.attempts(t, c.trust, raws) })
				}
				if p.handler != nil && p.name != "bare" {
					h := p.handler(t, c.trust, noContent())
					judge(t, c, p, true, func(raws []string) []attempt { return requests(t, h, raws) })
				}
			})
		}
	}
}

func judge(t *testing.T, c *corpus, p peer, handler bool, attempts func([]string) []attempt) {
	t.Helper()
	for _, way := range paths() {
		if !way.concerns(p, handler) {
			continue
		}
		for n, a := range attempts(way.tokens(c, min(way.count, 2))) {
			if err := a(); (err == nil) != way.accepted {
				t.Errorf("path %s, token %d: accepted %t, want %t: %v", way.name, n, err == nil, way.accepted, err)
			}
		}
	}
}

// A rejection has a 4xx status, not a 5xx status.
func TestHandlersRefuse(t *testing.T) {
	t.Parallel()
	for _, p := range peers() {
		if p.handler == nil || p.name == "bare" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c := corpusOf("ES256")
			h := p.handler(t, c.trust, noContent())
			for _, raws := range [][]string{c.forged(1), c.malformed(1), c.foreign(1)} {
				err := requests(t, h, raws)[0]()
				var status statusError
				if !errors.As(err, &status) || status < 400 || status > 499 {
					t.Errorf("%v, want 4xx", err)
				}
			}
		})
	}
}

// With path=first, no token is found in the cache in any round of the rotation.
func TestFirstSight(t *testing.T) {
	t.Parallel()
	for _, way := range paths() {
		if way.name != "first" && way.name != "cold" {
			continue
		}
		c := corpusOf("HS256")
		cfg := bearerkitConfig(t, trustOf(c, way))
		found := 0
		cfg.OnVerify = func(_ context.Context, v consumer.Verification) {
			if v.Cached {
				found++
			}
		}
		raws := way.tokens(c, way.count)
		v := must(consumer.New(cfg))(t)
		for range 3 {
			for _, raw := range raws {
				must(v.Verify(t.Context(), raw))(t)
			}
		}
		if found > 0 {
			t.Errorf("path %s: %d of %d tokens came from the cache", way.name, found, 3*len(raws))
		}
	}
}

func TestKeySets(t *testing.T) {
	t.Parallel()
	trusted, raws := keySet(t, 20)
	if len(raws) != 20 {
		t.Fatalf("%d tokens", len(raws))
	}
	for _, p := range peers() {
		if p.keySet {
			acceptAll(t, p.attempts(t, trusted, raws))
		}
	}
}

func TestIssuers(t *testing.T) {
	t.Parallel()
	issuers, stop := issuer.StartMany(3)
	t.Cleanup(stop)
	raws := oneOfEach(issuers)
	stranger := issuer.Token(issuers[0], 0).Set("iss", issuers[1].URL()).SetHeader("kid", "key-00001").Sign()
	for _, p := range manyIssuers(issuers) {
		attempts := p.attempts(t, trust{}, append(raws, stranger))
		acceptAll(t, attempts[:len(raws)])
		if attempts[len(raws)]() == nil {
			t.Errorf("%s: one issuer's key passes for another's", p.name)
		}
	}
}

// The tokens have the properties that the README lists.
func TestToken(t *testing.T) {
	t.Parallel()
	raw := corpusOf("RS256").good(1)[0]
	if len(raw) < 700 || len(raw) > 800 {
		t.Errorf("%d bytes", len(raw))
	}
	var claims map[string]any
	payload := must(base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1]))(t)
	if err := json.Unmarshal(payload, &claims); err != nil || len(claims) != 14 {
		t.Errorf("%d claims: %v", len(claims), err)
	}
}

// A full cache contains the tokens of path=hot. Tokens of path=cold are not cached and are accepted.
func TestFullCache(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ count, known int }{{1, 1}, {10, 5}, {3000, distinct}} {
		f := fill(t, test.count)
		if len(f.known) != test.known {
			t.Errorf("cache of %d: %d tokens at hand, want %d", test.count, len(f.known), test.known)
		}
		f.recall(t)
		if remembers(t, f.consumer, f.source.token()) {
			t.Errorf("cache of %d: a new token is remembered", test.count)
		}
	}
}

// BenchmarkMemory divides by the number of cached tokens.
func TestCountRemembered(t *testing.T) {
	t.Parallel()
	c := corpusOf("RS256")
	v, minted := bearerkitConsumer(t, c.trust), c.good(20)
	for _, want := range []int{0, 20} {
		if got := countRemembered(t, v, minted); got != want {
			t.Errorf("%d tokens are remembered, want %d", got, want)
		}
	}
}
