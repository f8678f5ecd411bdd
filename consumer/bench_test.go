package consumer_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// A request with a cached token allocates almost nothing, and the token has no influence on how much.
func TestVerifyAllocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	raw := issuer.AccessToken().Set("scope", "orders:read").Sign()
	long := issuer.AccessToken().Set("x", string(make([]byte, 1000))).Sign()
	ctx := t.Context()
	for name, test := range map[string]struct {
		v       consumer.Verifier
		raw     string
		ceiling float64
	}{
		"consumer": {c, raw, 0}, "group": {g, raw, 0}, "long token": {c, long, 1},
	} {
		accept(t, test.v, test.raw)
		got := testing.AllocsPerRun(100, func() {
			if _, err := test.v.Verify(ctx, test.raw); err != nil {
				t.Error(err)
			}
		})
		if got > test.ceiling {
			t.Errorf("%s: %v allocations, want at most %v", name, got, test.ceiling)
		}
	}
	token := accept(t, c, raw)
	if got := testing.AllocsPerRun(100, func() { _ = token.HasScope("orders:read") }); got != 0 {
		t.Errorf("HasScope: %v allocations", got)
	}
}

func BenchmarkVerify(b *testing.B) {
	a := theArena()
	cached := newConsumer(b, offline(b, a.issuer))
	cfg := offline(b, a.issuer)
	cfg.CacheSize = -1
	cold := newConsumer(b, cfg)
	group := newGroup(b, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(b, offline(b, a.issuer))}})
	es, rs := lasting(a.issuer), lasting(a.issuer).Algorithm("RS256")
	for _, bench := range []struct {
		name string
		v    consumer.Verifier
		raw  string
		want consumer.Reason
	}{
		{"hot", cached, es.Sign(), ""},
		{"hot_group", group, es.Sign(), ""},
		{"cold_RS256", cold, rs.Sign(), ""},
		{"cold_ES256", cold, es.Sign(), ""},
		{"cold_EdDSA", cold, lasting(a.issuer).Algorithm("EdDSA").Sign(), ""},
		{"forged_RS256", cached, rs.EditSignature(flipped).Sign(), consumer.ReasonSignature},
		{"unknown_issuer", group, lasting(a.issuer).Set("iss", "https://other.test").Sign(), consumer.ReasonIssuer},
		{"malformed", cached, es.Sign() + "=", consumer.ReasonMalformed},
		{"too_large", cached, string(make([]byte, 1<<20)), consumer.ReasonTooLarge},
	} {
		b.Run(bench.name, func(b *testing.B) {
			if bench.want == "" {
				accept(b, bench.v, bench.raw)
			} else {
				reject(b, bench.v, bench.raw, bench.want)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.v.Verify(b.Context(), bench.raw); (err == nil) != (bench.want == "") {
					b.Fatal(err)
				}
			}
		})
	}
}
