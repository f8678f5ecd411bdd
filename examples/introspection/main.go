// Command introspection runs an API that accepts opaque tokens. It sends each new token to the introspection endpoint of the
// authorization server (RFC 7662). The program also runs a small authorization server. Both listen on loopback.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

const (
	audience = "https://api.example.com"
	apiID    = "orders-api" // the API is a client of the authorization server
)

// run starts the authorization server and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	listener, err := demo.Listen(ctx, "")
	if err != nil {
		return err
	}
	place := "http://" + listener.Addr().String()
	server := newServer(place)
	api, err := newAPI(place, server.apiSecret, slog.New(slog.NewTextHandler(stdout, nil)))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.Handle("/orders", api)
	if _, err := strings.NewReplacer("{place}", place).WriteString(stdout, try); err != nil {
		return err
	}
	return demo.Serve(ctx, listener, mux)
}

const try = `
The API is {place}/orders. Try these commands in another terminal:

# an opaque token: 200
token=$(curl -s -d scope=orders:read {place}/token)
curl -i {place}/orders -H "Authorization: Bearer $token"

# the token is revoked: 401, at most 10 seconds later
curl -s -d token=$token {place}/revoke
curl -i {place}/orders -H "Authorization: Bearer $token"

# a token without the scope: 403. An unknown token: 401
curl -i {place}/orders -H "Authorization: Bearer $(curl -s -d scope=profile {place}/token)"
curl -i {place}/orders -H "Authorization: Bearer opaque_unknown"

Press Ctrl-C to stop.
`

// newAPI returns the API for the authorization server with the given issuer.
func newAPI(issuer, secret string, logger *slog.Logger) (http.Handler, error) {
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: apiID, ClientSecret: secret, AuthMethod: client.AuthBasic, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	verifier, err := introspection.New(introspection.Config{
		Client: c, Audience: []string{audience}, Logger: logger,
		ActiveFor: 10 * time.Second, // a revoked token is accepted for at most as long
		// The tokens of this server have a prefix, so random text causes no request to it.
		Accept: func(raw string) bool { return strings.HasPrefix(raw, tokenPrefix) },
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Logger: logger})
	if err != nil {
		return nil, err
	}
	return guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)), nil
}

// listOrders responds with the subject of the token.
func listOrders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "orders of %s\n", token.Subject())
}
