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

func run(ctx context.Context, _ []string, stdout io.Writer) error {
	gin.SetMode(gin.ReleaseMode)
	return demo.Run(ctx, stdout, "", demo.Try, newAPI)
}

func newAPI(issuer string) (http.Handler, error) {
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
	guarded := engine.Group("/", ginauth.Middleware(guard))
	guarded.GET("/me", greet)
	guarded.GET("/orders", ginauth.Middleware(guard, middleware.Scopes("orders:read")), greet)
	guarded.GET("/admin", ginauth.Middleware(guard, middleware.Role("roles", "admin")), greet)
	return engine, nil
}

func welcome(c *gin.Context) {
	c.String(http.StatusOK, "hello stranger\n")
}

func greet(c *gin.Context) {
	token, ok := ginauth.Token(c)
	if !ok { // only if the route has no Guard
		c.String(http.StatusUnauthorized, "no token\n")
		return
	}
	c.String(http.StatusOK, "hello %s\n", token.Subject())
}
