package benchmarks_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// BenchmarkMemory is what a remembered token occupies, as B/token. Its cache has its default size and is full.
func BenchmarkMemory(b *testing.B) {
	b.Run("alg=RS256/lib=bearerkit/tokens=10000", func(b *testing.B) {
		minted := corpusOf("RS256").good(10_000)
		occupied := 0.0
		for b.Loop() {
			occupied = bytesPerToken(b, minted)
		}
		b.ReportMetric(occupied, "B/token")
		b.ReportMetric(0, "ns/op") // filling the cache is not what is measured
	})
}

// bytesPerToken is how much the heap grows while a Consumer with its keys at hand verifies all tokens twice, divided by
// how many of them it knew the second time. A token is handed over as a copy in memory of its own, which nothing but
// the Consumer can hold: one that keeps any part of its raw text shows.
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

// heap is the bytes of all objects that are still in use. A sync.Pool is empty after two collections.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
