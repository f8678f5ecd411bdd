package consumer_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// bytesPerToken is the most memory that a cached token of usual size may need.
const bytesPerToken = 1536

// ofLength returns a token with 14 claims of about the given length.
func ofLength(issuer *bearertest.Issuer, alg string, length int) *bearertest.Token {
	draft := issuer.AccessToken().Algorithm(alg).Set("nbf", 1_700_000_000).Set("azp", "web").Set("sid", "s-1").
		Set("acr", "1").Set("ver", 2).Set("pad", "")
	missing := length - len(draft.Sign())
	return draft.Set("pad", strings.Repeat("x", missing*3/4))
}

// A cached token needs memory for its claims, and a little for itself. Its text is not kept.
func TestMemoryOfACachedToken(t *testing.T) { //nolint:paralleltest // the heap is measured
	if testing.Short() {
		t.Skip("measures the heap")
	}
	issuer := newIssuer("RS256", "ES256")
	for _, test := range []struct {
		algorithm string
		length    int // of the token
		tokens    int
		grouped   bool
		ceiling   int64
	}{
		{"RS256", 750, 1100, false, bytesPerToken},
		{"ES256", 750, 4000, false, bytesPerToken},
		{"ES256", 750, 1000, true, bytesPerToken},
		{"ES256", 12_000, 500, false, bytesPerToken + 12_000}, // of which its claims are three quarters
	} {
		cfg := offline(t, issuer)
		cfg.CacheSize = test.tokens
		v := consumer.Verifier(newConsumer(t, cfg))
		if test.grouped {
			v = newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}, CacheSize: test.tokens})
		}
		draft := ofLength(issuer, test.algorithm, test.length)
		if n := len(draft.Sign()); n < test.length-2 || n > test.length {
			t.Fatalf("the token is %d bytes long", n)
		}
		before := heapBytes()
		for range test.tokens {
			accept(t, v, draft.Set("jti", rand.Text()).Sign())
		}
		each := (heapBytes() - before) / int64(test.tokens)
		t.Logf("%s of %d bytes, %d of them: %d bytes", test.algorithm, test.length, test.tokens, each)
		if each > test.ceiling {
			t.Errorf("%s of %d bytes: %d bytes, want at most %d", test.algorithm, test.length, each, test.ceiling)
		}
		runtime.KeepAlive(v)
	}
}

// The memory of the process does not contain a usable token: the signature is absent, both encoded and decoded.
func TestAttack43_NoUsableTokenStaysInMemory(t *testing.T) { //nolint:paralleltest // the heap is written down
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	var known []byte // what the Token says of itself
	var hidden [][]byte
	done := make(chan struct{})
	go func() { // whose stack is gone afterwards
		defer close(done)
		id := rand.Text()
		raw := issuer.AccessToken().Set("jti", id).Sign()
		for range 2 {
			accept(t, c, raw)
			accept(t, g, raw)
		}
		signature := raw[strings.LastIndexByte(raw, '.')+1:]
		known, hidden = masked([]byte(id)), [][]byte{masked([]byte(signature)), masked(decodeSegment(t, signature))}
	}()
	<-done
	dump := heapDump(t)
	if !bytes.Contains(dump, masked(known)) {
		t.Fatal("the dump does not hold what is cached")
	}
	for _, text := range hidden {
		if bytes.Contains(dump, masked(text)) {
			t.Error("the signature of a token is kept in memory")
		}
	}
	runtime.KeepAlive(c)
	runtime.KeepAlive(g)
}

// masked inverts text, so that the dump contains it only once. Masking twice restores it.
func masked(text []byte) []byte {
	other := make([]byte, len(text))
	for i := range text {
		other[i] = text[i] ^ 0xff
	}
	return other
}

func heapDump(t *testing.T) []byte {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.GC()
	debug.WriteHeapDump(file.Fd())
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return dump
}
