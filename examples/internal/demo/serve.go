package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const usualAddr = "127.0.0.1:8080"

// Listen listens on addr, which must be an address of the machine itself. Empty: 127.0.0.1:8080, or a free port where
// that one is taken.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		listener, err := listen(ctx, usualAddr)
		if err != nil {
			return listen(ctx, freeAddr)
		}
		return listener, nil
	}
	if at, err := netip.ParseAddrPort(addr); err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("%q is not an address of the machine itself with a port, such as %s", addr, usualAddr)
	}
	return listen(ctx, addr)
}

const freeAddr = "127.0.0.1:0"

func listen(ctx context.Context, addr string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

// Start is [Serve] in the background. stop ends it, and returns when nobody answers on listener any more.
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

// NewServer limits what a client can take of a server by being slow. WriteTimeout bounds a whole answer, so it is for
// answers that end: a handler that streams moves it with [http.ResponseController], and one that hijacks its connection
// is free of it. ReadTimeout bounds a whole request, and is over when the request has been read.
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

// Serve answers on listener until ctx ends, and lets the requests finish that are running then.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := NewServer(handler)
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
