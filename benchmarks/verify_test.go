package benchmarks_test

import "testing"

// BenchmarkVerify verifies a token without HTTP. The bare check with path=cold is the baseline of all comparisons.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms() {
		for _, way := range paths() {
			for _, p := range peers() {
				if p.attempts == nil || !p.supports(alg) || !way.concerns(p, false) {
					continue
				}
				b.Run("alg="+alg+"/lib="+p.name+"/path="+way.name, func(b *testing.B) { benchVerify(b, p, alg, way) })
			}
		}
	}
}

func benchVerify(b *testing.B, p peer, alg string, way path) {
	c := corpusOf(alg)
	t := trustOf(c, way)
	checked := append(c.good(1), c.forged(1)...)
	attempts := p.attempts(b, t, append(checked, way.tokens(c, way.count)...))
	tell(b, attempts[:len(checked)])
	attempts = attempts[len(checked):]
	for _, a := range attempts { // fetches the keys and fills a cache before the measurement
		_ = a()
	}
	way.measure(b, attempts)
}

// tell checks that the first token is accepted and the second, which is forged, rejected.
func tell(tb testing.TB, attempts []attempt) {
	tb.Helper()
	if err := attempts[0](); err != nil {
		tb.Fatalf("a good token is refused: %v", err)
	}
	if err := attempts[1](); err == nil {
		tb.Fatal("a forged token is accepted")
	}
}
