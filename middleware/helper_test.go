package middleware_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

const audience = "https://api.test"

// newConsumer returns a Consumer with the current keys of issuer. It needs no network.
func newConsumer(t testing.TB, issuer *bearertest.Issuer) *consumer.Consumer {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return mustConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys})
}

func mustConsumer(t testing.TB, cfg consumer.Config) *consumer.Consumer {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = logscan.Logger()
	}
	c, err := consumer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newGuard(t testing.TB, cfg middleware.Config) *middleware.Guard {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = logscan.Logger()
	}
	g, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// verifierFunc is a custom Verifier.
type verifierFunc func(ctx context.Context, raw string) (*consumer.Token, error)

func (f verifierFunc) Verify(ctx context.Context, raw string) (*consumer.Token, error) {
	return f(ctx, raw)
}

// acceptAll accepts every credential. Its tokens have no claims.
var acceptAll = verifierFunc(func(context.Context, string) (*consumer.Token, error) {
	return consumer.NewToken("https://issuer.test", json.RawMessage(`{}`))
})

func rejectWith(err error) consumer.Verifier {
	return verifierFunc(func(context.Context, string) (*consumer.Token, error) { return nil, err })
}

// request returns a request for /orders, with a bearer token unless token is empty.
func request(t testing.TB, token string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
	if token != "" {
		logscan.Token(token)
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	logscan.Response(w.Result(), w.Body.String())
	return w
}

// hello is the handler behind the Guards.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		_, _ = io.WriteString(w, "hello nobody")
		return
	}
	_, _ = io.WriteString(w, "hello "+token.Subject())
})

func challengeOf(w *httptest.ResponseRecorder) string { return w.Header().Get("WWW-Authenticate") }
