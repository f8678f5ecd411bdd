package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"

	"github.com/bearerkit/bearerkit/adapters/httpauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

// startAPI starts the API and returns its URL. The API does not know the sessions of the application: each request must
// have an access token of the issuer, with the scope that the route requires.
func (o options) startAPI(ctx context.Context) (url string, err error) {
	// The verifier fetches the keys of the issuer when it needs them. It rejects tokens that were issued for another
	// audience.
	verifier, err := consumer.New(consumer.Config{Issuer: o.issuer, Audience: []string{cmp.Or(o.resource, o.clientID)}})
	if err != nil {
		return "", err
	}
	// The Guard reads the token from the Authorization header, and writes the response if the token is not accepted.
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return "", err
	}
	// Both routes have the same Guard. Each has its own rule.
	mux := http.NewServeMux()
	mux.Handle("GET /orders", httpauth.Middleware(guard, middleware.Scopes(o.apiScope))(http.HandlerFunc(orders)))
	// No user has this scope, so the response is always a 403.
	mux.Handle("GET /report", httpauth.Middleware(guard, middleware.Scopes("reports:read"))(http.HandlerFunc(orders)))
	// Port 0 means any free port.
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func(l net.Listener) { _ = demo.Serve(ctx, l, mux) }(listener) // the server stops when ctx ends
	return "http://" + listener.Addr().String(), nil
}

// order is what the API returns. A real API would read it from a database, by the subject of the token.
type order struct {
	Number int    `json:"number"`
	Item   string `json:"item"`
	Status string `json:"status"`
}

// orders writes the orders of the user for whom the token was issued. The Guard has verified the token before.
func orders(w http.ResponseWriter, r *http.Request) {
	// The subject identifies the user. Never take it from a parameter of the request.
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // this happens only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // an error means that the caller is gone
		"subject": token.Subject(),
		"orders":  []order{{1007, "Desk lamp", "shipped"}, {1011, "Teapot, cast iron", "being packed"}, {1012, "Notebook", "paid"}},
	})
}
