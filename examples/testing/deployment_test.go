package testing

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

func TestAttacks(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	server := newAPIOf(t, issuer)
	bearertest.Attacks(t, server, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
}

func TestAttacksThatNeedTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		server := newAPIOf(t, issuer)
		bearertest.Attacks(t, server, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read", Sleep: time.Sleep})
	})
}

func BenchmarkAPI(b *testing.B) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	server := newAPIOf(b, issuer)
	bearertest.Benchmark(b, server, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
}
