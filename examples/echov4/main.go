// Command echov4 runs an API with echo v4 that verifies access tokens. It also runs an issuer for them. Both listen on loopback.
package main

import (
	"context"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearerkit/adapters/echov4auth"
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

	e := echo.New()
	e.GET("/", welcome)
	// All routes of this group need a token. Two of them also have a rule, which the token must satisfy.
	guarded := e.Group("", echov4auth.Middleware(guard))
	guarded.GET("/me", greet)
	guarded.GET("/orders", greet, echov4auth.Middleware(guard, middleware.Scopes("orders:read")))
	guarded.GET("/admin", greet, echov4auth.Middleware(guard, middleware.Role("roles", "admin")))
	return e, nil
}

// welcome handles the public route. It must not use a token, because none was verified.
func welcome(c echo.Context) error {
	return c.String(http.StatusOK, "hello stranger\n")
}

// greet handles the guarded routes. The Guard has verified the token before.
func greet(c echo.Context) error {
	token, ok := echov4auth.Token(c)
	if !ok { // only if the route has no Guard
		return c.String(http.StatusUnauthorized, "no token\n")
	}
	return c.String(http.StatusOK, "hello "+token.Subject()+"\n")
}
