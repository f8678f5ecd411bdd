// Command stepup runs an API with a sensitive route, and a client that follows its challenge (RFC 9470):
//
//	go run ./examples/stepup
//
// The API shows a balance to every user who is signed in. A transfer requires a sign-in with a second factor that is at most
// five minutes old, so the API rejects it with a challenge. The client reads the challenge, signs the user in again with the
// required factor, and repeats the request.
//
// The program also starts an authorization server, and plays the user. All parts listen on loopback. The file api.go contains
// what an API needs, and client.go what a client needs.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts the servers, sends the requests of the client, and prints what happens. It returns an error if a response is
// not the expected one.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	provider, err := startProvider(ctx)
	if err != nil {
		return err
	}
	defer provider.stop()
	handler, err := newAPI(provider.URL())
	if err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer demo.Start(ctx, listener, handler)()
	app, err := newApp(provider.URL(), "http://"+listener.Addr().String(), stdout)
	if err != nil {
		return err
	}
	return app.tour(ctx)
}

// tour signs the user in, reads the balance, and makes two transfers. Only the first transfer needs another sign-in.
func (a *app) tour(ctx context.Context) error {
	_, _ = fmt.Fprintln(a.out, "The user signs in with a password.")
	if err := a.signIn(ctx); err != nil {
		return err
	}
	for _, step := range []struct{ method, path string }{
		{http.MethodGet, "/balance"}, {http.MethodPost, "/transfers"}, {http.MethodPost, "/transfers"},
	} {
		status, body, err := a.call(ctx, step.method, step.path)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("%s %s: status %d: %s", step.method, step.path, status, body)
		}
		_, _ = fmt.Fprintf(a.out, "%s %s: %d %s\n", step.method, step.path, status, body)
	}
	return nil
}
