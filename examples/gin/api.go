package main

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"

	"github.com/bearerkit/bearerkit/adapters/ginauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI returns the API. It accepts access tokens of issuer for the audience https://api.example.com.
func newAPI(issuer string) (http.Handler, error) {
	// The verifier discovers the keys of the issuer, and checks each token.
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	if err != nil {
		return nil, err
	}
	// A Guard reads the token of a request, and writes the response if the token is rejected. The log says why.
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Logger: slog.Default()})
	if err != nil {
		return nil, err
	}
	// This Guard also accepts requests without a token.
	optional, err := middleware.New(middleware.Config{Verifier: verifier, Logger: slog.Default(), Optional: true})
	if err != nil {
		return nil, err
	}

	engine := gin.New()
	engine.Use(gin.Recovery())
	engine.GET("/", welcome)
	engine.GET("/greeting", ginauth.Middleware(optional), greetAnyone)
	// All routes of this group need a token.
	guarded := engine.Group("/", ginauth.Middleware(guard))
	guarded.GET("/me", greet)
	guarded.GET("/admin", ginauth.Middleware(guard, middleware.Role("roles", "admin")), greet)
	// These routes also need the scope.
	orders := guarded.Group("/orders", ginauth.Middleware(guard, middleware.Scopes("orders:read")))
	orders.GET("", greet)
	orders.GET("/:id", showOrder)
	return withCORS(engine), nil
}

// withCORS lets web pages of one origin call the API. It is in front of the Guards, because preflights have no token.
func withCORS(api http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example.com"},
		AllowedMethods: []string{http.MethodGet},
		AllowedHeaders: []string{"Authorization"},
		ExposedHeaders: []string{"WWW-Authenticate"},
	}).Handler(api)
}

// welcome handles a public route.
func welcome(c *gin.Context) {
	c.String(http.StatusOK, "hello stranger\n")
}

// greetAnyone handles the route with optional authentication.
func greetAnyone(c *gin.Context) {
	if token, ok := ginauth.Token(c); ok {
		c.String(http.StatusOK, "hello %s\n", token.Subject())
		return
	}
	c.String(http.StatusOK, "hello stranger\n")
}

// greet handles guarded routes.
func greet(c *gin.Context) {
	token, ok := ginauth.Token(c)
	if !ok { // only if the route has no Guard
		c.String(http.StatusUnauthorized, "no token\n")
		return
	}
	c.String(http.StatusOK, "hello %s\n", token.Subject())
}

// claims are the claims that the application uses, besides those that have methods.
type claims struct {
	Tenant string `json:"tenant"`
}

// showOrder reads a path parameter and a claim.
func showOrder(c *gin.Context) {
	token, ok := ginauth.Token(c)
	if !ok {
		c.String(http.StatusUnauthorized, "no token\n")
		return
	}
	own, err := consumer.ClaimsAs[claims](token)
	if err != nil { // a claim has another type
		c.String(http.StatusForbidden, "unknown claims\n")
		return
	}
	c.String(http.StatusOK, "order %s of %s, tenant %s\n", c.Param("id"), token.Subject(), own.Tenant)
}
