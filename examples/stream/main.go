// Command stream runs an API with long-lived responses: server-sent events and a WebSocket. Both end when the token expires or
// is revoked, and the last message names the reason. The program also runs an issuer. Both listen on loopback.
package main

import (
	"context"
	"io"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts an issuer and the API, prints commands to try, and serves until ctx ends. The streams end with ctx too.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.Run(ctx, stdout, "", try, func(issuer string) (http.Handler, error) {
		return newAPI(ctx, consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	})
}

const try = `
The issuer is {issuer}, the API is {api}. Try these commands in another terminal:

# events until the token expires after 15 seconds
curl -N {api}/events -H "Authorization: Bearer $(curl -s {issuer}/token/short)"

# events until the token, which is valid for one hour, is revoked after 3 seconds
TOKEN=$(curl -s {issuer}/token/good)
(sleep 3; curl -X POST {api}/logout -H "Authorization: Bearer $TOKEN") &
curl -N {api}/events -H "Authorization: Bearer $TOKEN"

# no token: 401
curl -i {api}/events

# a WebSocket: open {api}/ in a browser and run this in its console, with a token from {issuer}/token/short
socket = new WebSocket("ws://" + location.host + "/socket", ["ticks.v1", "bearer." + "the token"])
socket.onmessage = e => console.log(e.data)
socket.onclose = e => console.log(e.code, e.reason)
`
