package grpcauth_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// A server of net/http can also serve the calls. Rejections and the ends of streams are the same.
func TestServeHTTP(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var f flag
	i := newInterceptors(t, grpcauth.Config{
		Guard:  newGuard(t, issuer, func(c *consumer.Config, _ *middleware.Config) { c.Status = &f }),
		Policy: policy{show: {middleware.Scopes("read")}, chat: nil}, Recheck: time.Millisecond,
	})
	server := grpc.NewServer(i.ServerOptions()...)
	i.Registrar(server).RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	front := httptest.NewUnstartedServer(server)
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)
	roots := x509.NewCertPool()
	roots.AddCert(front.Certificate())
	conn, err := grpc.NewClient(front.Listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13,
	})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	token := issuer.AccessToken().Set("scope", "read").Sign()
	out := new(text)
	if err := conn.Invoke(with(t.Context(), token), show, wrapperspb.String(""), out); err != nil || out.GetValue() != "hello alice" {
		t.Errorf("with a token: %q, %v", out.GetValue(), err)
	}
	for token, want := range map[string]string{"x.y.z": "invalid_token", issuer.AccessToken().Sign(): "insufficient_scope"} {
		var header metadata.MD
		err := conn.Invoke(with(t.Context(), token), show, wrapperspb.String(""), new(text), grpc.Header(&header))
		if got := received(t, err, header); got.Message != want || got.Reason != strings.ToUpper(want) ||
			!strings.Contains(strings.Join(header["www-authenticate"], ";"), want) {
			t.Errorf("%+v, expected %s", got, want)
		}
	}
	if err := conn.Invoke(t.Context(), "/unknown.Orders/Show", wrapperspb.String(""), new(text)); status.Code(err) != codes.Unauthenticated {
		t.Errorf("unknown method: %v", err)
	}
	client, err := conn.NewStream(with(t.Context(), token), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, chat)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, client)
	f.revoked.Store(true)
	wantEnd(t, client, codes.Unauthenticated, "")
}
