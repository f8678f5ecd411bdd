package benchmarks_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
	"github.com/bearerkit/bearerkit/consumer"
)

// BenchmarkRemembered measures the kit with a full cache of verified tokens: for a token that is not in it and evicts another
// one, and for tokens that are in it. All tokens are signed with HS256, because so many are needed. -short leaves out the
// cache of a million tokens.
func BenchmarkRemembered(b *testing.B) {
	for _, count := range []int{1, 1000, 100_000, 1_000_000} {
		if testing.Short() && count > 100_000 {
			continue
		}
		var full *fullCache
		for _, way := range []struct {
			name    string
			measure func(*fullCache, *testing.B)
		}{{"cold", (*fullCache).cold}, {"hot", (*fullCache).hot}} {
			b.Run("alg=HS256/lib=bearerkit/path="+way.name+"/tokens="+strconv.Itoa(count), func(b *testing.B) {
				if full == nil { // filled once for all paths and passes
					full = fill(b, count)
				}
				runtime.GC() // collect the garbage of filling the cache
				b.ReportAllocs()
				way.measure(full, b)
			})
		}
		full = nil
		debug.FreeOSMemory() // otherwise the scavenger runs during the next benchmark
	}
}

// fullCache is a Consumer whose cache is about full.
type fullCache struct {
	consumer *consumer.Consumer
	source   *press
	known    []string
}

// fill verifies as many tokens as the cache can contain. It keeps some tokens of the last half, which are evicted last. Their
// number is the same for all sizes, so that the caches of the processor do not influence the result.
func fill(tb testing.TB, count int) *fullCache {
	tb.Helper()
	c := corpusOf("HS256")
	t := c.trust
	t.cacheSize = count
	f := &fullCache{consumer: bearerkitConsumer(tb, t), source: newPress(tb, c)}
	last, every := count/2, max(1, count/2/distinct)
	for n := range count {
		raw := f.source.token()
		must(f.consumer.Verify(tb.Context(), raw))(tb)
		if n >= count-last && n%every == 0 && len(f.known) < distinct {
			f.known = append(f.known, raw)
		}
	}
	if len(f.known) == 0 { // a cache of one
		f.known = append(f.known, f.source.token())
		must(f.consumer.Verify(tb.Context(), f.known[0]))(tb)
	}
	return f
}

// remembers reports whether raw is cached: whether its VerifiedAt is in the past.
func remembers(tb testing.TB, c *consumer.Consumer, raw string) bool {
	tb.Helper()
	began := time.Now()
	return must(c.Verify(tb.Context(), raw))(tb).VerifiedAt().Before(began)
}

func (f *fullCache) hot(b *testing.B) {
	f.recall(b)
	attempts := make([]attempt, len(f.known))
	for i, raw := range f.known {
		attempts[i] = f.attempt(b.Context(), raw)
	}
	path{accepted: true}.measure(b, attempts)
}

// recall verifies the kept tokens again, in case path=cold has evicted them.
func (f *fullCache) recall(tb testing.TB) {
	tb.Helper()
	for _, raw := range f.known {
		must(f.consumer.Verify(tb.Context(), raw))(tb)
	}
	for n, raw := range f.known {
		if !remembers(tb, f.consumer, raw) {
			tb.Fatalf("token %d of %d is not remembered", n, len(f.known))
		}
	}
}

func (f *fullCache) attempt(ctx context.Context, raw string) attempt {
	return func() error {
		_, err := f.consumer.Verify(ctx, raw)
		return err
	}
}

// cold verifies new tokens. They are created in batches while the timer is stopped.
func (f *fullCache) cold(b *testing.B) {
	batch := make([]string, 4*distinct)
	ctx, next := b.Context(), len(batch)
	for b.Loop() {
		if next == len(batch) {
			b.StopTimer()
			for i := range batch {
				batch[i] = f.source.token()
			}
			next = 0
			b.StartTimer()
		}
		if _, err := f.consumer.Verify(ctx, batch[next]); err != nil {
			b.Fatalf("a good token is refused: %v", err)
		}
		next++
	}
}

// press creates distinct HS256 tokens from one token of the issuer, in about the time of the HMAC.
type press struct {
	header string
	claims []byte
	mac    hash.Hash
	made   int
}

// blank is a part in which the tokens of a press differ: in `sub` or `jti`.
const blank = "00000000"

func newPress(tb testing.TB, c *corpus) *press {
	tb.Helper()
	model := issuer.Token(c.source, 0).Algorithm("HS256").Set("sub", "user-"+blank).Set("jti", "token-"+blank).Sign()
	parts := strings.Split(model, ".")
	return &press{
		header: parts[0],
		claims: must(base64.RawURLEncoding.DecodeString(parts[1]))(tb),
		mac:    hmac.New(sha256.New, c.trust.secret()),
	}
}

func (p *press) token() string {
	p.made++
	claims := bytes.ReplaceAll(p.claims, []byte(blank), fmt.Appendf(nil, "%0*d", len(blank), p.made))
	raw := base64.RawURLEncoding.AppendEncode([]byte(p.header+"."), claims)
	p.mac.Reset()
	p.mac.Write(raw)
	return string(base64.RawURLEncoding.AppendEncode(append(raw, '.'), p.mac.Sum(nil)))
}
