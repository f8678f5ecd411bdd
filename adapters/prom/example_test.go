package prom_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// One Metrics serves all hooks. A program without a registry of its own uses prometheus.DefaultRegisterer and
// promhttp.Handler.
func ExampleNew() {
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry)
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
		KeyCache:   jwks.Config{OnRefresh: metrics.OnRefresh},
		OnVerify:   metrics.OnVerify,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics.Watch(verifier)
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: metrics.OnDecision})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.Handler(http.NotFoundHandler()))
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	get := func(path, token string) string {
		request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
		request.Header.Set("Authorization", "Bearer "+token)
		response := httptest.NewRecorder()
		mux.ServeHTTP(response, request)
		return response.Body.String()
	}
	get("/orders", issuer.AccessToken().Sign())
	get("/orders", issuer.AccessToken().Set("aud", "https://other.test").Sign())

	for line := range strings.Lines(get("/metrics", "")) {
		if strings.HasPrefix(line, "bearerkit_decisions_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// bearerkit_decisions_total{reason="audience",status="401"} 1
	// bearerkit_decisions_total{reason="ok",status="200"} 1
}
