package grpcauth_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// counting counts the messages that a server decodes.
type counting struct {
	encoding.CodecV2
	decoded *atomic.Int32
}

func (c counting) Unmarshal(data mem.BufferSlice, v any) error {
	c.decoded.Add(1)
	return c.CodecV2.Unmarshal(data, v)
}

// garbage sends messages that cannot be decoded.
type garbage struct{ encoding.CodecV2 }

func (garbage) Marshal(any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer("\xff\xff\xff")}, nil
}

// With Registrar, the Guard decides before the message is decoded. With the interceptors alone, a message that cannot be
// decoded is reported first.
func TestDecidesBeforeDecoding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		registrar bool
		method    string
		want      codes.Code
		decoded   int32
	}{
		"unary, registrar":    {true, show, codes.Unauthenticated, 0},
		"unary, interceptor":  {false, show, codes.Internal, 1},
		"stream, registrar":   {true, chat, codes.Unauthenticated, 0},
		"stream, interceptor": {false, chat, codes.Unauthenticated, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			codec, decoded := encoding.GetCodecV2(proto.Name), new(atomic.Int32)
			i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, newIssuer(), nil), Policy: policy{"/test.Orders/*": nil}})
			server := grpc.NewServer(append(i.ServerOptions(), grpc.ForceServerCodecV2(counting{codec, decoded}))...)
			register := grpc.ServiceRegistrar(server)
			if test.registrar {
				register = i.Registrar(server)
			}
			register.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
			conn := inMemory(t, server)
			err := conn.Invoke(t.Context(), test.method, wrapperspb.String(""), new(text), grpc.ForceCodecV2(garbage{codec}))
			if status.Code(err) != test.want || decoded.Load() != test.decoded {
				t.Errorf("%v, decoded %d; expected %v, %d", err, decoded.Load(), test.want, test.decoded)
			}
		})
	}
}

// A call is decided once if both Registrar and the interceptors guard it.
func TestDecidesOnce(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var mu sync.Mutex
	var statuses []int
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, func(_ *consumer.Config, g *middleware.Config) {
			g.OnDecision = func(_ context.Context, d middleware.Decision) {
				mu.Lock()
				defer mu.Unlock()
				statuses = append(statuses, d.Status)
			}
		}),
		Policy: policy{show: nil, chat: nil}, Public: []string{"/open.Orders/*"},
	})
	server := grpc.NewServer(append(i.ServerOptions(), i.ServerOptions()...)...)
	i.Registrar(server).RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	i.Registrar(server).RegisterService(describe("open.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	conn := inMemory(t, server)
	for _, test := range []struct {
		method, token string
		want          []int
	}{
		{show, issuer.AccessToken().Sign(), []int{200}},
		{chat, issuer.AccessToken().Sign(), []int{200}},
		{show, "x.y.z", []int{401}},
		{chat, "x.y.z", []int{401}},
		{"/unknown.Orders/Show", issuer.AccessToken().Sign(), []int{403}},
		{"/open.Orders/Show", "x.y.z", nil},
		{"/open.Orders/Chat", "x.y.z", nil},
	} {
		err := conn.Invoke(with(t.Context(), test.token), test.method, wrapperspb.String("one"), new(text))
		mu.Lock()
		if !slices.Equal(statuses, test.want) {
			t.Errorf("%s: decisions %v (%v), expected %v", test.method, statuses, err, test.want)
		}
		statuses = nil
		mu.Unlock()
	}
}

// grpc-go calls no interceptor for a stream that streams in neither direction. Registrar guards it.
func TestStreamInNeitherDirection(t *testing.T) {
	t.Parallel()
	for name, registrar := range map[string]bool{"registrar": true, "interceptors only": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, newIssuer(), nil), Policy: policy{"/test.Orders/*": nil}})
			server := grpc.NewServer(i.ServerOptions()...)
			register := grpc.ServiceRegistrar(server)
			if registrar {
				register = i.Registrar(server)
			}
			desc := describe("test.Orders", "Show", "Chat")
			desc.Streams[0].ClientStreams, desc.Streams[0].ServerStreams = false, false
			ran := false
			register.RegisterService(desc, &methods{show: greet, chat: func(ss grpc.ServerStream) error {
				ran = true
				return ss.SendMsg(wrapperspb.String("one"))
			}})
			err := inMemory(t, server).Invoke(t.Context(), chat, wrapperspb.String(""), new(text))
			if ran == registrar || registrar && status.Code(err) != codes.Unauthenticated {
				t.Errorf("handler ran %v, %v", ran, err)
			}
		})
	}
}

// A handler may pass its context to another server in the process. Its calls are decided there again.
func TestContextOfAnotherCall(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, nil), Policy: policy{show: nil, "/test.Orders/Cancel": {middleware.Scopes("write")}},
	})
	call := func(ctx context.Context, method string) error {
		_, err := i.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
		return err
	}
	server := grpc.NewServer(i.ServerOptions()...)
	server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: func(ctx context.Context, in *text) (*text, error) {
		if err := call(ctx, "/test.Orders/Cancel"); status.Code(err) != codes.PermissionDenied {
			t.Errorf("another method: %v", err)
		}
		stranger := metadata.NewIncomingContext(ctx, metadata.MD{})
		if err := call(grpc.NewContextWithServerTransportStream(stranger, new(transport)), show); status.Code(err) != codes.Unauthenticated {
			t.Errorf("another call of the method: %v", err)
		}
		if err := call(grpc.NewContextWithServerTransportStream(stranger, nil), show); status.Code(err) != codes.Unauthenticated {
			t.Errorf("no stream: %v", err)
		}
		return greet(ctx, in)
	}})
	out := new(text)
	if err := inMemory(t, server).Invoke(with(t.Context(), issuer.AccessToken().Sign()), show, wrapperspb.String(""), out); err != nil {
		t.Error(err)
	}
}

// Calls without a transport stream, as tests make them, are never taken for the same call.
func TestContextWithoutTransport(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, issuer, nil), Policy: policy{show: nil}, InsecureAllowPlaintext: true})
	info := &grpc.UnaryServerInfo{FullMethod: show}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Sign()))
	_, err := i.Unary(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
		return i.Unary(metadata.NewIncomingContext(ctx, metadata.MD{}), nil, info, func(context.Context, any) (any, error) { return nil, nil })
	})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("the inner call: %v", err)
	}
}

// transport is the stream of a server in the process.
type transport struct{ grpc.ServerTransportStream }

func (*transport) SetHeader(metadata.MD) error { return nil }

// An interceptor in front recovers from the panic of a rule, and sees rejections except those of unary calls that Registrar
// guards.
func TestInterceptorsInFront(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	rules := []middleware.Rule{
		middleware.Check("mine", func(context.Context, *consumer.Token) error { panic("out of shirts") }),
	}
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, nil), Policy: policy{"/test.Orders/*": rules, "/early.Orders/*": rules},
	})
	var mu sync.Mutex
	var seen []codes.Code // without the calls of the registrar that are rejected before
	recovered := func(call func() error) (err error) {
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Aborted, "recovered")
			}
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, status.Code(err))
		}()
		return call()
	}
	server := grpc.NewServer(append([]grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
			return out, recovered(func() error { out, err = next(ctx, in); return err })
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return recovered(func() error { return next(srv, ss) })
		}),
	}, i.ServerOptions()...)...)
	server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	i.Registrar(server).RegisterService(describe("early.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
	conn := inMemory(t, server)
	for _, token := range []string{issuer.AccessToken().Sign(), "x.y.z"} {
		for _, method := range []string{show, chat, "/early.Orders/Show", "/early.Orders/Chat"} {
			_ = conn.Invoke(with(t.Context(), token), method, wrapperspb.String(""), new(text))
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := slices.Concat(slices.Repeat([]codes.Code{codes.Aborted}, 4), slices.Repeat([]codes.Code{codes.Unauthenticated}, 3)); !slices.Equal(seen, want) {
		t.Errorf("the interceptor saw %v, expected %v", seen, want)
	}
}

// A Guard that accepts calls without credentials does so on methods without rules, and only if they are protected.
func TestOptional(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	i := newInterceptors(t, grpcauth.Config{
		Guard:  newGuard(t, issuer, func(_ *consumer.Config, g *middleware.Config) { g.Optional = true }),
		Policy: policy{show: nil, chat: nil, "/test.Orders/Cancel": {middleware.Scopes("write")}},
	})
	server := grpc.NewServer(i.ServerOptions()...)
	server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: func(ss grpc.ServerStream) error {
		out, err := greet(ss.Context(), nil)
		if err != nil {
			return err
		}
		return ss.SendMsg(out)
	}})
	conn := inMemory(t, server)
	for _, method := range []string{show, chat} {
		for token, want := range map[string]string{"": "hello nobody", issuer.AccessToken().Sign(): "hello alice"} {
			ctx := t.Context()
			if token != "" {
				ctx = with(ctx, token)
			}
			out := new(text)
			if err := conn.Invoke(ctx, method, wrapperspb.String(""), out); err != nil || out.GetValue() != want {
				t.Errorf("%s: %q, %v", method, out.GetValue(), err)
			}
		}
		if err := conn.Invoke(with(t.Context(), "x.y.z"), method, wrapperspb.String(""), new(text)); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s, bad token: %v", method, err)
		}
	}
	remote := peer.NewContext(t.Context(), &peer.Peer{Addr: address{"tcp", "192.0.2.7:1"}})
	for method, ctx := range map[string]context.Context{"/test.Orders/Cancel": t.Context(), "/test.Orders/Other": t.Context(), show: remote} {
		_, err := i.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
		if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "unauthorized") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// Without an interceptor, the panic of a rule or handler that Registrar guards reaches grpc-go, as any other does.
func TestPanicWithoutInterceptor(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	panics := middleware.Check("mine", func(context.Context, *consumer.Token) error { panic("in the rule") })
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, nil), Policy: policy{show: {panics}, "/other.Orders/Show": nil}, InsecureAllowPlaintext: true,
	})
	for service, want := range map[string]string{"test.Orders": "in the rule", "other.Orders": "in the handler"} {
		var registered recorder
		i.Registrar(&registered).RegisterService(describe(service, "Show", "Chat"), nil)
		func() {
			defer func() {
				if fault := recover(); fault != want {
					t.Errorf("recovered %v, expected %q", fault, want)
				}
			}()
			ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Sign()))
			srv := &methods{show: func(context.Context, *text) (*text, error) { panic("in the handler") }}
			_, err := registered.desc.Methods[0].Handler(srv, ctx, func(any) error { return nil }, nil)
			t.Errorf("%s: %v", service, err)
		}()
	}
}

// recorder records the description of a service.
type recorder struct{ desc *grpc.ServiceDesc }

func (r *recorder) RegisterService(desc *grpc.ServiceDesc, _ any) { r.desc = desc }
