package main

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/bearerkit/bearerkit/adapters/echov4auth"
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

	e := echo.New()
	e.Use(echomiddleware.Recover(), withCORS())
	e.GET("/", welcome)
	e.GET("/greeting", greetAnyone, echov4auth.Middleware(optional))
	// All routes of this group need a token.
	guarded := e.Group("", echov4auth.Middleware(guard))
	guarded.GET("/me", greet)
	guarded.GET("/admin", greet, echov4auth.Middleware(guard, middleware.Role("roles", "admin")))
	// These routes also need the scope.
	orders := guarded.Group("/orders", echov4auth.Middleware(guard, middleware.Scopes("orders:read")))
	orders.GET("", greet)
	orders.GET("/:id", showOrder)
	return e, nil
}

// withCORS lets web pages of one origin call the API. It is in front of the Guards, because preflights have no token.
func withCORS() echo.MiddlewareFunc {
	return echomiddleware.CORSWithConfig(echomiddleware.CORSConfig{
		AllowOrigins:  []string{"https://app.example.com"},
		AllowMethods:  []string{http.MethodGet},
		AllowHeaders:  []string{echo.HeaderAuthorization},
		ExposeHeaders: []string{echo.HeaderWWWAuthenticate},
	})
}

// welcome handles a public route.
func welcome(c echo.Context) error {
	return c.String(http.StatusOK, "hello stranger\n")
}

// greetAnyone handles the route with optional authentication.
func greetAnyone(c echo.Context) error {
	if token, ok := echov4auth.Token(c); ok {
		return c.String(http.StatusOK, "hello "+token.Subject()+"\n")
	}
	return c.String(http.StatusOK, "hello stranger\n")
}

// greet handles guarded routes.
func greet(c echo.Context) error {
	token, ok := echov4auth.Token(c)
	if !ok { // only if the route has no Guard
		return echo.ErrUnauthorized
	}
	return c.String(http.StatusOK, "hello "+token.Subject()+"\n")
}

// claims are the claims that the application uses, besides those that have methods.
type claims struct {
	Tenant string `json:"tenant"`
}

// showOrder reads a path parameter and a claim.
func showOrder(c echo.Context) error {
	token, ok := echov4auth.Token(c)
	if !ok {
		return echo.ErrUnauthorized
	}
	own, err := consumer.ClaimsAs[claims](token)
	if err != nil { // a claim has another type
		return echo.ErrForbidden
	}
	return c.String(http.StatusOK, fmt.Sprintf("order %s of %s, tenant %s\n", c.Param("id"), token.Subject(), own.Tenant))
}
