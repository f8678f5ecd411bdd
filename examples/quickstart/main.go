// Command quickstart shows the kit at work on a machine that has nothing but Go: an authorization server and an API
// guarded for its tokens, both on loopback, with the curl lines to try them. It rotates the issuer's keys on request
// and serves metrics and probes. With -tour it sends the requests itself, shows what is answered, and fails if an
// answer is not the one it should be.
//
// What an API needs of the kit is in api.go.
package main

import (
	"context"
	"flag"
	"io"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stdout)
	addr := flags.String("addr", "", "where the API listens, on loopback; empty: 127.0.0.1:8080, or a free port if that is taken")
	tour := flags.Bool("tour", false, "send the requests, show the answers, and fail if one is not as it should be")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *tour {
		return takeTour(ctx, stdout, newAPI)
	}
	return demo.Run(ctx, stdout, *addr, demo.Try+tryMore, newAPI)
}

const tryMore = `
# rotate the issuer's keys: the old key stays published, and the API fetches the new one when it meets a new token
OLD=$(curl -s {issuer}/token/good)
curl -X POST {issuer}/rotate
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/good)"
curl -i {api}/me -H "Authorization: Bearer $OLD"

# rotate again: the first key is withdrawn, and once the API has met a new token, the old one is refused
curl -X POST {issuer}/rotate
curl -i {api}/me -H "Authorization: Bearer $(curl -s {issuer}/token/good)"
curl -i {api}/me -H "Authorization: Bearer $OLD"

# is the process alive, and may requests be sent to it: 200 and 200
curl -i {api}/healthz
curl -i {api}/readyz

# what happened so far, in numbers
curl -s {api}/metrics
`
