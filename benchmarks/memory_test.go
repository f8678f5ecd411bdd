package benchmarks_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// BenchmarkMemory reports the memory of a cached token as B/token. The cache has its default size and is full.
func BenchmarkMemory(b *testing.B) {
	b.Run("alg=RS256/lib=bearerkit/tokens=10000", func(b *testing.B) {
		minted := corpusOf("RS256").good(10_000)
		occupied := 0.0
		for b.Loop() {
			occupied = bytesPerToken(b, minted)
		}
		b.ReportMetric(occupied, "B/token")
		b.ReportMetric(0, "ns/op") // the time to fill the cache is not measured
	})
}

// bytesPerToken returns the growth of the heap while a Consumer with cached keys verifies all tokens twice, divided by the
// number of cache hits. Each token is passed as a new copy, so that the result includes every part of the raw text that
// the Consumer keeps.
func bytesPerToken(tb testing.TB, minted []string) float64 {
	tb.Helper()
	c := bearerkitConsumer(tb, corpusOf("RS256").trust)
	if err := c.Warm(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	before := heap()
	first, second := countRemembered(tb, c, minted), countRemembered(tb, c, minted)
	grown := heap() - before
	runtime.KeepAlive(c)
	if first > 0 || second < len(minted)/2 {
		tb.Fatalf("of %d tokens, %d were known at first and %d the second time", len(minted), first, second)
	}
	return float64(grown) / float64(second)
}

func countRemembered(tb testing.TB, c *consumer.Consumer, minted []string) (known int) {
	tb.Helper()
	for _, raw := range minted {
		if remembers(tb, c, strings.Clone(raw)) {
			known++
		}
	}
	return known
}

// heap returns the bytes of all live objects. A sync.Pool is empty after two collections.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
