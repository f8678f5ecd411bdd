package grpcauth_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// The rows run over a server and a client of grpc-go, as a unary call and as a stream, with interceptors and with a registrar.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(*testing.T, adaptertest.Call) adaptertest.Reply{
		"unary": func(t *testing.T, call adaptertest.Call) adaptertest.Reply {
			t.Helper()
			return send(t, call, false, false)
		},
		"stream": func(t *testing.T, call adaptertest.Call) adaptertest.Reply {
			t.Helper()
			return send(t, call, true, false)
		},
		"unary, registrar": func(t *testing.T, call adaptertest.Call) adaptertest.Reply {
			t.Helper()
			return send(t, call, false, true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunCalls(t, adaptertest.Protocol{
				Status: func(status int) int { return int(codeFor(status)) },
				Send:   send,
				Cannot: map[string]string{
					"invalid rule":                  "New returns an error for it",
					"DenyHandler writes everything": "a DenyHandler writes an HTTP response",
				},
			})
		})
	}
}

// codeFor returns the code that a client expects for a status of the Guard.
func codeFor(status int) codes.Code {
	return map[int]codes.Code{
		200: codes.OK, 400: codes.Unauthenticated, 401: codes.Unauthenticated, 403: codes.PermissionDenied,
		499: codes.Canceled, 500: codes.Internal, 503: codes.Unavailable,
	}[status]
}

// send serves the call and calls the server.
func send(t *testing.T, call adaptertest.Call, streams, registrar bool) adaptertest.Reply {
	t.Helper()
	server, register := newServer(t, call, registrar)
	handle := func(ctx context.Context) string {
		token, ok := grpcauth.Token(ctx)
		return call.Handle(ctx, adaptertest.Seen{Token: token, HasToken: ok})
	}
	unary, stream := "7", "other"
	if streams {
		unary, stream = stream, unary
	}
	register.RegisterService(describe("orders", unary, stream), &methods{
		show: func(ctx context.Context, _ *text) (*text, error) { return wrapperspb.String(handle(ctx)), nil },
		chat: func(ss grpc.ServerStream) error { return ss.SendMsg(wrapperspb.String(handle(ss.Context()))) },
	})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn := serve(t, server, listener, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if streams {
		return overStream(t, conn, call.Header)
	}
	var header metadata.MD
	out := new(text)
	err = conn.Invoke(outgoing(t.Context(), call.Header), adaptertest.CallPath, wrapperspb.String(""), out, grpc.Header(&header))
	return reply(err, out, header)
}

// overStream makes the call as a stream.
func overStream(t *testing.T, conn *grpc.ClientConn, header http.Header) adaptertest.Reply {
	t.Helper()
	ctx, cancel := context.WithCancel(outgoing(t.Context(), header))
	defer cancel()
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	client, err := conn.NewStream(ctx, desc, adaptertest.CallPath)
	if err != nil {
		t.Fatal(err)
	}
	out := new(text)
	err = client.RecvMsg(out)
	sent, _ := client.Header()
	if err == nil {
		if end := client.RecvMsg(new(text)); status.Code(end) != codes.Unknown { // io.EOF
			err = end
		}
	}
	return reply(err, out, sent)
}

// newServer returns a server with the Guards of the call, outermost first.
func newServer(t *testing.T, call adaptertest.Call, registrar bool) (*grpc.Server, grpc.ServiceRegistrar) {
	t.Helper()
	options := []grpc.ServerOption{grpc.StatsHandler(tagger{})}
	var all []*grpcauth.Interceptors
	for _, guarded := range call.Guards {
		i := newInterceptors(t, grpcauth.Config{
			Guard: guarded.Guard, Policy: map[string][]middleware.Rule{adaptertest.CallPath: guarded.Rules},
		})
		all = append(all, i)
		options = append(options, i.ServerOptions()...)
	}
	server := grpc.NewServer(append(options,
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			call.Behind()
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			call.Behind()
			return next(srv, ss)
		}))...)
	register := grpc.ServiceRegistrar(server)
	for _, i := range all {
		if registrar {
			register = i.Registrar(register)
		}
	}
	return server, register
}

func outgoing(ctx context.Context, header http.Header) context.Context {
	for name, values := range header {
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	return ctx
}

// reply returns a result in the form of the table.
func reply(err error, out *text, header metadata.MD) adaptertest.Reply {
	result := adaptertest.Reply{Header: make(http.Header), Text: out.GetValue()}
	for name, values := range header {
		result.Header[http.CanonicalHeaderKey(name)] = values
	}
	if err != nil {
		s := status.Convert(err)
		result.Status, result.Text = int(s.Code()), fmt.Sprint(s.Message(), s.Details())
	}
	return result
}

// tagger adds a value to the context of each call, as net/http does.
type tagger struct{}

func (tagger) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, http.ServerContextKey, "a server")
}
func (tagger) HandleRPC(context.Context, stats.RPCStats)                         {}
func (tagger) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (tagger) HandleConn(context.Context, stats.ConnStats)                       {}
