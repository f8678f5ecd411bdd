package grpcauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }

// text is the message of all methods.
type text = wrapperspb.StringValue

// methods are the handlers of a service with the methods Show (unary) and Chat (streams in both directions).
type methods struct {
	show func(context.Context, *text) (*text, error)
	chat func(grpc.ServerStream) error
}

const (
	show = "/test.Orders/Show"
	chat = "/test.Orders/Chat"
)

// describe returns the description of a service.
func describe(service, unary, stream string) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: unary,
			Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
				in := new(text)
				if err := decode(in); err != nil {
					return nil, err
				}
				handle := func(ctx context.Context, in any) (any, error) { return srv.(*methods).show(ctx, in.(*text)) }
				if intercept == nil {
					return handle(ctx, in)
				}
				return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + service + "/" + unary}, handle)
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName: stream, ClientStreams: true, ServerStreams: true,
			Handler: func(srv any, ss grpc.ServerStream) error { return srv.(*methods).chat(ss) },
		}},
	}
}

// greet responds with the subject of the token.
func greet(ctx context.Context, _ *text) (*text, error) {
	if token, ok := grpcauth.Token(ctx); ok {
		return wrapperspb.String("hello " + token.Subject()), nil
	}
	return wrapperspb.String("hello nobody"), nil
}

// echo returns each message until the client closes its side.
func echo(ss grpc.ServerStream) error {
	for {
		in := new(text)
		if err := ss.RecvMsg(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := ss.SendMsg(in); err != nil {
			return err
		}
	}
}

// inMemory serves over a connection in memory and returns a client.
func inMemory(t *testing.T, server *grpc.Server) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	return serve(t, server, listener, grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// serve serves on listener and returns a client. Both end with the test.
func serve(t *testing.T, server *grpc.Server, listener net.Listener, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		<-done
	})
	return conn
}

// newGuard returns a Guard for the tokens of issuer. change may be nil.
func newGuard(t *testing.T, issuer *bearertest.Issuer, change func(*consumer.Config, *middleware.Config)) *middleware.Guard {
	t.Helper()
	verifier := consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(), Logger: logscan.Logger(),
	}
	cfg := middleware.Config{Logger: logscan.Logger()}
	if change != nil {
		change(&verifier, &cfg)
	}
	c, err := consumer.New(verifier)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Verifier = c
	guard, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
}

func newInterceptors(t *testing.T, cfg grpcauth.Config) *grpcauth.Interceptors {
	t.Helper()
	i, err := grpcauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// with returns a context for a call with a bearer token.
func with(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}
