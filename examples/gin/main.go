// Command gin runs an API with gin that verifies access tokens. It also runs an issuer for them. Both listen on loopback.
// The file api.go contains everything that an API needs.
package main

import (
	"context"
	"io"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	// Otherwise gin prints its routes.
	gin.SetMode(gin.ReleaseMode)
	return demo.Run(ctx, stdout, "", demo.Try, newAPI)
}
