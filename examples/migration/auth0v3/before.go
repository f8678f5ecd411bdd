// Package auth0v3 is the API of docs/migrate/auth0-v3.md.
package auth0v3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
)

// Before returns the API with go-jwt-middleware.
func Before(_ context.Context, issuer string) (http.Handler, error) {
	check, err := newMiddleware(issuer)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", check.CheckJWT(http.HandlerFunc(ordersBefore)))
	return mux, nil
}

func newMiddleware(issuer string) (*jwtmiddleware.JWTMiddleware, error) {
	issuerURL, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	keys, err := jwks.NewCachingProvider(jwks.WithIssuerURL(issuerURL))
	if err != nil {
		return nil, err
	}
	valid, err := validator.New(
		validator.WithKeyFunc(keys.KeyFunc),
		validator.WithAlgorithm(validator.RS256),
		validator.WithIssuer(issuer),
		validator.WithAudience("https://api.example.com"),
		validator.WithCustomClaims(func() *claimsBefore { return new(claimsBefore) }),
	)
	if err != nil {
		return nil, err
	}
	return jwtmiddleware.New(jwtmiddleware.WithValidator(valid))
}

type claimsBefore struct {
	Scope string `json:"scope"`
	Org   string `json:"org"`
}

func (c *claimsBefore) Validate(context.Context) error {
	if c.Org == "" {
		return errors.New("org is missing")
	}
	return nil
}

func ordersBefore(w http.ResponseWriter, r *http.Request) {
	claims, err := jwtmiddleware.GetClaims[*validator.ValidatedClaims](r.Context())
	if err != nil {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	custom, ok := claims.CustomClaims.(*claimsBefore)
	if !ok || !slices.Contains(strings.Fields(custom.Scope), "orders:read") {
		http.Error(w, "the scope is missing", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "orders of %s for %s\n", custom.Org, claims.RegisteredClaims.Subject)
}
