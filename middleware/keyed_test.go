package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

// keyed is an API that accepts DPoP, and a client with a key.
type keyed struct {
	t       testing.TB
	issuer  *bearertest.Issuer
	key     *bearertest.ProofKey
	guard   *middleware.Guard
	handler http.Handler

	last middleware.Decision // of the last request; not for concurrent requests
}

const ordersURL = "https://api.test/orders"

// newKeyed returns an API with the given settings. A nil cfg.DPoP and fields that are required get values.
func newKeyed(t testing.TB, cfg middleware.Config) *keyed {
	t.Helper()
	k := &keyed{t: t, issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	k.key = bearertest.NewProofKey("ES256")
	k.guard = newGuard(t, k.config(cfg))
	k.handler = k.guard.Handler(hello)
	return k
}

// config adds the required fields to cfg.
func (k *keyed) config(cfg middleware.Config) middleware.Config {
	if cfg.Verifier == nil {
		cfg.Verifier = newConsumer(k.t, k.issuer)
	}
	if cfg.DPoP == nil {
		cfg.DPoP = &middleware.DPoPConfig{}
	}
	if cfg.DPoP.URL == "" && cfg.DPoP.Proxies == nil {
		cfg.DPoP.URL = "https://api.test"
	}
	if cfg.OnDecision == nil {
		cfg.OnDecision = func(_ context.Context, d middleware.Decision) { k.last = d }
	}
	if cfg.Logger == nil {
		cfg.Logger = logscan.Logger()
	}
	return cfg
}

// token returns a token that is bound to the key of the client.
func (k *keyed) token() string {
	token := k.issuer.AccessToken().Set("scope", "orders:read").BoundTo(k.key).Sign()
	logscan.Token(token)
	return token
}

// proof returns a good proof for GET /orders.
func (k *keyed) proof(token string) *bearertest.Token {
	return k.key.Proof(http.MethodGet, ordersURL, token)
}

// newRequest returns a request as a server receives it.
func newRequest(method, target string) *http.Request {
	return httptest.NewRequestWithContext(context.Background(), method, target, nil)
}

// get returns GET /orders with the given headers. An empty one is absent.
func get(authorization, proof string) *http.Request {
	r := newRequest(http.MethodGet, "/orders")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return r
}

// good returns a request that passes once.
func (k *keyed) good() *http.Request {
	token := k.token()
	return get("DPoP "+token, k.proof(token).Sign())
}

// outcome is what a client and an operator see of a request.
type outcome struct {
	Status     int
	Reason     consumer.Reason
	Challenges []string
}

// send sends r and returns the outcome.
func (k *keyed) send(r *http.Request) (outcome, *httptest.ResponseRecorder) {
	w := serve(k.handler, r)
	return outcome{w.Code, k.last.Reason, w.Header()["Www-Authenticate"]}, w
}

// expect sends r and compares the outcome.
func (k *keyed) expect(r *http.Request, want outcome) *httptest.ResponseRecorder {
	k.t.Helper()
	got, w := k.send(r)
	if diff := cmp.Diff(want, got); diff != "" {
		k.t.Errorf("outcome (-want +got):\n%s", diff)
	}
	return w
}

const (
	bearerBare = `Bearer realm="api"`
	dpopBare   = `DPoP realm="api", algs="ES256 ES384 ES512 Ed25519 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"`
)

// accepted is the outcome of a request that passes.
var accepted = outcome{Status: http.StatusOK}

// dpopRejected is the outcome of a request with the scheme DPoP that is rejected with the given code.
func dpopRejected(status int, code string, reason consumer.Reason) outcome {
	return outcome{status, reason, []string{dpopBare + `, error="` + code + `"`, bearerBare}}
}

// bearerRejected is the outcome of a request with the scheme Bearer that is rejected with the given code.
func bearerRejected(status int, code string, reason consumer.Reason) outcome {
	return outcome{status, reason, []string{bearerBare + `, error="` + code + `"`, dpopBare}}
}

var (
	proofRejected   = dpopRejected(http.StatusUnauthorized, "invalid_dpop_proof", consumer.ReasonProof)
	nonceRequired   = dpopRejected(http.StatusUnauthorized, "use_dpop_nonce", consumer.ReasonNonce)
	bindingRejected = dpopRejected(http.StatusUnauthorized, "invalid_token", consumer.ReasonBinding)
	noCredentials   = outcome{http.StatusUnauthorized, consumer.ReasonNoToken, []string{bearerBare, dpopBare}}
)
