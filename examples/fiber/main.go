// Command fiber runs an API with Fiber that verifies access tokens. It also runs an issuer for them. Both listen on loopback.
// The file api.go contains everything that an API needs.
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

	"github.com/bearerkit/bearerkit/examples/internal/demo"
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
