package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// world runs the program in memory, so that the clock of a synctest bubble applies.
type world struct {
	issuer *bearertest.Issuer
	client *http.Client
	stop   context.CancelFunc // tells the program to stop
}

func newWorld(t *testing.T) *world {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: demo.Audience, Algorithms: []string{"ES256"}})
	ctx, stop := context.WithCancel(t.Context())
	api, err := newAPI(ctx, consumer.Config{
		Issuer: issuer.URL(), Audience: []string{demo.Audience}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	pipes := newPipes()
	server := demo.NewServer(api) // with its limits, which the streams must outlast
	go func() { _ = server.Serve(pipes) }()
	transport := &http.Transport{DialContext: pipes.dial}
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return &world{issuer: issuer, client: &http.Client{Transport: transport}, stop: stop}
}

// pipes is a [net.Listener] in memory, with a method to connect to it.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.dialled <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
