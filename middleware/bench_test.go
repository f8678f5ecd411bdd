package middleware_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// BenchmarkWarm measures a request with a cached token. BenchmarkBare is the same handler without a Guard.
func BenchmarkWarm(b *testing.B) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(b, middleware.Config{Verifier: newConsumer(b, issuer)})
	run(b, g.With(middleware.Scopes("orders:read"))(nothing), request(b, issuer.AccessToken().Set("scope", "orders:read").Sign()), http.StatusOK)
}

func BenchmarkBare(b *testing.B) {
	run(b, nothing, request(b, "x"), http.StatusOK)
}

// BenchmarkGuard measures the Guard alone, for requests that pass: the Verifier costs nothing.
func BenchmarkGuard(b *testing.B) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	raw := issuer.AccessToken().Set("scope", "orders:read").Sign()
	token, err := newConsumer(b, issuer).Verify(b.Context(), raw)
	if err != nil {
		b.Fatal(err)
	}
	known := verifierFunc(func(context.Context, string) (*consumer.Token, error) { return token, nil })
	g := newGuard(b, middleware.Config{Verifier: known})
	optional := newGuard(b, middleware.Config{Verifier: known, Optional: true})
	told := newGuard(b, middleware.Config{Verifier: known, OnDecision: func(context.Context, middleware.Decision) {}})
	private := newGuard(b, middleware.Config{Verifier: known, TokenSources: []middleware.TokenSource{middleware.BearerToken, middleware.QueryToken}})
	with := g.With(middleware.Scopes("orders:read"))
	for _, test := range []struct {
		name    string
		handler http.Handler
		token   string
	}{
		{"handler", g.Handler(nothing), raw},
		{"with", with(nothing), raw},
		{"nested", g.Handler(with(nothing)), raw},
		{"observed", told.Handler(nothing), raw},
		{"sources", private.Handler(nothing), raw},
		{"optional", optional.Handler(nothing), raw},
		{"anonymous", optional.Handler(nothing), ""},
	} {
		b.Run(test.name, func(b *testing.B) { run(b, test.handler, request(b, test.token), http.StatusOK) })
	}
}

// BenchmarkRefusal measures the Guard alone, for rejected requests: the Verifier returns a constant.
func BenchmarkRefusal(b *testing.B) {
	reject := newGuard(b, middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonSignature})})
	down := newGuard(b, middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonKeysUnavailable})})
	accept := newGuard(b, middleware.Config{Verifier: acceptAll})
	own := newGuard(b, middleware.Config{
		Verifier:    rejectWith(&consumer.Error{Reason: consumer.ReasonSignature}),
		DenyHandler: func(http.ResponseWriter, *http.Request, *middleware.Refusal) {},
	})
	for _, test := range []struct {
		name    string
		handler http.Handler
		token   string
		want    int
	}{
		{"missing", reject.Handler(nothing), "", http.StatusUnauthorized},
		{"malformed", reject.Handler(nothing), "a b", http.StatusBadRequest},
		{"invalid", reject.Handler(nothing), "x", http.StatusUnauthorized},
		{"invalid, DenyHandler", own.Handler(nothing), "x", http.StatusUnauthorized},
		{"scope", accept.With(middleware.Scopes("orders:read"))(nothing), "x", http.StatusForbidden},
		{"role", accept.With(middleware.Role("roles", "admin"))(nothing), "x", http.StatusForbidden},
		{"unavailable", down.Handler(nothing), "x", http.StatusServiceUnavailable},
	} {
		b.Run(test.name, func(b *testing.B) { run(b, test.handler, request(b, test.token), test.want) })
	}
}

// BenchmarkFlood measures a flood of invalid tokens, including the Verifier.
func BenchmarkFlood(b *testing.B) {
	issuer, stranger := bearertest.NewIssuer(bearertest.IssuerConfig{}), bearertest.NewIssuer(bearertest.IssuerConfig{})
	elsewhere := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://stranger.test"})
	g := newGuard(b, middleware.Config{Verifier: newConsumer(b, issuer)})
	for _, test := range []struct{ name, token string }{
		{"opaque", "opaque"},
		{"unsigned", stranger.AccessToken().SignWith("none", nil).Sign()},
		{"issuer", elsewhere.AccessToken().Sign()},
		{"forged", stranger.AccessToken().Sign()},
	} {
		b.Run(test.name, func(b *testing.B) {
			run(b, g.Handler(nothing), request(b, test.token), http.StatusUnauthorized)
		})
	}
}

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func run(b *testing.B, h http.Handler, r *http.Request, want int) {
	b.Helper()
	if w := serve(h, r); w.Code != want {
		b.Fatalf("status %d, want %d", w.Code, want)
	}
	w := dropped{}
	b.ReportAllocs()
	for b.Loop() {
		clear(w)
		h.ServeHTTP(w, r)
	}
}

// dropped discards responses, so that only the handler is measured.
type dropped http.Header

func (w dropped) Header() http.Header { return http.Header(w) }

func (w dropped) WriteHeader(int) {}

func (w dropped) Write(data []byte) (int, error) { return len(data), nil }
