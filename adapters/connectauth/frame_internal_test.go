package connectauth

import (
	"bytes"
	"testing"
)

// The messages of a body end where the protocol says, however the handler divides its writes.
func TestFrames(t *testing.T) {
	t.Parallel()
	one, empty, two := []byte("\x00\x00\x00\x00\x03abc"), []byte("\x01\x00\x00\x00\x00"), []byte("\x00\x00\x00\x01\x00"+string(make([]byte, 256)))
	end, web := []byte("\x02\x00\x00\x00\x02{}"), []byte("\x81\x00\x00\x00\x00")
	body := bytes.Join([][]byte{one, empty, two, one}, nil)
	boundaries := map[int]bool{0: true, 8: true, 13: true, 13 + 261: true, len(body): true}
	for size := 1; size <= len(body); size++ {
		for ended := range len(body) {
			f := frames{flags: flagEndConnect}
			passed := f.pass(body[:ended], false)
			if passed != ended {
				t.Fatalf("%d of %d bytes pass before the end", passed, ended)
			}
			for at := ended; at < len(body); at += size {
				passed += f.pass(body[at:min(at+size, len(body))], true)
			}
			if !boundaries[passed] || passed < ended || f.last {
				t.Fatalf("writes of %d bytes, ended after %d: %d bytes pass, last %v", size, ended, passed, f.last)
			}
			if boundaries[ended] && passed != ended {
				t.Fatalf("ended between two messages at %d: %d bytes pass", ended, passed)
			}
		}
	}
	for name, test := range map[string]struct {
		p    protocol
		body []byte
		last bool
	}{
		"end of Connect":            {connectStream, end, true},
		"end of gRPC-Web":           {grpcWeb, web, true},
		"end of Connect in gRPC":    {grpc, end, false},
		"end of Connect in the Web": {grpcWeb, end, false},
		"a message":                 {connectStream, one, false},
		"a compressed message":      {connectStream, empty, false},
		"half a prefix":             {connectStream, end[:4], false},
	} {
		f := frames{flags: endFlags(test.p)}
		if f.pass(test.body, false); f.last != test.last {
			t.Errorf("%s: last %v", name, f.last)
		}
	}
}
