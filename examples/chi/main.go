// Command chi runs an API with chi that verifies access tokens. It also runs an issuer for them. Both listen on loopback.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearerkit/adapters/chiauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.Run(ctx, stdout, "", demo.Try, newAPI)
}

func newAPI(issuer string) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}

	router := chi.NewRouter()
	router.Get("/", welcome)
	router.Group(func(router chi.Router) {
		router.Use(chiauth.Middleware(guard))
		router.Get("/me", greet)
		router.With(chiauth.Middleware(guard, middleware.Scopes("orders:read"))).Get("/orders", greet)
		router.With(chiauth.Middleware(guard, middleware.Role("roles", "admin"))).Get("/admin", greet)
	})
	return router, nil
}

func welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello stranger")
}

func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}
