package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/cors"
	fiberrecover "github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI returns the API. It accepts access tokens of issuer for the audience https://api.example.com.
func newAPI(issuer string) (*fiber.App, error) {
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

	app := fiber.New(fiber.Config{
		ReadBufferSize: 32 << 10, // limits the size of the header; the default of 4 KiB is too small for many tokens
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		IdleTimeout:    time.Minute,
	})
	app.Use(fiberrecover.New(), withCORS())
	app.Get("/", welcome)
	app.Get("/greeting", fiberauth.Middleware(optional), greetAnyone)
	// All routes of this group need a token.
	guarded := app.Group("/", fiberauth.Middleware(guard))
	guarded.Get("/me", greet)
	guarded.Get("/admin", fiberauth.Middleware(guard, middleware.Role("roles", "admin")), greet)
	// These routes also need the scope.
	orders := guarded.Group("/orders", fiberauth.Middleware(guard, middleware.Scopes("orders:read")))
	orders.Get("/", greet)
	orders.Get("/:id", showOrder)
	return app, nil
}

// withCORS lets web pages of one origin call the API. It is in front of the Guards, because preflights have no token.
func withCORS() fiber.Handler {
	return cors.New(cors.Config{
		AllowOrigins:  []string{"https://app.example.com"},
		AllowMethods:  []string{fiber.MethodGet},
		AllowHeaders:  []string{fiber.HeaderAuthorization},
		ExposeHeaders: []string{fiber.HeaderWWWAuthenticate},
	})
}

// welcome handles a public route.
func welcome(c fiber.Ctx) error {
	return c.SendString("hello stranger\n")
}

// greetAnyone handles the route with optional authentication.
func greetAnyone(c fiber.Ctx) error {
	if token, ok := fiberauth.Token(c); ok {
		return c.SendString("hello " + token.Subject() + "\n")
	}
	return c.SendString("hello stranger\n")
}

// greet handles guarded routes.
func greet(c fiber.Ctx) error {
	token, ok := fiberauth.Token(c)
	if !ok { // only if the route has no Guard
		return fiber.ErrUnauthorized
	}
	return c.SendString("hello " + token.Subject() + "\n")
}

// claims are the claims that the application uses, besides those that have methods.
type claims struct {
	Tenant string `json:"tenant"`
}

// showOrder reads a path parameter and a claim.
func showOrder(c fiber.Ctx) error {
	token, ok := fiberauth.Token(c)
	if !ok {
		return fiber.ErrUnauthorized
	}
	own, err := consumer.ClaimsAs[claims](token)
	if err != nil { // a claim has another type
		return fiber.ErrForbidden
	}
	return c.SendString(fmt.Sprintf("order %s of %s, tenant %s\n", c.Params("id"), token.Subject(), own.Tenant))
}
