// Command grpc runs a gRPC server whose methods need access tokens, and a client that calls them. It also runs an authorization
// server. All of them listen on loopback. The program prints the results of the calls. It fails if a result is wrong.
//
//	go run ./examples/grpc
//
// The file server.go contains everything that a server needs, and client.go what a client needs. The file service.go describes
// the service. It contains what protoc generates in other programs.
package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts the servers, makes the calls, and prints the results.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	issuer, err := startIssuer(ctx)
	if err != nil {
		return err
	}
	defer issuer.stop()
	certificate, roots, err := newCertificate()
	if err != nil {
		return err
	}
	server, err := newServer(issuer.URL(), issuer.denied, certificate)
	if err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	wrong, err := callAll(ctx, stdout, issuer, listener.Addr().String(), roots)
	server.Stop()
	if fault := <-done; err == nil {
		err = fault
	}
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d results are wrong", wrong)
	}
	return err
}

// callAll makes the calls, as a client with all scopes, as one that may only read, and without a token.
func callAll(ctx context.Context, stdout io.Writer, issuer *issuer, addr string, roots *x509.CertPool) (wrong int, err error) {
	admin, err := newClient(issuer.URL(), addr, roots, "orders:read", "orders:write")
	if err != nil {
		return 0, err
	}
	defer func() { _ = admin.Close() }()
	reader, err := newClient(issuer.URL(), addr, roots, "orders:read")
	if err != nil {
		return 0, err
	}
	defer func() { _ = reader.Close() }()
	stranger, err := newConn(addr, roots)
	if err != nil {
		return 0, err
	}
	defer func() { _ = stranger.Close() }()

	for _, s := range steps(issuer, admin, reader, stranger) {
		got := describe(s.call(ctx))
		_, _ = fmt.Fprintf(stdout, "%s\n    %s\n", s.what, got)
		if got != s.want {
			wrong++
			_, _ = fmt.Fprintf(stdout, "    WRONG, expected %s\n", s.want)
		}
	}
	return wrong, nil
}

// step is one call.
type step struct {
	what string
	call func(ctx context.Context) (text string, err error)
	want string
}

func steps(issuer *issuer, admin, reader, stranger *grpc.ClientConn) []step {
	show := func(conn *grpc.ClientConn) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return orders{conn}.Show(ctx, "7") }
	}
	cancel := func(conn *grpc.ClientConn) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return orders{conn}.Cancel(ctx, "7") }
	}
	return []step{
		{"Show with the scope orders:read", show(reader), "order 7 of shop"},
		{"Cancel without the scope orders:write", cancel(reader), "PermissionDenied INSUFFICIENT_SCOPE orders:read orders:write"},
		{"Cancel with the scope orders:write", cancel(admin), "order 7 canceled by shop"},
		{"Show without a token", show(stranger), "Unauthenticated"},
		{"a method that the server does not have, without a token", func(ctx context.Context) (string, error) {
			return call(ctx, stranger, "/orders.v1.Admin/Delete", "7")
		}, "Unauthenticated"},
		{"a method that the server does not have, with a token", func(ctx context.Context) (string, error) {
			return call(ctx, admin, "/orders.v1.Admin/Delete", "7")
		}, "PermissionDenied"},
		{"health without a token", healthOf(stranger), "SERVING"},
		{"an event of Watch, then the token of the stream is revoked", func(ctx context.Context) (string, error) {
			next, err := orders{reader}.Watch(ctx)
			if err != nil {
				return "", err
			}
			if _, err := next(); err != nil {
				return "", err
			}
			if err := issuer.revoke(ctx); err != nil {
				return "", err
			}
			for {
				if _, err := next(); err != nil {
					return "", err
				}
			}
		}, "Unauthenticated INVALID_TOKEN"},
	}
}
