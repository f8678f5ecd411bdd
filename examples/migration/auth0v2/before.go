// Package auth0v2 is the API of docs/migrate/auth0-v2.md.
package auth0v2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
)

// Before returns the API with go-jwt-middleware.
func Before(_ context.Context, issuer string) (http.Handler, error) {
	issuerURL, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	keys := jwks.NewCachingProvider(issuerURL, 5*time.Minute)
	valid, err := validator.New(
		keys.KeyFunc,
		validator.RS256,
		issuer,
		[]string{"https://api.example.com"},
		validator.WithCustomClaims(func() validator.CustomClaims { return new(claimsBefore) }),
	)
	if err != nil {
		return nil, err
	}
	check := jwtmiddleware.New(valid.ValidateToken)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", check.CheckJWT(http.HandlerFunc(ordersBefore)))
	return mux, nil
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
	claims, ok := r.Context().Value(jwtmiddleware.ContextKey{}).(*validator.ValidatedClaims)
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	custom, ok := claims.CustomClaims.(*claimsBefore)
	if !ok || !slices.Contains(strings.Fields(custom.Scope), "orders:read") {
		http.Error(w, "the scope is missing", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "orders of %s for %s\n", custom.Org, claims.RegisteredClaims.Subject) //nolint:gosec // sent as text/plain
}
