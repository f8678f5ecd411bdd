// Package crossauth is the API and the client of docs/migrate/crossauth.md.
package crossauth

import (
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// After returns the API. It reads the variables of a crossauth resource server. stored reports whether the crossauth server has
// stored a token; it is nil if the server does not persist access tokens.
func After(stored consumer.TokenStatus) (http.Handler, error) {
	cfg, err := consumer.FromEnv()
	if err != nil {
		return nil, err
	}
	cfg.Status = stored
	verifier, err := consumer.New(cfg)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", orders)
	mux.HandleFunc("GET /reports/", orders)
	return guard.Routes(map[string][]middleware.Rule{
		"GET /orders":   {middleware.Scopes("orders:read")},
		"GET /reports/": {middleware.Scopes("reports:read")}, // and all paths below, as with suburls
	}, mux)
}

func orders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "orders of", token.Subject())
}

// NewClient returns the client. It reads the variables of a crossauth client.
func NewClient() (*client.Client, error) {
	cfg, err := client.FromEnv()
	if err != nil {
		return nil, err
	}
	return client.New(cfg)
}
