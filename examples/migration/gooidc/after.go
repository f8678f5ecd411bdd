package gooidc

import (
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// After returns the API with bearerkit.
func After(issuer string) (http.Handler, error) {
	guard, err := newGuard(issuer)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(ordersAfter)))
	return mux, nil
}

func newGuard(issuer string) (*middleware.Guard, error) {
	verifier, err := consumer.New(consumer.Config{
		Issuer:         issuer,
		Audience:       []string{"https://api.example.com"},
		RequiredClaims: []string{"org"},
	})
	if err != nil {
		return nil, err
	}
	return middleware.New(middleware.Config{Verifier: verifier})
}

type claimsAfter struct {
	Org string `json:"org"`
}

func ordersAfter(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	claims, err := consumer.ClaimsAs[claimsAfter](token)
	if err != nil { // org is not a string
		http.Error(w, "unknown claims", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "orders of %s for %s\n", claims.Org, token.Subject())
}
