package benchmarks_test

import "testing"

// path is a kind of token, or of its verification.
type path struct {
	name      string
	cacheSize int // of trust
	tokens    func(c *corpus, n int) []string
	count     int  // of tokens
	accepted  bool // whether the library must accept them
	parallel  bool // on all processors at once
	bare      bool // also measured for the bare check
	cached    bool // only for a library that caches verified tokens
}

func paths() []path {
	return []path{
		// All tokens are different, and a cache of verified tokens is disabled.
		{name: "cold", cacheSize: -1, tokens: (*corpus).good, count: distinct, accepted: true, bare: true},
		// All tokens are different. A cache of verified tokens adds each of them and evicts another.
		{name: "first", cacheSize: distinct / 8, tokens: (*corpus).good, count: distinct, accepted: true, cached: true},
		// One token repeatedly.
		{name: "hot", tokens: (*corpus).good, count: 1, accepted: true, bare: true},
		{name: "parallel", tokens: (*corpus).good, count: 1, accepted: true, parallel: true, bare: true},
		{name: "forged", tokens: (*corpus).forged, count: 1, bare: true},
		{name: "malformed", tokens: (*corpus).malformed, count: 1},
		{name: "issuer", tokens: (*corpus).foreign, count: 1},
	}
}

// concerns reports whether p is measured with this path. As a handler, the bare peer rejects nothing.
func (way path) concerns(p peer, handler bool) bool {
	switch {
	case p.name == "bare":
		return way.bare && (!handler || way.accepted)
	case way.cached:
		return p.name == "bearerkit"
	default:
		return true
	}
}

// measure runs the attempts in turn and checks each result.
func (way path) measure(b *testing.B, attempts []attempt) {
	b.ReportAllocs()
	if way.parallel {
		way.together(b, attempts)
		return
	}
	n := 0
	for b.Loop() {
		if err := attempts[n](); (err == nil) != way.accepted {
			b.Fatalf("accepted: %t, want %t: %v", err == nil, way.accepted, err)
		}
		if n++; n == len(attempts) {
			n = 0
		}
	}
}

func (way path) together(b *testing.B, attempts []attempt) {
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			if err := attempts[n%len(attempts)](); (err == nil) != way.accepted {
				b.Errorf("accepted: %t, want %t: %v", err == nil, way.accepted, err)
				return
			}
		}
	})
}
