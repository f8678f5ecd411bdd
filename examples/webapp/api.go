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

// startAPI starts an API that does not use sessions. Each request needs a token of the issuer with the scope of the endpoint.
func (o options) startAPI(ctx context.Context) (url string, err error) {
	verifier, err := consumer.New(consumer.Config{Issuer: o.issuer, Audience: []string{cmp.Or(o.resource, o.clientID)}})
	if err != nil {
		return "", err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", httpauth.Middleware(guard, middleware.Scopes(o.apiScope))(http.HandlerFunc(orders)))
	mux.Handle("GET /report", httpauth.Middleware(guard, middleware.Scopes("reports:read"))(http.HandlerFunc(orders))) // nobody gets this scope
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func(l net.Listener) { _ = demo.Serve(ctx, l, mux) }(listener) // it stops when ctx ends
	return "http://" + listener.Addr().String(), nil
}

// order is what the API returns. A real API would read it from a database, by the subject of the token.
type order struct {
	Number int    `json:"number"`
	Item   string `json:"item"`
	Status string `json:"status"`
}

// orders returns the orders of the user to whom the token belongs.
func orders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // an error means that the caller is gone
		"subject": token.Subject(),
		"orders":  []order{{1007, "Desk lamp", "shipped"}, {1011, "Teapot, cast iron", "being packed"}, {1012, "Notebook", "paid"}},
	})
}
