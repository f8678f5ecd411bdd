package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/bearerkit/bearerkit/internal/drain"
)

// usualAddr is the address of the API if it is free.
const usualAddr = "127.0.0.1:8080"

// Listen listens on addr, which must be a loopback address with a port. If addr is empty, it listens on 127.0.0.1:8080, or on
// a free port if that one is in use.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		listener, err := listen(ctx, usualAddr)
		if err != nil {
			return listen(ctx, freeAddr)
		}
		return listener, nil
	}
	if at, err := netip.ParseAddrPort(addr); err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("%q is not a loopback address with a port, such as %s", addr, usualAddr)
	}
	return listen(ctx, addr)
}

// freeAddr selects any free port.
const freeAddr = "127.0.0.1:0"

func listen(ctx context.Context, addr string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

// Start calls [Serve] in a new goroutine. stop stops the server and waits until it has ended.
func Start(ctx context.Context, listener net.Listener, handler http.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = Serve(ctx, listener, handler)
	}()
	return func() {
		cancel()
		<-stopped
	}
}

// NewServer returns a server with timeouts, so that slow clients cannot keep connections open. ReadTimeout limits the time to
// read a whole request. WriteTimeout limits the time to write a whole response: a handler that streams extends it with
// [http.ResponseController]. It does not apply to hijacked connections.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}

// Serve serves requests on listener until ctx ends. It then waits up to 5 seconds for running requests. It does not wait for
// connections on which no request has arrived.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := NewServer(handler)
	drain.CloseUnused(server)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
