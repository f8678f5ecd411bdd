package grpcauth_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// flag is a status store that rejects tokens, or fails, once it is set.
type flag struct {
	revoked, down atomic.Bool
}

// Active implements [consumer.TokenStatus].
func (f *flag) Active(context.Context, consumer.StatusToken) (bool, error) {
	if f.down.Load() {
		return false, errors.New("down")
	}
	return !f.revoked.Load(), nil
}

// openChat starts a server whose stream is served by handler, and opens a stream with a token that is valid for lifetime.
func openChat(t *testing.T, f *flag, lifetime time.Duration, handler func(grpc.ServerStream) error) (grpc.ClientStream, context.CancelFunc) {
	t.Helper()
	issuer := newIssuer()
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, func(c *consumer.Config, _ *middleware.Config) {
			c.Status = f
		}),
		Policy:  map[string][]middleware.Rule{"/test.Orders/*": nil},
		Recheck: 10 * time.Second,
	})
	server := grpc.NewServer(i.ServerOptions()...)
	server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: handler})
	conn := inMemory(t, server)
	ctx, cancel := context.WithCancel(with(t.Context(), issuer.AccessToken().Set("exp", time.Now().Add(lifetime).Unix()).Sign()))
	client, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, chat)
	if err != nil {
		t.Fatal(err)
	}
	return client, cancel
}

// waits blocks in RecvMsg, because the client sends nothing.
func waits(ss grpc.ServerStream) error { return ss.RecvMsg(new(text)) }

// floods blocks in SendMsg, because the client reads nothing.
func floods(ss grpc.ServerStream) error {
	for {
		if err := ss.SendMsg(wrapperspb.String(strings.Repeat("x", 32<<10))); err != nil {
			return err
		}
	}
}

// idles waits for its context and returns its error.
func idles(ss grpc.ServerStream) error {
	<-ss.Context().Done()
	return ss.Context().Err()
}

// swallows hides the error of an operation.
func swallows(ss grpc.ServerStream) error {
	_ = ss.RecvMsg(new(text))
	return nil
}

// A stream ends at the expiry of its token, wherever its handler waits. The bubble fails if a goroutine remains.
func TestStreamEndsWithToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler   func(grpc.ServerStream) error
		challenge string // "" if the handler has sent messages
	}{
		"receiving":               {waits, invalidToken},
		"sending":                 {floods, ""},
		"waiting for the context": {idles, invalidToken},
		"error swallowed":         {swallows, invalidToken},
		"both directions": {func(ss grpc.ServerStream) error {
			go func() { _ = floods(ss) }()
			return waits(ss)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ended := make(chan time.Duration, 1)
				client, cancel := openChat(t, new(flag), time.Minute, func(ss grpc.ServerStream) error {
					defer func() { ended <- time.Since(began) }()
					return test.handler(ss)
				})
				defer cancel()
				if life := <-ended; life != time.Minute {
					t.Errorf("the handler returned after %v, expected 1m0s", life)
				}
				wantEnd(t, client, codes.Unauthenticated, test.challenge)
			})
		})
	}
}

const invalidToken = `Bearer realm="api", error="invalid_token"`

// wantEnd reads the stream to its end. The header has a challenge if it was not sent before. The details always have its code.
func wantEnd(t *testing.T, client grpc.ClientStream, code codes.Code, challenge string) {
	t.Helper()
	var err error
	for err == nil {
		err = client.RecvMsg(new(text))
	}
	header, _ := client.Header()
	got := received(t, err, header)
	if got.Code != code || (got.Reason == "INVALID_TOKEN") != (code == codes.Unauthenticated) {
		t.Errorf("code %v, reason %q (%v), expected %v", got.Code, got.Reason, err, code)
	}
	if got := strings.Join(header["www-authenticate"], "; "); got != challenge {
		t.Errorf("challenge %q, expected %q", got, challenge)
	}
	if len(client.Trailer()["www-authenticate"]) > 0 {
		t.Errorf("trailer %v", client.Trailer())
	}
}

// A stream ends at the next check after its token was revoked, and after an outage of the status store.
func TestStreamIsRechecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*flag)
		code   codes.Code
	}{
		"revoked": {func(f *flag) { f.revoked.Store(true) }, codes.Unauthenticated},
		"outage":  {func(f *flag) { f.down.Store(true) }, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f flag
				causes := make(chan error, 1)
				client, cancel := openChat(t, &f, time.Hour, func(ss grpc.ServerStream) error {
					err := echo(ss)
					causes <- context.Cause(ss.Context())
					return err
				})
				defer cancel()
				exchange(t, client)
				time.Sleep(25 * time.Second) // two checks
				exchange(t, client)
				test.change(&f)
				began := time.Now()
				wantEnd(t, client, test.code, "")
				if waited := time.Since(began); waited != 5*time.Second {
					t.Errorf("the stream ended after %v, expected the check at 30 s", waited)
				}
				var cause *consumer.Error
				if err := <-causes; !errors.As(err, &cause) {
					t.Errorf("cause %v, expected a *consumer.Error", err)
				}
			})
		})
	}
}

// exchange sends a message and receives it.
func exchange(t *testing.T, client grpc.ClientStream) {
	t.Helper()
	out := new(text)
	if err := errors.Join(client.SendMsg(wrapperspb.String("one")), client.RecvMsg(out)); err != nil || out.GetValue() != "one" {
		t.Fatalf("received %q, %v", out.GetValue(), err)
	}
}

// The end of the call itself is not an end of the token.
func TestStreamEndsWithCall(t *testing.T) {
	t.Parallel()
	t.Run("the client closes its side", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, cancel := openChat(t, new(flag), time.Hour, func(ss grpc.ServerStream) error {
				err := echo(ss)
				if err != nil {
					t.Errorf("the handler received %v, expected EOF", err)
				}
				return err
			})
			defer cancel()
			exchange(t, client)
			if err := client.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if err := client.RecvMsg(new(text)); !errors.Is(err, io.EOF) {
				t.Errorf("the client received %v, expected EOF", err)
			}
		})
	})
	t.Run("the client cancels", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan error, 1)
			client, cancel := openChat(t, new(flag), time.Hour, func(ss grpc.ServerStream) error {
				err := echo(ss)
				ended <- err
				return err
			})
			exchange(t, client)
			cancel()
			if err := <-ended; status.Code(err) != codes.Canceled {
				t.Errorf("the handler received %v, expected Canceled", err)
			}
		})
	})
	t.Run("the handler has finished", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, cancel := openChat(t, new(flag), time.Second, func(ss grpc.ServerStream) error {
				time.Sleep(time.Minute) // it notices nothing
				return nil
			})
			defer cancel()
			if err := client.RecvMsg(new(text)); !errors.Is(err, io.EOF) {
				t.Errorf("the client received %v, expected EOF", err)
			}
		})
	})
}

// After the end of the token, no message reaches the handler or the client.
func TestNoMessageAfterEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var received, sent error
		client, cancel := openChat(t, new(flag), time.Second, func(ss grpc.ServerStream) error {
			time.Sleep(time.Minute)
			received, sent = ss.RecvMsg(new(text)), ss.SendMsg(wrapperspb.String("late"))
			return nil
		})
		defer cancel()
		if err := client.SendMsg(wrapperspb.String("one")); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, client, codes.Unauthenticated, invalidToken)
		if status.Code(received) != codes.Unauthenticated || status.Code(sent) != codes.Unauthenticated {
			t.Errorf("RecvMsg returned %v, SendMsg %v", received, sent)
		}
	})
}

// The checks of a stream end with its handler, even if the context of the stream does not end. The bubble fails if they do not.
func TestChecksEndWithHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		i := newInterceptors(t, grpcauth.Config{
			Guard: newGuard(t, issuer, nil), Policy: policy{chat: nil}, InsecureAllowPlaintext: true,
		})
		md := metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Sign())
		ctx := metadata.NewIncomingContext(context.Background(), md) // it outlives the handler
		for _, fault := range []any{nil, "out of shirts"} {
			func() {
				defer func() {
					if got := recover(); got != fault {
						t.Errorf("recovered %v, expected %v", got, fault)
					}
				}()
				err := i.Stream(nil, panicking{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: chat}, func(any, grpc.ServerStream) error {
					if fault != nil {
						panic(fault)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
		}
	})
}

// panicking is a stream whose messages cannot be decoded without a panic.
type panicking struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it is a stream
}

func (p panicking) Context() context.Context  { return p.ctx }
func (panicking) RecvMsg(any) error           { panic("out of shirts") }
func (panicking) SetHeader(metadata.MD) error { return nil }

// A panic in RecvMsg reaches the interceptors in front of the Guard, although it happened in another goroutine.
func TestPanicOfOperation(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	i := newInterceptors(t, grpcauth.Config{
		Guard: newGuard(t, issuer, nil), Policy: map[string][]middleware.Rule{chat: nil}, InsecureAllowPlaintext: true,
	})
	defer func() {
		if fault := recover(); fault != "out of shirts" {
			t.Errorf("recovered %v", fault)
		}
	}()
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Sign()))
	err := i.Stream(nil, panicking{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: chat}, func(_ any, ss grpc.ServerStream) error {
		return ss.RecvMsg(new(text))
	})
	t.Errorf("returned %v", err)
}

// endless is a stream whose operations do not end with its context. So is that of an HTTP server of net/http after the deadline
// that the client has set for the call.
type endless struct {
	panicking
	received chan struct{}
}

func (endless) SendMsg(any) error { return nil }
func (e endless) RecvMsg(any) error {
	<-e.received
	return nil
}

// A stream ends with its token also if the call has ended before, and the handler and the stream ignore that.
func TestStreamEndsWithTokenAfterCall(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(grpc.ServerStream) error{
		"sending": func(ss grpc.ServerStream) error {
			time.Sleep(time.Second)
			return ss.SendMsg(wrapperspb.String("tick"))
		},
		"receiving": func(ss grpc.ServerStream) error { return ss.RecvMsg(new(text)) },
	} {
		for _, after := range []time.Duration{0, time.Nanosecond, 30 * time.Second} {
			t.Run(name+", deadline "+after.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					issuer := newIssuer()
					i := newInterceptors(t, grpcauth.Config{
						Guard: newGuard(t, issuer, nil), Policy: policy{chat: nil}, InsecureAllowPlaintext: true,
					})
					expiry := time.Now().Add(time.Minute)
					md := metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Set("exp", expiry.Unix()).Sign())
					parent, cancel := context.WithCancel(metadata.NewIncomingContext(t.Context(), md))
					defer cancel()
					received := make(chan struct{})
					ss := endless{panicking{ctx: parent}, received}
					err := i.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: chat}, func(_ any, ss grpc.ServerStream) error {
						time.Sleep(after)
						cancel()
						for time.Since(expiry) < time.Hour {
							if err := next(ss); err != nil {
								return err
							}
						}
						return nil
					})
					if late := time.Since(expiry); late < 0 || late > time.Second || status.Code(err) != codes.Unauthenticated {
						t.Errorf("ended %v after the expiry with %v", late, err)
					}
					close(received)
				})
			})
		}
	}
}
