package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// BenchmarkWarm is a token that was seen before, BenchmarkBare the same handler without a Guard.
func BenchmarkWarm(b *testing.B) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(b, middleware.Config{Verifier: newConsumer(b, issuer)})
	run(b, g.With(middleware.Scopes("orders:read"))(nothing), request(b, issuer.AccessToken().Sign()), http.StatusOK)
}

// BenchmarkGuard is the Guard's own share of it.
func BenchmarkGuard(b *testing.B) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	raw := issuer.AccessToken().Sign()
	token, err := newConsumer(b, issuer).Verify(b.Context(), raw)
	if err != nil {
		b.Fatal(err)
	}
	known := verifierFunc(func(context.Context, string) (*consumer.Token, error) { return token, nil })
	g := newGuard(b, middleware.Config{Verifier: known})
	run(b, g.With(middleware.Scopes("orders:read"))(nothing), request(b, raw), http.StatusOK)
}

func BenchmarkBare(b *testing.B) {
	run(b, nothing, request(b, "x"), http.StatusOK)
}

// BenchmarkForged is a flood of tokens that are none.
func BenchmarkForged(b *testing.B) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(b, middleware.Config{Verifier: newConsumer(b, issuer)})
	forged := bearertest.NewIssuer(bearertest.IssuerConfig{}).AccessToken().SignWith("none", nil).Sign()
	run(b, g.Handler(nothing), request(b, forged), http.StatusUnauthorized)
}

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func run(b *testing.B, h http.Handler, r *http.Request, want int) {
	b.Helper()
	if w := serve(h, r); w.Code != want {
		b.Fatalf("status %d, want %d", w.Code, want)
	}
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		w.Body.Reset()
		h.ServeHTTP(w, r)
	}
}
