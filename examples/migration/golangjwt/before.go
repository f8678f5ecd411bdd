// Package golangjwt is the API of docs/migrate/golang-jwt.md.
package golangjwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// Before returns the API with golang-jwt and keyfunc.
func Before(ctx context.Context, issuer string) (http.Handler, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{issuer + "/jwks"})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience("https://api.example.com"),
		jwt.WithExpirationRequired(),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", requireToken(parser, keys.Keyfunc)(http.HandlerFunc(ordersBefore)))
	return mux, nil
}

type claimsBefore struct {
	jwt.RegisteredClaims

	Scope string `json:"scope"`
	Org   string `json:"org"`
}

// Validate is called by the parser.
func (c *claimsBefore) Validate() error {
	if c.Org == "" {
		return errors.New("org is missing")
	}
	return nil
}

type claimsKey struct{}

func requireToken(parser *jwt.Parser, keys jwt.Keyfunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "Bearer") {
				http.Error(w, "no token", http.StatusUnauthorized)
				return
			}
			claims := new(claimsBefore)
			if _, err := parser.ParseWithClaims(raw, claims, keys); err != nil {
				http.Error(w, "the token is not valid", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
		})
	}
}

func ordersBefore(w http.ResponseWriter, r *http.Request) {
	claims, ok := r.Context().Value(claimsKey{}).(*claimsBefore)
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	if !slices.Contains(strings.Fields(claims.Scope), "orders:read") {
		http.Error(w, "the scope is missing", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "orders of %s for %s\n", claims.Org, claims.Subject) //nolint:gosec // sent as text/plain
}
