package bearertest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// guarded returns an API that is guarded by the kit, at GET /orders.
func guarded(t testing.TB, issuer *bearertest.Issuer, cfg middleware.Config, rules ...middleware.Rule) http.Handler {
	t.Helper()
	if cfg.Verifier == nil {
		c, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, HTTPClient: issuer.Client()})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Verifier = c
	}
	g, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", g.With(rules...)(http.HandlerFunc(listOrders)))
	mux.Handle("POST /orders", g.With(rules...)(http.HandlerFunc(listOrders)))
	return mux
}

func listOrders(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("the orders of alice"))
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	handler := guarded(t, issuer, middleware.Config{}, middleware.Scopes("orders:read"))
	bearertest.Attacks(t, handler, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read", ClockSkew: 10 * time.Second})
}

func TestAttacksInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256", "PS256", "EdDSA", "RS256", "ES512"}})
		handler := guarded(t, issuer, middleware.Config{})
		bearertest.Attacks(t, handler, issuer, bearertest.Target{URL: "/orders", Sleep: time.Sleep})
	})
}
