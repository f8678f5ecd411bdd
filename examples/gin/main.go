// Command gin runs an API with gin that verifies access tokens. It also runs an issuer for them. Both listen on loopback.
package main

import (
	"context"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearerkit/adapters/ginauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	// Otherwise gin prints its routes.
	gin.SetMode(gin.ReleaseMode)
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

	engine := gin.New()
	engine.Use(gin.Recovery())
	engine.GET("/", welcome)
	// All routes of this group need a token. Two of them also have a rule, which the token must satisfy.
	guarded := engine.Group("/", ginauth.Middleware(guard))
	guarded.GET("/me", greet)
	guarded.GET("/orders", ginauth.Middleware(guard, middleware.Scopes("orders:read")), greet)
	guarded.GET("/admin", ginauth.Middleware(guard, middleware.Role("roles", "admin")), greet)
	return engine, nil
}

// welcome handles the public route. It must not use a token, because none was verified.
func welcome(c *gin.Context) {
	c.String(http.StatusOK, "hello stranger\n")
}

// greet handles the guarded routes. The Guard has verified the token before.
func greet(c *gin.Context) {
	token, ok := ginauth.Token(c)
	if !ok { // only if the route has no Guard
		c.String(http.StatusUnauthorized, "no token\n")
		return
	}
	c.String(http.StatusOK, "hello %s\n", token.Subject())
}
