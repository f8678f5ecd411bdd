package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, func(issuer string) (http.Handler, error) {
		app, err := newAPI(issuer)
		if err != nil {
			return nil, err
		}
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- serve(ctx, listener, app) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return forward(listener.Addr().String()), nil
	}, demotest.Unrouted{Unknown: 401, Post: 401, Head: 401, Slashes: 401, Slash: 401, Options: 401})
}

// forward returns a handler that sends its requests to the server at address.
func forward(address string) http.Handler {
	transport := &http.Transport{DisableKeepAlives: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", address
		response, err := transport.RoundTrip(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = response.Body.Close() }()
		for name, lines := range response.Header {
			w.Header()[name] = lines
		}
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body)
	})
}

// The program ends without an error when its context ends.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var printed output
	printed.written = cancel // once it serves, or is about to
	if err := run(ctx, nil, &printed); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !bytes.Contains(printed.text.Bytes(), []byte("/orders -H")) {
		t.Errorf("printed %q", printed.text.String())
	}
}

// output calls written after the first Write.
type output struct {
	text    bytes.Buffer
	written func()
}

func (o *output) Write(data []byte) (int, error) {
	defer o.written()
	return o.text.Write(data)
}
