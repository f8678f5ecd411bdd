// Command gorilla runs an API with gorilla/mux that verifies access tokens. It also runs an issuer for them. Both listen on
// loopback. The program prints commands to try.
//
//	go run ./examples/gorilla
package main

import (
	"context"
	"io"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.Run(ctx, stdout, "", demo.Try, newAPI)
}
