package adaptertest

import (
	"net/http"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// attacks runs the attack table of package bearertest against a server with the adapter.
func attacks(t *testing.T, build Build) {
	t.Helper()
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256", "EdDSA"}})}
	own := []Guarded{{Guard: w.guard(nil), Rules: []middleware.Rule{middleware.Scopes("orders:read")}}}
	server := build([]Route{w.route(http.MethodGet, nil, own, showOrder)})
	target := bearertest.Target{URL: "/orders/7", Scope: "orders:read", ClockSkew: 10 * time.Second}
	bearertest.Attacks(t, server, w.issuer, target)
	if _, err := w.events(); err != nil {
		t.Error(err)
	}
}
