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
	tokenProtocol = "bearer." // followed by the token
)

var errProtocols = fmt.Errorf("%w: the subprotocols must contain exactly one token", middleware.ErrInvalidRequest)

// subprotocolToken is a [middleware.TokenSource] for WebSockets of browsers. The only header that a browser lets a page set
// for a WebSocket is the list of subprotocols: new WebSocket(url, ["ticks.v1", "bearer." + token]). All characters of a JWT
// are allowed there.
//
// Like the Authorization header, and unlike a cookie, a browser never sends the token by itself, so other sites cannot use
// it. It is also not in the URL. But proxies and logs do not treat this header as confidential. Make sure that it is not
// logged, and use tokens that expire soon. A request with a token in both headers is rejected. The response names ticks.v1,
// never the token.
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

// socket sends a message every second, and at the end a close frame with the reason. It expects no messages from clients.
// Accept compares Origin with Host and rejects pages of other origins. Do not disable that check; list further origins in
// OriginPatterns. A server that shuts down does not wait for WebSockets. If clients must receive the last close frame, the
// program has to wait for it.
func socket(program context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := whileGood(program, r.Context())
		defer cancel()
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
		if err != nil {
			return // Accept has written the response
		}
		defer func() { _ = conn.CloseNow() }()

		// Do not use ctx here: if its context ends during a read or write, the connection is closed without a close frame.
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
