package sqlstore_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

const (
	issuerURL = "https://issuer.test"
	apiURL    = "https://api.test"
)

var testIssuer = sync.OnceValue(func() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: apiURL, Algorithms: []string{"ES256"}})
})

// api is one process of an API whose Guard reads the status of each token from a store.
type api struct {
	http.Handler

	mu     sync.Mutex // guards reason
	reason consumer.Reason
}

func newAPI(t testing.TB, s store.Storage) *api {
	t.Helper()
	keys, err := jwks.ParseJWKS(testIssuer().JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuerURL, Audience: []string{apiURL}, Keys: keys, Status: store.DenyList{Storage: s},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: func(_ context.Context, d middleware.Decision) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reason = d.Reason
	}})
	if err != nil {
		t.Fatal(err)
	}
	a.Handler = guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return a
}

// get sends a request with a bearer token and returns the status of the response.
func (a *api) get(t testing.TB, token string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Code
}

func (a *api) lastReason() consumer.Reason {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reason
}
