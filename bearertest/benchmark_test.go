package bearertest_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// BenchmarkGuard measures the Guard with net/http.
func BenchmarkGuard(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256"} {
		b.Run(alg, func(b *testing.B) {
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{alg}})
			handler := guarded(b, issuer, middleware.Config{}, middleware.Scopes("orders:read"))
			bearertest.Benchmark(b, handler, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
		})
	}
}
