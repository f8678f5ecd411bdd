// Command stream guards responses that outlast their request: server-sent events and a WebSocket. Both end when their
// token does, by expiry or by revocation, and tell the client which. It runs beside an issuer of its own on loopback.
package main

import (
	"context"
	"io"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

func run(ctx context.Context, _ []string, stdout io.Writer) error {
	return demo.Run(ctx, stdout, "", try, func(issuer string) (http.Handler, error) {
		return newAPI(ctx, consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	})
}

const try = `
The issuer is {issuer}, the API is {api}. Try, in another terminal:

# events, until the token ends in a quarter of a minute
curl -N {api}/events -H "Authorization: Bearer $(curl -s {issuer}/token/short)"

# a token that lasts an hour is revoked after three seconds, and its events end
TOKEN=$(curl -s {issuer}/token/good)
(sleep 3; curl -X POST {api}/logout -H "Authorization: Bearer $TOKEN") &
curl -N {api}/events -H "Authorization: Bearer $TOKEN"

# no token: 401
curl -i {api}/events

# a WebSocket, in the console of a browser that shows {api}/, with a token of {issuer}/token/short
socket = new WebSocket("ws://" + location.host + "/socket", ["ticks.v1", "bearer." + "the token"])
socket.onmessage = e => console.log(e.data)
socket.onclose = e => console.log(e.code, e.reason)
`
