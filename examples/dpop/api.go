package main

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI returns an API that accepts tokens of issuer that are bound to a key, and bearer tokens for some of its routes. url
// is the URL that clients use for it. This file contains everything that such an API needs.
func newAPI(issuer, url string, logger *slog.Logger) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{audience}})
	if err != nil {
		return nil, err
	}
	guard, err := newGuard(verifier, url, logger)
	if err != nil {
		return nil, err
	}
	return newRoutes(guard), nil
}

func newGuard(verifier consumer.Verifier, url string, logger *slog.Logger) (*middleware.Guard, error) {
	return middleware.New(middleware.Config{
		Verifier: verifier,
		DPoP:     &middleware.DPoPConfig{URL: url}, // such as https://api.example.com
		Logger:   logger,
	})
}

func newRoutes(guard *middleware.Guard) http.Handler {
	mux := http.NewServeMux()
	// Every token may list the orders. A token that is bound to a key needs a proof here too.
	mux.Handle("GET /orders", guard.Handler(http.HandlerFunc(greet)))
	// Only a token that is bound to a key may pay.
	mux.Handle("POST /payments", guard.With(middleware.SenderConstrained())(http.HandlerFunc(greet)))
	return mux
}

// greet handles the guarded routes. The Guard has verified the token and the proof before.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}
