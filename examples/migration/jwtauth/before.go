// Package jwtauth is the API of docs/migrate/jwtauth.md.
package jwtauth

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt" //nolint:depguard // jwtauth has its options
)

// Before returns the API with jwtauth. publicKey is the key of the issuer in PEM.
func Before(_ context.Context, issuer string, publicKey []byte) (http.Handler, error) {
	block, _ := pem.Decode(publicKey)
	if block == nil {
		return nil, errors.New("the public key is not in PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	auth := jwtauth.New("RS256", nil, key,
		jwt.WithIssuer(issuer),
		jwt.WithAudience("https://api.example.com"),
		jwt.WithRequiredClaim("org"),
	)
	router := chi.NewRouter()
	router.Group(func(router chi.Router) {
		router.Use(jwtauth.Verifier(auth), jwtauth.Authenticator(auth))
		router.Get("/orders", ordersBefore)
	})
	return router, nil
}

func ordersBefore(w http.ResponseWriter, r *http.Request) {
	token, claims, err := jwtauth.FromContext(r.Context())
	if err != nil || token == nil {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	scope, _ := claims["scope"].(string)
	if !slices.Contains(strings.Fields(scope), "orders:read") {
		http.Error(w, "the scope is missing", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "orders of %v for %s\n", claims["org"], token.Subject())
}
