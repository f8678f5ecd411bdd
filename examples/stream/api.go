package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI streams to whoever has a token, until the token or the program ends.
func newAPI(program context.Context, cfg consumer.Config) (http.Handler, error) {
	denied := newDenyList()
	cfg.Status = denied
	cfg.RequiredClaims = []string{"jti"} // what has no name cannot be revoked
	verifier, err := consumer.New(cfg)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	// The place where only a WebSocket has a token is read for the WebSocket alone.
	socketGuard, err := middleware.New(middleware.Config{
		Verifier: verifier, TokenSources: []middleware.TokenSource{subprotocolToken},
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

// logout revokes the token that it is called with, and no other.
func logout(denied *denyList) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			http.Error(w, "no token", http.StatusInternalServerError)
			return
		}
		denied.add(token)
		w.WriteHeader(http.StatusNoContent)
	})
}
