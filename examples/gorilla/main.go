// Command gorilla runs an API with gorilla/mux that verifies access tokens. It also runs an issuer for them. Both listen on
// loopback. The program prints commands to try.
//
//	go run ./examples/gorilla
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.Run(ctx, stdout, "", demo.Try, newAPI)
}

// newAPI returns the API. It accepts access tokens of issuer for the audience https://api.example.com.
func newAPI(issuer string) (http.Handler, error) {
	// The verifier discovers the keys of the issuer, and checks each token. The Guard reads the token of a request, and
	// writes the response if the token is rejected.
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}

	router := mux.NewRouter()
	router.HandleFunc("/", welcome).Methods(http.MethodGet)
	// All routes of this subrouter need a token. Two of them also have a rule, which the token must satisfy.
	guarded := router.NewRoute().Subrouter()
	guarded.Use(guard.With())
	guarded.HandleFunc("/me", greet).Methods(http.MethodGet)
	guarded.Handle("/orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(greet))).Methods(http.MethodGet)
	guarded.Handle("/orders/{id}", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(showOrder))).Methods(http.MethodGet)
	guarded.Handle("/admin", guard.With(middleware.Role("roles", "admin"))(http.HandlerFunc(greet))).Methods(http.MethodGet)
	return router, nil
}

// welcome handles the public route. It must not use a token, because none was verified.
func welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "hello stranger")
}

// greet handles the guarded routes. The Guard has verified the token before.
func greet(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}

// showOrder writes the path parameter and the subject of the token. The Guard does not change how mux.Vars is used.
func showOrder(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "order %s of %s\n", mux.Vars(r)["id"], token.Subject()) //nolint:gosec // sent as text/plain
}
