package observability

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

const audience = "https://api.example.com"

// newAPI returns the API of examples/quickstart with a status store. Its times are scaled to a run of the given length.
func newAPI(
	metrics *prom.Metrics, registry *prometheus.Registry, issuer *bearertest.Issuer, client *http.Client, store *statusStore, length time.Duration,
) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{audience},
		HTTPClient: client,
		CacheSize:  200, // too small for a part of the run
		Status:     store,
		StatusTTL:  length / 60,
		OnStatus:   metrics.OnStatus,
		OnVerify:   metrics.OnVerify,
		KeyCache: jwks.Config{
			FreshFor:   length / 20,
			StaleFor:   length / 12,
			MinRefetch: length / 60,
			OnRefresh:  metrics.OnRefresh,
		},
	})
	if err != nil {
		return nil, err
	}
	metrics.Watch(verifier)
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: metrics.OnDecision})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", guard.Handler(http.HandlerFunc(greet)))
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(greet)))
	mux.Handle("GET /report", guard.With(middleware.Check("broken", fail))(http.HandlerFunc(greet)))
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux, nil
}

// fail is a check of the application that always fails.
func fail(context.Context, *consumer.Token) error {
	return &middleware.Refusal{Status: http.StatusInternalServerError}
}

func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only without a Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}

// statusStore simulates a status store on the network: each check takes one millisecond.
type statusStore struct{ down atomic.Bool }

var errStoreDown = errors.New("the store is down")

func (s *statusStore) Active(_ context.Context, token consumer.StatusToken) (bool, error) {
	time.Sleep(time.Millisecond)
	if s.down.Load() {
		return false, errStoreDown
	}
	return token.Subject() != "mallory", nil
}
