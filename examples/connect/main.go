// Command connect runs a server of connect-go and a client that calls it with the protocols Connect, gRPC and gRPC-Web. The
// program also runs an issuer. All servers listen on loopback. The program prints what the client receives for different tokens,
// and fails if a result is wrong.
//
//	go run ./examples/connect
//
// The file server.go contains everything that a server needs.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts the servers, makes the calls, and prints the results.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	issuer, err := demo.StartIssuer(ctx)
	if err != nil {
		return err
	}
	defer issuer.Close()
	server, err := newServer(issuer.URL())
	if err != nil {
		return err
	}
	url, stop, err := start(ctx, server)
	if err != nil {
		return err
	}
	defer stop()
	wrong := 0
	for _, protocol := range protocols() {
		for _, step := range steps(issuer) {
			got := step.take(ctx, protocol, url)
			_, _ = fmt.Fprintf(stdout, "%s, %s\n    %s\n", protocol.name, step.what, got)
			if got != step.want {
				wrong++
				_, _ = fmt.Fprintf(stdout, "    WRONG, expected %s\n", step.want)
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("connect: %d results are wrong", wrong)
	}
	return nil
}
