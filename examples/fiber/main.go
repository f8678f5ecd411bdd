// Command fiber runs an API with Fiber that verifies access tokens. It also runs an issuer for them. Both listen on loopback.
// The program prints commands to try.
//
//	go run ./examples/fiber
package main

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v3"
	fiberrecover "github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.RunServer(ctx, stdout, "", demo.Try, func(issuer string) (demo.ServeFunc, error) {
		app, err := newAPI(issuer)
		return func(ctx context.Context, listener net.Listener) error { return serve(ctx, listener, app) }, err
	})
}

// serve serves requests until ctx ends. It then waits up to 5 seconds for running requests.
func serve(ctx context.Context, listener net.Listener, app *fiber.App) error {
	return app.Listener(listener, fiber.ListenConfig{
		DisableStartupMessage: true, GracefulContext: ctx, ShutdownTimeout: 5 * time.Second,
	})
}

// newAPI returns the API. It accepts access tokens of issuer for the audience https://api.example.com.
func newAPI(issuer string) (*fiber.App, error) {
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

	app := fiber.New(fiber.Config{
		ReadBufferSize: 32 << 10, // limits the size of the header; the default of 4 KiB is too small for many tokens
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		IdleTimeout:    time.Minute,
	})
	app.Use(fiberrecover.New())
	app.Get("/", welcome)
	// All routes of this group need a token. Two of them also have a rule, which the token must satisfy.
	guarded := app.Group("/", fiberauth.Middleware(guard))
	guarded.Get("/me", greet)
	guarded.Get("/orders", fiberauth.Middleware(guard, middleware.Scopes("orders:read")), greet)
	guarded.Get("/admin", fiberauth.Middleware(guard, middleware.Role("roles", "admin")), greet)
	return app, nil
}

// welcome handles the public route. It must not use a token, because none was verified.
func welcome(c fiber.Ctx) error {
	return c.SendString("hello stranger\n")
}

// greet handles the guarded routes. The Guard has verified the token before.
func greet(c fiber.Ctx) error {
	token, ok := fiberauth.Token(c)
	if !ok { // only if the route has no Guard
		return fiber.ErrUnauthorized
	}
	return c.SendString("hello " + token.Subject() + "\n")
}
