package redisstore_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

const (
	issuerURL = "https://issuer.test"
	apiURL    = "https://api.test"
)

var (
	testIssuer = sync.OnceValue(func() *bearertest.Issuer {
		return bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: apiURL, Algorithms: []string{"ES256"}})
	})
	proofKey = sync.OnceValue(func() *bearertest.ProofKey { return bearertest.NewProofKey("ES256") })
)

// api is one process of an API whose Guard uses a Store.
type api struct {
	http.Handler
	verifier *consumer.Consumer

	mu     sync.Mutex // guards reason
	reason consumer.Reason
}

// newAPI returns an API that accepts tokens of the issuer with the given keys. Used proofs are in s if dpop is true, and
// denied tokens if it is false.
func newAPI(t testing.TB, s *redisstore.Store, keys []byte, dpop bool, statusTTL time.Duration) *api {
	t.Helper()
	parsed, err := jwks.ParseJWKS(keys)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{}
	cfg := consumer.Config{Issuer: issuerURL, Audience: []string{apiURL}, Keys: parsed}
	guarded := middleware.Config{OnDecision: func(_ context.Context, d middleware.Decision) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reason = d.Reason
	}}
	if dpop {
		guarded.DPoP = &middleware.DPoPConfig{URL: apiURL, Replays: s, ReplayTimeout: 20 * time.Second}
	} else {
		cfg.Status, cfg.StatusTTL = store.DenyList{Storage: s}, statusTTL
	}
	if a.verifier, err = consumer.New(cfg); err != nil {
		t.Fatal(err)
	}
	guarded.Verifier = a.verifier
	guard, err := middleware.New(guarded)
	if err != nil {
		t.Fatal(err)
	}
	a.Handler = guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return a
}

// send sends a request with a token and a proof, which may be empty, and returns the status of the response.
func (a *api) send(ctx context.Context, token, proof string) int {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/orders", nil)
	if proof == "" {
		r.Header.Set("Authorization", "Bearer "+token)
	} else {
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", proof)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Code
}

// get sends a request with a bearer token.
func (a *api) get(t testing.TB, token string) int {
	t.Helper()
	return a.send(t.Context(), token, "")
}

func boundToken() string { return testIssuer().AccessToken().BoundTo(proofKey()).Sign() }

func proofFor(token string) string {
	return proofKey().Proof(http.MethodGet, apiURL+"/orders", token).Sign()
}

func (a *api) lastReason() consumer.Reason {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reason
}
