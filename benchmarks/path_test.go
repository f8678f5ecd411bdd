package benchmarks_test

import "testing"

// path is what happens to a token, or what is wrong with it.
type path struct {
	name      string
	cacheSize int // of trust
	tokens    func(c *corpus, n int) []string
	count     int  // of tokens
	accepted  bool // whether the library must accept them
	parallel  bool // on all processors at once
	bare      bool // also measured for the bare check
	cached    bool // only for a library that remembers tokens
}

func paths() []path {
	return []path{
		// Every token is another one, and a cache of verified tokens is off.
		{name: "cold", cacheSize: -1, tokens: (*corpus).good, count: distinct, accepted: true, bare: true},
		// Every token is another one, and a cache of verified tokens takes each of them up and drops another.
		{name: "first", cacheSize: distinct / 8, tokens: (*corpus).good, count: distinct, accepted: true, cached: true},
		// The same token again.
		{name: "hot", tokens: (*corpus).good, count: 1, accepted: true, bare: true},
		{name: "parallel", tokens: (*corpus).good, count: 1, accepted: true, parallel: true, bare: true},
		{name: "forged", tokens: (*corpus).forged, count: 1, bare: true},
		{name: "malformed", tokens: (*corpus).malformed, count: 1},
		{name: "issuer", tokens: (*corpus).foreign, count: 1},
	}
}

// concerns tells whether p is measured on this path. As a handler, the bare peer refuses nothing.
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

// measure goes through the attempts in turn; each must end as the path says.
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
