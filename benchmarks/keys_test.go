package benchmarks_test

import (
	"strconv"
	"testing"
)

// BenchmarkKeys verifies tokens that are not cached, with key sets of many ES256 keys.
func BenchmarkKeys(b *testing.B) {
	for _, count := range []int{1, 10, 100, 1000} {
		t, raws := keySet(b, count)
		t.cacheSize = -1
		for _, p := range peers() {
			if !p.keySet {
				continue
			}
			b.Run("alg=ES256/lib="+p.name+"/keys="+strconv.Itoa(count), func(b *testing.B) {
				attempts := p.attempts(b, t, raws)
				acceptAll(b, attempts)
				path{accepted: true}.measure(b, attempts)
			})
		}
	}
}

func acceptAll(tb testing.TB, attempts []attempt) {
	tb.Helper()
	for _, a := range attempts {
		if err := a(); err != nil {
			tb.Fatalf("a good token is refused: %v", err)
		}
	}
}
