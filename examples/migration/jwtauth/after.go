package jwtauth

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// After returns the API with bearerkit. publicKey is the key of the issuer in PEM.
func After(issuer string, publicKey []byte) (http.Handler, error) {
	keys, err := jwks.ParsePEM(publicKey, "RS256")
	if err != nil {
		return nil, err
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer:         issuer,
		Audience:       []string{"https://api.example.com"},
		Keys:           keys, // without this line, the keys are discovered, and new keys are found
		RequiredClaims: []string{"org"},
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	router := chi.NewRouter()
	router.Group(func(router chi.Router) {
		router.Use(guard.With())
		router.With(guard.With(middleware.Scopes("orders:read"))).Get("/orders", ordersAfter)
	})
	return router, nil
}

func ordersAfter(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	org, _ := token.Claim("org")
	fmt.Fprintf(w, "orders of %v for %s\n", org, token.Subject())
}
