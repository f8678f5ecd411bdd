package consumer_test

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"
	"weak"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// heapBytes is what is in use once everything is collected that can be.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // what sync.Pool gave up is free after the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// alive returns how many of the tokens are still referenced.
func alive(tokens []weak.Pointer[consumer.Token]) int {
	runtime.GC()
	n := 0
	for _, token := range tokens {
		if token.Value() != nil {
			n++
		}
	}
	return n
}

// hmacOnly describes issuer with its secret: such tokens are cheap to make in thousands.
func hmacOnly(issuer *bearertest.Issuer) consumer.Config {
	kid, secret := issuer.Key("HS256")
	return consumer.Config{
		Issuer: issuer.URL(), Audience: []string{audience},
		Keys: jwks.Static{{ID: kid, Algorithm: "HS256", Public: secret}},
	}
}

// With more valid tokens than fit, the cache holds CacheSize tokens and its memory stops growing.
func TestAttack45_FloodOfGoodTokens(t *testing.T) { //nolint:paralleltest // the heap is measured
	issuer := newIssuer("HS256")
	cfg := hmacOnly(issuer)
	ofSize := func(size int) *consumer.Consumer {
		cfg.CacheSize = size
		return newConsumer(t, cfg)
	}
	group := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}, CacheSize: 2000})
	for _, test := range []struct {
		name string
		v    consumer.Verifier
		size int
	}{
		{"small", ofSize(100), 100},
		{"large", ofSize(2000), 2000},
		{"group", group, 2000},
	} {
		seen := make([]weak.Pointer[consumer.Token], 0, 4*test.size)
		flood := func() {
			for range 2 * test.size {
				seen = append(seen, weak.Make(accept(t, test.v, hmacToken(issuer))))
			}
		}
		flood()
		full := heapBytes()
		flood()
		later := heapBytes()
		if n := alive(seen); n != test.size {
			t.Errorf("%s: %d tokens are cached, want %d", test.name, n, test.size)
		}
		// A leak of the second half of the tokens takes eight times as much. Earlier tests may free memory at the same time, so the
		// growth of the first half does not say how large a token is.
		if slack := int64(test.size)*1000/4 + 32<<10; later-full > slack {
			t.Errorf("%s: after as many tokens again the heap has grown by %d bytes, want at most %d", test.name, later-full, slack)
		}
		runtime.KeepAlive(test.v)
	}
}

// forgeries make endless tokens of each kind that is rejected.
var forgeries = []struct {
	name    string
	want    consumer.Reason
	fetches int // at most
	forge   func(issuer *bearertest.Issuer, n int) string
}{
	{"bad signature", consumer.ReasonSignature, 1, func(issuer *bearertest.Issuer, _ int) string {
		return issuer.AccessToken().SignWith("none", nil).SetHeader("alg", "ES256").EditSignature(randomSignature).Sign()
	}},
	{"wrong issuer", consumer.ReasonIssuer, 0, func(issuer *bearertest.Issuer, n int) string {
		return unsigned(issuer.AccessToken().Set("iss", fmt.Sprintf("https://%d.attacker.test", n)))
	}},
	{"malformed", consumer.ReasonMalformed, 0, func(issuer *bearertest.Issuer, _ int) string {
		return unsigned(issuer.AccessToken()) + "="
	}},
	{"malformed claims", consumer.ReasonMalformed, 0, func(issuer *bearertest.Issuer, n int) string {
		return unsigned(issuer.AccessToken().EditClaims(with(`{"iss":"` + issuerURL + `","n":` + strconv.Itoa(n) + `,}`)))
	}},
	{"expired", consumer.ReasonExpired, 0, func(issuer *bearertest.Issuer, _ int) string {
		return issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()
	}},
	{"unknown kid", consumer.ReasonUnknownKey, 3, func(issuer *bearertest.Issuer, n int) string {
		return unsigned(issuer.AccessToken().SetHeader("kid", "k"+strconv.Itoa(n)))
	}},
}

func randomSignature([]byte) []byte {
	signature := make([]byte, 64)
	_, _ = rand.Read(signature)
	return signature
}

// However many tokens are forged: they take no place from good ones, no memory, and none of the issuer's time.
func TestAttack28_Attack29_Attack45_FloodOfForgedTokens(t *testing.T) { //nolint:paralleltest // the heap is measured
	const places, forged, slack = 16, 1000, 128 << 10 // bytes; the forged tokens are some 400 each
	issuer := newIssuer()
	n := newNetwork(issuer)
	var told journal
	cfg := online(issuer)
	cfg.HTTPClient, cfg.CacheSize, cfg.OnVerify = n.client(), places, told.write
	c := newConsumer(t, cfg)
	cfg.OnVerify = nil
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}, CacheSize: places})
	for _, v := range []consumer.Verifier{c, g} {
		good := make(map[string]*consumer.Token)
		for range places {
			raw := issuer.AccessToken().Sign()
			good[raw] = accept(t, v, raw)
		}
		for _, row := range forgeries {
			before, heapBefore := n.asked(), heapBytes()
			for i := range forged {
				reject(t, v, row.forge(issuer, i), row.want)
			}
			told.clear()
			if grown := heapBytes() - heapBefore; grown > slack {
				t.Errorf("%s: the heap has grown by %d bytes", row.name, grown)
			}
			if asked := n.asked() - before; asked > row.fetches {
				t.Errorf("%s: %d requests, want at most %d", row.name, asked, row.fetches)
			}
			for raw, token := range good {
				if accept(t, v, raw) != token {
					t.Fatalf("%s: a good token was forgotten", row.name)
				}
			}
			for _, entry := range told.read() {
				if !entry.Cached {
					t.Fatalf("%s: reported %+v", row.name, entry)
				}
			}
		}
	}
}

// clear removes all entries.
func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}
