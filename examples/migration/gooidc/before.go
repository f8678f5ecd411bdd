// Package gooidc is the API of docs/migrate/go-oidc.md.
package gooidc

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Before returns the API with go-oidc.
func Before(ctx context.Context, issuer string) (http.Handler, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: "https://api.example.com"})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", requireToken(verifier)(http.HandlerFunc(ordersBefore)))
	return mux, nil
}

type claimsBefore struct {
	Subject string `json:"sub"`
	Scope   string `json:"scope"`
	Org     string `json:"org"`
}

type claimsKey struct{}

func requireToken(verifier *oidc.IDTokenVerifier) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "Bearer") {
				http.Error(w, "no token", http.StatusUnauthorized)
				return
			}
			token, err := verifier.Verify(r.Context(), raw)
			if err != nil {
				http.Error(w, "the token is not valid", http.StatusUnauthorized)
				return
			}
			claims := new(claimsBefore)
			if err := token.Claims(claims); err != nil || claims.Org == "" {
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
