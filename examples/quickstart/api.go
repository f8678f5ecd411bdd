package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI returns an API that accepts tokens of issuer. logger receives a line for each rejected request. This file contains
// everything that an API needs.
func newAPI(issuer string, logger *slog.Logger) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	// The metrics observe the verifier, its keys and the decisions of the Guard.
	metrics, err := prom.New(registry)
	if err != nil {
		return nil, err
	}
	verifier, err := newVerifier(issuer, metrics, logger)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{
		Verifier:   verifier,
		Realm:      "quickstart",
		OnDecision: metrics.OnDecision,
		Logger:     logger,
	})
	if err != nil {
		return nil, err
	}

	orders, admin := middleware.Scopes("orders:read"), middleware.Role("roles", "admin")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", welcome)
	mux.Handle("GET /me", guard.Handler(http.HandlerFunc(greet)))
	mux.Handle("GET /orders", guard.With(orders)(http.HandlerFunc(greet)))
	mux.Handle("GET /admin", guard.With(admin)(http.HandlerFunc(greet)))
	// These three endpoints are for operators. In production, serve them on a port that only operators can reach.
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", alive)
	mux.Handle("/readyz", middleware.Readiness(verifier))
	return mux, nil
}

// newVerifier returns a Consumer that verifies the tokens of issuer and updates metrics.
func newVerifier(issuer string, metrics *prom.Metrics, logger *slog.Logger) (*consumer.Consumer, error) {
	verifier, err := consumer.New(consumer.Config{
		Issuer:   issuer,
		Audience: []string{"https://api.example.com"},
		OnVerify: metrics.OnVerify,
		Logger:   logger,
		KeyCache: jwks.Config{
			MinRefetch: time.Microsecond, // lets you rotate keys often; do not set it in production
			OnRefresh:  metrics.OnRefresh,
		},
	})
	if err == nil {
		metrics.Watch(verifier)
	}
	return verifier, err
}

// welcome handles the public route.
func welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello stranger")
}

// alive is the liveness probe. It must not depend on the issuer: a restart of this process does not repair an outage there.
func alive(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// greet handles the guarded routes. The Guard has verified the token before.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}
