package main

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/julienschmidt/httprouter"
	"github.com/rs/cors"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI returns the API. It accepts access tokens of issuer for the audience https://api.example.com.
func newAPI(issuer string) (http.Handler, error) {
	// The verifier discovers the keys of the issuer, and checks each token.
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	if err != nil {
		return nil, err
	}
	// A Guard reads the token of a request, and writes the response if the token is rejected. The log says why.
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Logger: slog.Default()})
	if err != nil {
		return nil, err
	}
	// This Guard also accepts requests without a token.
	optional, err := middleware.New(middleware.Config{Verifier: verifier, Logger: slog.Default(), Optional: true})
	if err != nil {
		return nil, err
	}

	router := httprouter.New()
	router.HandlerFunc(http.MethodGet, "/", welcome)
	router.Handler(http.MethodGet, "/greeting", optional.With()(http.HandlerFunc(greetAnyone)))
	// httprouter has no groups. guarded adds a route that requires a token, which must satisfy the rules.
	guarded := func(path string, handler http.HandlerFunc, rules ...middleware.Rule) {
		router.Handler(http.MethodGet, path, guard.With(rules...)(handler))
	}
	guarded("/me", greet)
	guarded("/admin", greet, middleware.Role("roles", "admin"))
	guarded("/orders", greet, middleware.Scopes("orders:read"))
	guarded("/orders/:id", showOrder, middleware.Scopes("orders:read"))
	return withCORS(router), nil
}

// withCORS lets web pages of one origin call the API. It is in front of the Guards, because preflights have no token.
func withCORS(api http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example.com"},
		AllowedMethods: []string{http.MethodGet},
		AllowedHeaders: []string{"Authorization"},
		ExposedHeaders: []string{"WWW-Authenticate"},
	}).Handler(api)
}

// welcome handles a public route.
func welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello stranger")
}

// greetAnyone handles the route with optional authentication.
func greetAnyone(w http.ResponseWriter, r *http.Request) {
	if token, ok := middleware.TokenFromContext(r.Context()); ok {
		fmt.Fprintln(w, "hello", token.Subject())
		return
	}
	fmt.Fprintln(w, "hello stranger")
}

// greet handles guarded routes.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}

// claims are the claims that the application uses, besides those that have methods.
type claims struct {
	Tenant string `json:"tenant"`
}

// showOrder reads a path parameter and a claim.
func showOrder(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	own, err := consumer.ClaimsAs[claims](token)
	if err != nil { // a claim has another type
		http.Error(w, "unknown claims", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "order %s of %s, tenant %s\n", httprouter.ParamsFromContext(r.Context()).ByName("id"), token.Subject(), own.Tenant)
}
