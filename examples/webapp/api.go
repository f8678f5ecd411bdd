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

// startAPI runs an API that knows nothing of sessions: it wants a token of the issuer, with the scope for what is asked.
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
	mux.Handle("GET /report", httpauth.Middleware(guard, middleware.Scopes("reports:read"))(http.HandlerFunc(orders))) // which nobody has
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func(l net.Listener) { _ = demo.Serve(ctx, l, mux) }(listener) // it ends with the program
	return "http://" + listener.Addr().String(), nil
}

type order struct {
	Number int    `json:"number"`
	Item   string `json:"item"`
	Status string `json:"status"`
}

func orders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // whoever is gone needs no answer
		"subject": token.Subject(),
		"orders":  []order{{1007, "Desk lamp", "shipped"}, {1011, "Teapot, cast iron", "being packed"}, {1012, "Notebook", "paid"}},
	})
}
