package drain_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/drain"
)

const request = "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n"

// Shutdown closes unused connections at once, and waits for running requests. The test runs in virtual time.
func TestCloseUnused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		send     string        // by the client, before Shutdown
		runs     time.Duration // of the handler
		wait     time.Duration // of Shutdown, at most
		timeout  bool          // Shutdown ends before the request
		response bool          // the client receives one
	}{
		"nothing":                {wait: time.Second},
		"idle after a request":   {send: request, wait: time.Second, response: true},
		"running request":        {send: request, runs: 3 * time.Second, wait: 4 * time.Second, response: true},
		"request past the limit": {send: request, runs: 9 * time.Second, wait: 4 * time.Second, timeout: true, response: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, listener := newServer(func() { <-time.After(test.runs) })
				ended := make(chan error, 1)
				go func() { ended <- server.Serve(listener) }()
				client := listener.dial()
				received := make(chan int, 1)
				go func() {
					response, _ := io.ReadAll(client)
					received <- len(response)
				}()
				_, _ = io.WriteString(client, test.send)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				start := time.Now()
				err := server.Shutdown(ctx)
				if took := time.Since(start); took > test.wait {
					t.Errorf("Shutdown takes %v of virtual time, want at most %v", took, test.wait)
				}
				if test.timeout != errors.Is(err, context.DeadlineExceeded) || !test.timeout && err != nil {
					t.Errorf("Shutdown returns %v", err)
				}
				if got := <-received > 0; got != test.response {
					t.Errorf("the client receives a response: %v", got)
				}
				if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
					t.Errorf("Serve returns %v", err)
				}
			})
		})
	}
}

// A connection that is accepted while Shutdown begins is closed too.
func TestCloseUnused_LateConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, _ := newServer(func() {})
		if err := server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		client, accepted := net.Pipe()
		server.ConnState(accepted, http.StateNew)
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
	})
}

// newServer returns a server whose handler calls run, and a listener for it.
func newServer(run func()) (*http.Server, pipes) {
	server := &http.Server{
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) { run() }),
		ReadHeaderTimeout: time.Minute,
	}
	drain.CloseUnused(server)
	return server, pipes{make(chan net.Conn), make(chan struct{})}
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the end of the client of a new connection.
func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}
