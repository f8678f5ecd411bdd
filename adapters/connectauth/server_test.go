package connectauth_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

type text = wrapperspb.StringValue

// world is an issuer and a Guard for its tokens.
type world struct {
	issuer  *bearertest.Issuer
	guard   *middleware.Guard
	revoked atomic.Bool
	down    atomic.Bool // the store with the status of tokens
}

func newWorld(t *testing.T, change ...func(*middleware.Config)) *world {
	t.Helper()
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	keys, err := jwks.ParseJWKS(w.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: w.issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys, Status: w, Logger: logscan.Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := middleware.Config{Verifier: verifier, Logger: logscan.Logger()}
	for _, change := range change {
		change(&cfg)
	}
	if w.guard, err = middleware.New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// Active implements consumer.TokenStatus.
func (w *world) Active(context.Context, consumer.StatusToken) (bool, error) {
	if w.down.Load() {
		return false, io.ErrUnexpectedEOF
	}
	return !w.revoked.Load(), nil
}

// bearer returns the header field Authorization of alice, who may read orders.
func (w *world) bearer() string {
	return "Bearer " + w.issuer.AccessToken().Set("scope", "orders:read").Sign()
}

// pipe is a listener for connections in memory, which work in the bubbles of synctest.
type pipe struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// serve starts a server in memory and returns a client for it. The client uses HTTP/1.1 if old is set, and otherwise HTTP/2.
func serve(t *testing.T, handler http.Handler, old bool) *http.Client {
	t.Helper()
	p := &pipe{accepted: make(chan net.Conn), closed: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetHTTP1(old)
	protocols.SetUnencryptedHTTP2(!old)
	server := &http.Server{Handler: handler, Protocols: &protocols, ErrorLog: log.New(failing{t}, "", 0)}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(p) })
	transport := &http.Transport{
		Protocols: &protocols, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			select {
			case p.accepted <- server:
				return client, nil
			case <-p.closed:
				return nil, net.ErrClosed
			}
		},
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		done.Wait()
	})
	return &http.Client{Transport: transport}
}

// failing is the error log of a server. A line in it, for example about a header that was written twice, fails the test.
type failing struct{ t *testing.T }

func (f failing) Write(line []byte) (int, error) {
	f.t.Errorf("the server logs: %s", line)
	return len(line), nil
}

// authorized returns a request for a stream or call.
func authorized(bearer, message string) *connect.Request[text] {
	r := connect.NewRequest(wrapperspb.String(message))
	if bearer != "" {
		r.Header().Set("Authorization", bearer)
	}
	return r
}
