// Command openapi runs an API whose access rules are those of its OpenAPI document, api.yaml. It also runs an issuer for its
// tokens. Both listen on loopback. The program prints commands to try.
//
//	go run ./examples/openapi
package main

import (
	"context"
	_ "embed" // for the document
	"fmt"
	"io"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/openapi"
)

//go:embed api.yaml
var document []byte

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.Run(ctx, stdout, "", demo.Try, newAPI)
}

// newAPI returns the API. It accepts access tokens of issuer for the audience https://api.example.com.
func newAPI(issuer string) (http.Handler, error) {
	// Read reports all mistakes in the document. A document with mistakes is not enforced.
	policy, err := openapi.Read(document, openapi.Config{})
	if err != nil {
		return nil, err
	}
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", welcome)
	mux.HandleFunc("GET /me", greet)
	mux.HandleFunc("GET /orders", greet)
	mux.HandleFunc("GET /orders/{id}", showOrder)
	mux.HandleFunc("GET /admin", greet)
	return policy.Handler(guard, mux) // the rules are in the document, and not here
}

// welcome handles the public route. It must not use a token, because none was verified.
func welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello stranger")
}

// greet handles the routes that require a token. The Guard has verified it before.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the document makes the route public
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}

// showOrder handles a route with a parameter.
func showOrder(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "order %s of %s\n", r.PathValue("id"), token.Subject()) //nolint:gosec // sent as text/plain
}
