package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Main runs a program until it ends or is told to by SIGINT or SIGTERM.
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

// Try is what [Run] prints for an API with the four routes that the examples have.
const Try = `
The issuer is {issuer}, the API is {api}. Try, in another terminal:

# a public route
curl -i {api}/

# no token: 401
curl -i {api}/me

# a good token: 200
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/good)"

# a token for another API: 401
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/wrong-audience)"

# a token that has expired: 401
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/expired)"

# a route that asks for the scope orders:read, which the token has: 200
curl -i {api}/orders -H "Authorization: Bearer $(curl -s {issuer}/token/good)"

# and a token without it: 403
curl -i {api}/orders -H "Authorization: Bearer $(curl -s {issuer}/token/no-scope)"

# a route for the role admin, without it and with it: 403, 200
curl -i {api}/admin -H "Authorization: Bearer $(curl -s {issuer}/token/good)"
curl -i {api}/admin -H "Authorization: Bearer $(curl -s {issuer}/token/admin)"
`

// Run starts an [Issuer] and beside it the API that newAPI makes for it, prints try with both addresses filled in, and
// serves until ctx ends. For addr see [Listen].
func Run(
	ctx context.Context, stdout io.Writer, addr, try string, newAPI func(issuer string) (http.Handler, error),
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
	api, err := newAPI(issuer.URL())
	if err != nil {
		return err
	}
	if addr == "" && listener.Addr().String() != usualAddr {
		try = "\n" + usualAddr + " is taken, so the API has another port.\n" + try
	}
	names := strings.NewReplacer("{issuer}", issuer.URL(), "{api}", "http://"+listener.Addr().String())
	if _, err := names.WriteString(stdout, try+"\nStop with Ctrl-C.\n"); err != nil {
		return err
	}
	return Serve(ctx, listener, api)
}
