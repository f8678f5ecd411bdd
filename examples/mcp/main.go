// Command mcp runs a guarded MCP server, and a client that requests more scopes when a tool needs them:
//
//	go run ./examples/mcp
//
// The server has two tools. list_notes needs the scope notes:read, which every request needs, and delete_note also needs
// notes:admin. The client of the Go SDK signs in for notes:read, and calls list_notes. When it calls delete_note, the server
// rejects the request with a challenge. The client then signs in again for both scopes, and repeats the request.
//
// The program also starts an authorization server, and acts as the user. Both servers listen on loopback. The file server.go
// contains what a server needs, and client.go what a client needs.
//
// # Use another client
//
// With the flag -serve, the program only runs the two servers, until it is stopped:
//
//	go run ./examples/mcp -serve
//
// It prints two lines, and nothing else:
//
//	mcp http://127.0.0.1:8080/mcp
//	authorization server http://127.0.0.1:41234
//
// Connect a client to the first URL. The authorization server accepts dynamic registration (RFC 7591) and Client ID Metadata
// Documents, requires PKCE (S256) and the parameter resource (RFC 8707), and redirects to the client at once, without a sign-in
// page. The flag -addr selects the loopback address of the MCP server. With -addr 127.0.0.1:0, it is a free port.
//
// The server is stateless, so it serves revision 2026-07-28 of the specification and older ones. With the flag -sessions, it
// has sessions, and serves older revisions only.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts both servers. It then runs the client, or serves until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("mcp", flag.ContinueOnError)
	serve := flags.Bool("serve", false, "run only the servers, until the program is stopped")
	sessions := flags.Bool("sessions", false, "serve sessions (revisions before 2026-07-28)")
	addr := flags.String("addr", "", "loopback address of the MCP server; empty: 127.0.0.1:8080, or a free port")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, *addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	endpoint := "http://" + listener.Addr().String() + "/mcp"
	provider, err := startProvider(ctx, endpoint)
	if err != nil {
		return err
	}
	defer provider.stop()
	handler, err := newServer(provider.URL(), endpoint, !*sessions)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, handler.Close)() // ends open streams, so that the server can stop
	if *serve {
		_, _ = fmt.Fprintf(stdout, "mcp %s\nauthorization server %s\n", endpoint, provider.URL())
		return demo.Serve(ctx, listener, streaming(handler))
	}
	stop := demo.Start(ctx, listener, streaming(handler))
	defer stop()
	defer handler.Close()
	return tour(ctx, endpoint, stdout)
}
