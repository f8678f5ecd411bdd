// Command quickstart runs an authorization server and an API that verifies its tokens, both on loopback. It needs only Go. It
// prints curl commands to try, rotates the keys of the issuer on request, and serves metrics and probes. It logs why the API
// rejects a request. With -tour, it sends the requests itself, prints the responses and the log lines of the rejected requests,
// and fails if one of them is wrong.
//
// The file api.go contains everything that an API needs.
package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends. With -tour, it sends requests
// itself.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stdout)
	addr := flags.String("addr", "", "loopback `address` of the API; empty: 127.0.0.1:8080, or a free port if that one is in use")
	tour := flags.Bool("tour", false, "send the requests, print the responses, and fail if one is wrong")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *tour {
		return takeTour(ctx, stdout, newAPI)
	}
	return demo.Run(ctx, stdout, *addr, demo.Try+tryMore, func(issuer string) (http.Handler, error) {
		return newAPI(issuer, slog.Default())
	})
}

const tryMore = `
# rotate the keys: the issuer still publishes the old key. The API fetches the new one when it receives a new token: 200, 200
OLD=$(curl -s {issuer}/token/good)
curl -X POST {issuer}/rotate
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/good)"
curl -i {api}/me -H "Authorization: Bearer $OLD"

# rotate again: the issuer withdraws the first key. After a new token, the API rejects the old one: 200, 401
curl -X POST {issuer}/rotate
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/good)"
curl -i {api}/me -H "Authorization: Bearer $OLD"

# liveness and readiness: 200, 200
curl -i {api}/healthz
curl -i {api}/readyz

# metrics
curl -s {api}/metrics

# If a token is rejected, this terminal shows the log line of the API, which says why.
`
