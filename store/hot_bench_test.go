package store_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/store"
)

// BenchmarkHotRequest compares the verification of 1000 cached tokens: without a status, with an empty deny list in memory, with
// one of 100 000 entries, and with one whose results are cached (StatusTTL). The passes alternate, so that all of them have the
// same conditions. ns/op is the time of one pass of each kind together. The other figures are medians for one token: the time
// without a status, and what is added.
func BenchmarkHotRequest(b *testing.B) {
	issuer := newIssuer()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		b.Fatal(err)
	}
	tokens := make([]string, 1000)
	for i := range tokens {
		tokens[i] = issuer.AccessToken().Set("jti", rand.Text()).Set("sid", rand.Text()).Set("sub", rand.Text()).Sign()
	}
	full := denyListOf(b, issuer.URL(), 100_000)
	kinds := []consumer.Config{
		{},
		{Status: denyListOf(b, issuer.URL(), 0)},
		{Status: full},
		{Status: full, StatusTTL: time.Hour},
	}
	verifiers := make([]*consumer.Consumer, len(kinds))
	for i, cfg := range kinds {
		cfg.Issuer, cfg.Audience, cfg.Keys = issuer.URL(), []string{"https://api.test"}, keys
		if verifiers[i], err = consumer.New(cfg); err != nil {
			b.Fatal(err)
		}
		pass(b, verifiers[i], tokens) // fills the caches
	}
	times := make([][]time.Duration, len(kinds))
	for b.Loop() {
		for i, verifier := range verifiers {
			times[i] = append(times[i], pass(b, verifier, tokens))
		}
	}
	var medians [4]float64
	for i := range times {
		slices.Sort(times[i])
		medians[i] = float64(times[i][len(times[i])/2].Nanoseconds()) / float64(len(tokens))
	}
	b.ReportMetric(medians[0], "ns/token")
	b.ReportMetric(medians[1]-medians[0], "ns-empty-list")
	b.ReportMetric(medians[2]-medians[1], "ns-100000-entries")
	b.ReportMetric(medians[3]-medians[0], "ns-StatusTTL")
}

// denyListOf returns a list that denies other tokens.
func denyListOf(b *testing.B, issuer string, size int) store.DenyList {
	b.Helper()
	list := store.DenyList{Storage: store.NewMemory(max(size, 1))}
	for range size {
		if err := list.DenyToken(b.Context(), issuer, rand.Text(), time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	return list
}

// pass verifies all tokens, and returns how long that took.
func pass(b *testing.B, verifier *consumer.Consumer, tokens []string) time.Duration {
	b.Helper()
	start := time.Now()
	for _, raw := range tokens {
		if _, err := verifier.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}
