package connectauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
)

const (
	watch = "/orders.v1.Orders/Watch" // a server stream
	chat  = "/orders.v1.Orders/Chat"  // a bidirectional stream
	count = "/orders.v1.Orders/Count" // a client stream
)

// outcome is the end of a stream, as the client sees it.
type outcome struct {
	Code     connect.Code
	Reason   string // of the ErrorInfo
	Received int    // messages
	After    time.Duration
}

func outcomeOf(t *testing.T, err error, received int, began time.Time) outcome {
	t.Helper()
	o := outcome{Code: connect.CodeOf(err), Received: received, After: time.Since(began)}
	if failed, ok := errors.AsType[*connect.Error](err); ok {
		for _, detail := range failed.Details() {
			value, err := detail.Value()
			if info, ok := value.(*errdetails.ErrorInfo); ok && err == nil {
				o.Reason = info.GetReason()
			}
		}
	}
	return o
}

// The token of a stream expires after five minutes. The handlers do what handlers do: some use their context, some the errors
// of the stream, and some neither.
func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	ticking := func(react func(ctx context.Context, err error) (stop bool, result error)) func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error {
		return func(ctx context.Context, _ *connect.Request[text], stream *connect.ServerStream[text]) error {
			time.Sleep(30 * time.Second)
			for {
				if stop, err := react(ctx, stream.Send(wrapperspb.String("tick"))); stop {
					return err
				}
				time.Sleep(time.Minute)
			}
		}
	}
	servers := map[string]func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error{
		"returns the error of Send": ticking(func(_ context.Context, err error) (bool, error) { return err != nil, err }),
		"returns nil":               ticking(func(_ context.Context, err error) (bool, error) { return err != nil, nil }),
		"returns another error": ticking(func(_ context.Context, err error) (bool, error) {
			return err != nil, connect.NewError(connect.CodeDataLoss, errors.New("lost"))
		}),
		"reads the context": ticking(func(ctx context.Context, _ error) (bool, error) { return ctx.Err() != nil, ctx.Err() }),
		"waits for the context": func(ctx context.Context, _ *connect.Request[text], stream *connect.ServerStream[text]) error {
			for range 5 {
				if err := stream.Send(wrapperspb.String("tick")); err != nil {
					return err
				}
			}
			<-ctx.Done()
			return context.Cause(ctx)
		},
		"sends nothing": func(ctx context.Context, _ *connect.Request[text], _ *connect.ServerStream[text]) error {
			<-ctx.Done()
			return ctx.Err()
		},
	}
	for _, wire := range wires() {
		if !wire.stream {
			continue
		}
		for name, handle := range servers {
			for _, old := range []bool{false, true} {
				test := wire.name + ", " + name
				if old {
					test += ", HTTP/1.1"
				}
				t.Run(test, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						handler := connect.NewServerStreamHandler(watch, handle)
						client := serve(t, connectauth.Middleware(w.guard)(handler), old)
						began := time.Now()
						stream, err := connect.NewClient[text, text](client, "http://api.test"+watch, wire.options...).
							CallServerStream(t.Context(), authorized(w.bearer(), ""))
						if err != nil {
							t.Fatal(err)
						}
						received := 0
						for stream.Receive() {
							received++
						}
						want := outcome{connect.CodeUnauthenticated, "INVALID_TOKEN", 5, 5*time.Minute + 30*time.Second}
						switch name {
						case "waits for the context":
							want.After = 5 * time.Minute
						case "sends nothing":
							want.Received, want.After = 0, 5*time.Minute
							if old && wire.name == "gRPC, stream" { // the Guard's own response, because the header is not written
								want.Reason = ""
							}
						}
						if got := outcomeOf(t, stream.Err(), received, began); got != want {
							t.Errorf("got %+v (%v), want %+v", got, stream.Err(), want)
						}
						_ = stream.Close()
					})
				})
			}
		}
	}
}

// A bidirectional stream whose handler waits for the client ends too.
func TestStreamEndsWhileItReceives(t *testing.T) {
	t.Parallel()
	for _, wire := range wires() {
		if !wire.stream {
			continue
		}
		for name, test := range map[string]struct {
			befalls func(*world)
			want    outcome
		}{
			"expired":        {func(*world) {}, outcome{connect.CodeUnauthenticated, "INVALID_TOKEN", 1, 5 * time.Minute}},
			"revoked":        {func(w *world) { w.revoked.Store(true) }, outcome{connect.CodeUnauthenticated, "INVALID_TOKEN", 1, 3 * time.Minute}},
			"status unknown": {func(w *world) { w.down.Store(true) }, outcome{connect.CodeUnavailable, "", 1, 3 * time.Minute}},
		} {
			t.Run(wire.name+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					handler := connect.NewBidiStreamHandler(chat, func(_ context.Context, stream *connect.BidiStream[text, text]) error {
						for {
							message, err := stream.Receive()
							if err != nil {
								return err
							}
							if err := stream.Send(message); err != nil {
								return err
							}
						}
					})
					client := serve(t, connectauth.Middleware(w.guard)(handler), false)
					began := time.Now()
					stream := connect.NewClient[text, text](client, "http://api.test"+chat, wire.options...).CallBidiStream(t.Context())
					stream.RequestHeader().Set("Authorization", w.bearer())
					if err := stream.Send(wrapperspb.String("hello")); err != nil {
						t.Fatal(err)
					}
					if message, err := stream.Receive(); err != nil || message.GetValue() != "hello" {
						t.Fatal(message, err)
					}
					time.Sleep(150 * time.Second)
					test.befalls(w)
					_, err := stream.Receive()
					if got := outcomeOf(t, err, 1, began); got != test.want {
						t.Errorf("got %+v (%v), want %+v", got, err, test.want)
					}
					_ = stream.CloseRequest()
					_ = stream.CloseResponse()
				})
			})
		}
	}
}

// A handler that receives a stream and has sent nothing yet: the whole response is that of a rejected call.
func TestClientStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	for _, wire := range wires() {
		if !wire.stream {
			continue
		}
		t.Run(wire.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				handler := connect.NewClientStreamHandler(count, func(_ context.Context, stream *connect.ClientStream[text]) (*connect.Response[text], error) {
					for stream.Receive() {
					}
					return connect.NewResponse(wrapperspb.String("done")), nil // whatever stream.Err returns
				})
				client := serve(t, connectauth.Middleware(w.guard)(handler), false)
				began := time.Now()
				stream := connect.NewClient[text, text](client, "http://api.test"+count, wire.options...).CallClientStream(t.Context())
				stream.RequestHeader().Set("Authorization", w.bearer())
				for range 10 {
					if err := stream.Send(wrapperspb.String("more")); err != nil {
						break
					}
					time.Sleep(time.Minute)
				}
				_, err := stream.CloseAndReceive()
				got := outcomeOf(t, err, 0, began)
				if got.Code != connect.CodeUnauthenticated || got.Reason != "INVALID_TOKEN" || got.After > 7*time.Minute {
					t.Errorf("got %+v (%v)", got, err)
				}
				failed, _ := errors.AsType[*connect.Error](err)
				if challenge := failed.Meta().Get("WWW-Authenticate"); challenge != `Bearer realm="api", error="invalid_token"` {
					t.Errorf("challenge %q", challenge)
				}
			})
		})
	}
}

// Over HTTP/2, white space in front of a header field reaches the handler, and connect-go ignores it. The stream still ends with
// its token. So it does if a middleware in front of the Guard ends the context of the request, and the handler ignores that.
func TestStreamEndsWhateverItsContentTypeAndContext(t *testing.T) {
	t.Parallel()
	limited := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
	for _, test := range []struct {
		contentType string
		old, wrap   bool
	}{
		{contentType: "application/grpc"},
		{contentType: " application/grpc"},
		{contentType: "\tapplication/grpc+proto;"},
		{contentType: " application/grpc-web"},
		{contentType: " \t application/connect+proto ; "},
		{contentType: "\u00a0application/connect+proto"},
		{contentType: "\u00a0application/connect+proto", old: true},
		{contentType: "\u3000Application/GRPC-Web", old: true},
		{contentType: "application/grpc", wrap: true},
		{contentType: "application/connect+proto", wrap: true},
		{contentType: "application/grpc-web", wrap: true, old: true},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				sent := 0
				handler := http.Handler(connect.NewServerStreamHandler(watch,
					func(_ context.Context, _ *connect.Request[text], stream *connect.ServerStream[text]) error {
						for range 10 {
							if err := stream.Send(wrapperspb.String("tick")); err != nil {
								return err
							}
							sent++
							time.Sleep(time.Minute)
						}
						return nil
					}))
				handler = connectauth.Middleware(w.guard)(handler)
				if test.wrap {
					handler = limited(handler)
				}
				status, body, trailer, err := send(t, serve(t, handler, test.old), test.contentType, w.bearer())
				if err != nil || status != http.StatusOK || sent < 5 || sent > 6 {
					t.Errorf("%v, status %d, %d messages sent, want 5 in five minutes", err, status, sent)
				}
				if !strings.Contains(body+trailer.Get("Grpc-Message"), "invalid_token") {
					t.Errorf("body %q, trailer %v", body, trailer)
				}
			})
		})
	}
}
