package grpcauth_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// BenchmarkCall compares calls, and messages of a stream, with and without a Guard.
func BenchmarkCall(b *testing.B) {
	issuer := newIssuer()
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client()})
	if err != nil {
		b.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		b.Fatal(err)
	}
	i, err := grpcauth.New(grpcauth.Config{Guard: guard, Policy: policy{"/test.Orders/*": nil}})
	if err != nil {
		b.Fatal(err)
	}
	ctx := with(b.Context(), issuer.AccessToken().Sign())
	for name, server := range map[string]*grpc.Server{"open": grpc.NewServer(), "guarded": grpc.NewServer(i.ServerOptions()...)} {
		server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
		listener := bufconn.Listen(1 << 16)
		go func() { _ = server.Serve(listener) }()
		b.Cleanup(server.Stop)
		conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		in := wrapperspb.String("one")
		b.Run("unary "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := conn.Invoke(ctx, show, in, new(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("message "+name, func(b *testing.B) {
			b.ReportAllocs()
			client, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, chat)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := client.SendMsg(in); err != nil {
					b.Fatal(err)
				}
				if err := client.RecvMsg(new(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
