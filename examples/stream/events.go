package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// events sends an event "tick" every second, and at the end an event "end" with the reason. EventSource in a browser cannot
// send a token. Use fetch there, which can also read the stream.
func events(program context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := whileGood(program, r.Context())
		defer cancel()
		stream := eventStream{w, http.NewResponseController(w)}
		if err := stream.open(); err != nil {
			http.Error(w, "streaming is not supported", http.StatusInternalServerError)
			return
		}
		ticks := time.NewTicker(tickEvery)
		defer ticks.Stop()
		for n := 1; ctx.Err() == nil; n++ {
			if err := stream.send("tick", strconv.Itoa(n)); err != nil {
				return
			}
			select {
			case <-ctx.Done():
			case <-ticks.C:
			}
		}
		_ = stream.send("end", endingOf(ctx).reason)
	})
}

// eventStream writes server-sent events to a response.
type eventStream struct {
	http.ResponseWriter
	control *http.ResponseController
}

// open sets the headers of the response, and returns an error if the response cannot be streamed.
func (s eventStream) open() error {
	s.Header().Set("Content-Type", "text/event-stream")
	s.Header().Set("Cache-Control", "no-store")
	return s.extend()
}

// send writes one event and flushes it to the client.
func (s eventStream) send(event, data string) error {
	if err := s.extend(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return s.control.Flush()
}

// extend extends the write deadline of the server for the next event.
func (s eventStream) extend() error {
	return s.control.SetWriteDeadline(time.Now().Add(writeWait))
}
