package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/bearerkit/bearerkit/middleware"
)

const (
	protocol      = "ticks.v1"
	tokenProtocol = "bearer." // with the token behind it
)

var errProtocols = fmt.Errorf("%w: the subprotocols hold no token, or several", middleware.ErrInvalidRequest)

// subprotocolToken is a [middleware.TokenSource] for the WebSockets of browsers, which can set no header but that of the
// subprotocols: new WebSocket(url, ["ticks.v1", "bearer." + token]). A JWT consists of characters that may stand there.
//
// It is as safe as the Authorization header in what counts most: no browser sends it by itself, as it does a cookie, so
// no other site can use the token, and it is in no URL. In one thing it is not: proxies and logs know that Authorization
// is secret, and do not know it of this header. See that nobody logs it, and prefer tokens that end soon. The rule of one
// place holds: who sends both headers with a token is refused. The answer names ticks.v1, and never the token.
func subprotocolToken(r *http.Request) (string, error) {
	var tokens []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(line, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(offer), tokenProtocol); ok {
				tokens = append(tokens, token)
			}
		}
	}
	switch {
	case len(tokens) == 0:
		return "", nil
	case len(tokens) > 1 || tokens[0] == "":
		return "", errProtocols
	}
	return tokens[0], nil
}

// socket sends a message every second and at last a close frame with the reason. Pages of other origins are refused by
// Accept, which compares Origin to Host: leave that on, and name the origins that may come in OriginPatterns. Clients send
// nothing here. A server that shuts down waits for requests, but for no WebSocket: where the last close frames matter, the
// program has to.
func socket(program context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := whileGood(program, r.Context())
		defer cancel()
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
		if err != nil {
			return // it has answered
		}
		defer func() { _ = conn.CloseNow() }()

		// Not ctx: a connection whose read or write is cut short by its context is closed without a word.
		open := conn.CloseRead(r.Context())
		ticks := time.NewTicker(tickEvery)
		defer ticks.Stop()
		for n := 1; ctx.Err() == nil && open.Err() == nil; n++ {
			if err := tell(open, conn, n); err != nil {
				return
			}
			select {
			case <-ctx.Done():
			case <-open.Done():
			case <-ticks.C:
			}
		}
		end := endingOf(ctx)
		_ = conn.Close(end.code, end.reason)
	})
}

func tell(ctx context.Context, conn *websocket.Conn, n int) error {
	ctx, cancel := context.WithTimeout(ctx, writeWait)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, "tick %d", n))
}
