package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

const (
	maxDenied = 100_000         // revoked tokens that have not expired
	maxSkew   = 5 * time.Minute // the maximum of consumer.Config.ClockSkew
)

// newAPI returns an API that streams to clients with a token, until the token or the program ends.
func newAPI(program context.Context, cfg consumer.Config) (http.Handler, error) {
	denied := store.DenyList{Storage: store.NewMemory(maxDenied)}
	cfg.Status = denied
	cfg.RequiredClaims = []string{"jti"} // a token without an id cannot be revoked
	verifier, err := consumer.New(cfg)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	// Only browsers that open a WebSocket send the token as a subprotocol, so only the WebSocket's Guard reads it there.
	socketGuard, err := middleware.New(middleware.Config{
		Verifier: verifier, TokenSources: []middleware.TokenSource{middleware.BearerToken, subprotocolToken},
	})
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", welcome)
	mux.Handle("GET /events", guard.Handler(events(program)))
	mux.Handle("GET /socket", socketGuard.Handler(socket(program)))
	mux.Handle("POST /logout", guard.Handler(logout(denied)))
	return mux, nil
}

func welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello stranger")
}

// logout revokes the token of the request.
func logout(denied store.DenyList) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok { // only if the route has no Guard
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		if err := denied.DenyToken(r.Context(), token.Issuer(), token.ID(), token.Expiry().Add(maxSkew)); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable) // the token was not revoked
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
