package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Main calls run with a context that ends on SIGINT or SIGTERM. It prints the error and exits with status 1.
func Main(run func(ctx context.Context, args []string, stdout io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Try is the text that [Run] prints for an API with the four routes of the examples.
const Try = `
The issuer is {issuer}, the API is {api}. Try these commands in another terminal:

# a public route: 200
curl -i {api}/

# no token: 401
curl -i {api}/me

# a good token: 200
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/good)"

# a token for another API: 401
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/wrong-audience)"

# a token that has expired: 401
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/expired)"

# a route that requires the scope orders:read, which the token has: 200
curl -i {api}/orders -H "Authorization: Bearer $(curl -s {issuer}/token/good)"

# the same route with a token without the scope: 403
curl -i {api}/orders -H "Authorization: Bearer $(curl -s {issuer}/token/no-scope)"

# a route that requires the role admin, without and with the role: 403, 200
curl -i {api}/admin -H "Authorization: Bearer $(curl -s {issuer}/token/good)"
curl -i {api}/admin -H "Authorization: Bearer $(curl -s {issuer}/token/admin)"
`

// Run starts an [Issuer] and the API that newAPI returns for it. It prints try, with {issuer} and {api} replaced by their
// URLs, and serves until ctx ends. [Listen] describes addr.
func Run(
	ctx context.Context, stdout io.Writer, addr, try string, newAPI func(issuer string) (http.Handler, error),
) error {
	return RunServer(ctx, stdout, addr, try, func(issuer string) (ServeFunc, error) {
		api, err := newAPI(issuer)
		return func(ctx context.Context, listener net.Listener) error { return Serve(ctx, listener, api) }, err
	})
}

// ServeFunc serves an API on listener until ctx ends.
type ServeFunc func(ctx context.Context, listener net.Listener) error

// RunServer is [Run] for an API that does not use net/http.
func RunServer(
	ctx context.Context, stdout io.Writer, addr, try string, newServer func(issuer string) (ServeFunc, error),
) error {
	listener, err := Listen(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	issuer, err := StartIssuer(ctx)
	if err != nil {
		return err
	}
	defer issuer.Close()
	serve, err := newServer(issuer.URL())
	if err != nil {
		return err
	}
	if addr == "" && listener.Addr().String() != usualAddr {
		try = "\n" + usualAddr + " is in use, so the API listens on another port.\n" + try
	}
	names := strings.NewReplacer("{issuer}", issuer.URL(), "{api}", "http://"+listener.Addr().String())
	if _, err := names.WriteString(stdout, try+"\nPress Ctrl-C to stop.\n"); err != nil {
		return err
	}
	return serve(ctx, listener)
}
