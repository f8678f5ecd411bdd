// Command httprouter runs an API with httprouter that verifies access tokens. It also runs an issuer for them. Both listen on
// loopback. The program prints commands to try.
//
//	go run ./examples/httprouter
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/julienschmidt/httprouter"

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

	router := httprouter.New()
	router.HandlerFunc(http.MethodGet, "/", welcome)
	// httprouter has no groups, so guarded wraps each handler. It adds a route that requires a token, which must satisfy the rules.
	guarded := func(path string, handler http.HandlerFunc, rules ...middleware.Rule) {
		router.Handler(http.MethodGet, path, guard.With(rules...)(handler))
	}
	guarded("/me", greet)
	guarded("/orders", greet, middleware.Scopes("orders:read"))
	guarded("/orders/:id", showOrder, middleware.Scopes("orders:read"))
	guarded("/admin", greet, middleware.Role("roles", "admin"))
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

// showOrder writes the path parameter and the subject of the token. Router.Handler has added the parameter to the context.
func showOrder(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "order %s of %s\n", httprouter.ParamsFromContext(r.Context()).ByName("id"), token.Subject())
}
