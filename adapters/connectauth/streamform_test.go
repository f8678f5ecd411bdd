package connectauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
	"github.com/bearerkit/bearerkit/middleware"
)

// send sends a POST request to the procedure watch. It returns the status, the body and the trailers of the response.
func send(t *testing.T, client *http.Client, contentType, bearer string) (status int, text string, trailer http.Header, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.test"+watch, strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {contentType}, "Te": {"trailers"}, "Authorization": {bearer}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), response.Trailer, err
}

// A stream whose token ends within a message, one that has ended before, and one that Guards watch twice: in each case the
// client receives whole messages and exactly one end.
func TestStreamHasOneEnd(t *testing.T) {
	t.Parallel()
	const message = "\x00\x00\x00\x00\x04"
	connectEnd, webEnd := "\x02\x00\x00\x00\x02{}", "\x80\x00\x00\x00\x10grpc-status: 0\r\n"
	type write struct {
		after time.Duration
		text  string
	}
	for name, test := range map[string]struct {
		contentType string
		writes      []write
		want        string // before the error; "=" in front: the whole body
		trailer     string
	}{
		"Connect, within a prefix":     {"application/connect+proto", []write{{0, "\x00\x00"}, {6, "\x00\x00\x04ab"}, {0, "cd"}, {0, message + "efgh"}}, message + "abcd", ""},
		"Connect, within a message":    {"application/connect+proto", []write{{0, message + "ab"}, {6, "cd" + message + "efgh"}}, message + "abcd", ""},
		"Connect, between messages":    {"application/connect+proto", []write{{0, message + "abcd"}, {6, message + "efgh"}}, message + "abcd", ""},
		"Connect, another codec":       {"application/connect+mine", []write{{0, message + "abcd"}, {6, message + "efgh"}}, message + "abcd", ""},
		"Connect, has ended":           {"application/connect+proto", []write{{0, message + "abcd"}, {0, connectEnd}, {6, ""}}, "=" + message + "abcd" + connectEnd, ""},
		"Connect, ends within its end": {"application/connect+proto", []write{{0, connectEnd[:6]}, {6, connectEnd[6:]}}, "=" + connectEnd, ""},
		"gRPC-Web, within a message":   {"application/grpc-web", []write{{0, message + "ab"}, {6, "cd" + message + "efgh"}}, message + "abcd", ""},
		"gRPC-Web, has ended":          {"application/grpc-web+proto", []write{{0, message + "abcd"}, {0, webEnd}, {6, ""}}, "=" + message + "abcd" + webEnd, ""},
		"gRPC, within a message":       {"application/grpc", []write{{0, message + "ab"}, {6, "cd" + message + "efgh"}}, "=" + message + "abcd", "16"},
		"gRPC, another codec":          {"application/grpc+mine", []write{{0, message + "abcd"}, {6, message + "efgh"}}, "=" + message + "abcd", "16"},
	} {
		for _, old := range []bool{false, true} {
			for _, nested := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t)
						handler := http.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
							rw.Header().Set("Content-Type", r.Header.Get("Content-Type"))
							for _, write := range test.writes {
								time.Sleep(write.after * time.Minute)
								_, _ = io.WriteString(rw, write.text)
								_ = http.NewResponseController(rw).Flush()
							}
							rw.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
							rw.Header().Set(http.TrailerPrefix+"Mine", "kept")
						}))
						if nested {
							handler = connectauth.Middleware(w.guard, middleware.Scopes("orders:read"))(handler)
						}
						client := serve(t, connectauth.Middleware(w.guard)(handler), old)
						code, body, trailer, err := send(t, client, test.contentType, w.bearer())
						if err != nil || code != http.StatusOK {
							t.Fatalf("%v, status %d", err, code)
						}
						want, whole := strings.CutPrefix(test.want, "=")
						rest, ok := strings.CutPrefix(body, want)
						if !ok || whole && rest != "" || !whole && strings.Count(rest, "invalid_token") != 1 {
							t.Errorf("body %q, want %q", body, test.want)
						}
						if !whole && !strings.HasPrefix(rest, "\x02") && !strings.HasPrefix(rest, "\x80") {
							t.Errorf("the end is %q", rest)
						}
						status := trailer["Grpc-Status"]
						if test.trailer != "" && (len(status) != 1 || status[0] != test.trailer || trailer.Get("Mine") != "kept") {
							t.Errorf("trailer %v", trailer)
						}
					})
				})
			}
		}
	}
}

// A handler may have set header fields for a response that it has not begun when its token ends. Those of the rejection replace them,
// and those of middlewares in front of the Guard remain.
func TestHeaderOfAStreamThatHasNotBegun(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/connect+proto", "application/grpc-web", "application/grpc"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			guarded := connectauth.Middleware(w.guard)(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Encoding", "gzip")
				rw.Header().Set("Grpc-Status", "0")
				rw.Header().Set("Mine", "of the handler")
				<-r.Context().Done()
			}))
			client := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Mine", "kept")
				guarded.ServeHTTP(rw, r)
			}), false)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.test"+watch, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {contentType}, "Te": {"trailers"}, "Authorization": {w.bearer()}}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			h := response.Header
			if h.Get("Content-Encoding") != "" || h.Get("Grpc-Status") == "0" || h.Get("Mine") != "kept" || h.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: header %v", contentType, h)
			}
		})
	}
}

// late is a body whose data arrives after the token of the request has ended.
type late struct{}

func (late) Read(data []byte) (int, error) {
	time.Sleep(6 * time.Minute)
	return copy(data, "late"), nil
}

// On a connection without deadlines, a read returns with the next message, which the handler does not receive. A response with
// another status than 200 is not a stream, so it has no end of a stream.
func TestStreamWithoutDeadlines(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/connect+proto", "application/grpc-web", "application/grpc"} {
		for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				handler := connectauth.Middleware(w.guard)(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					rw.WriteHeader(status)
					if n, err := r.Body.Read(make([]byte, 10)); n != 0 || connect.CodeOf(err) != connect.CodeUnauthenticated {
						t.Errorf("%s: read %d bytes, %v", contentType, n, err)
					}
				}))
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, watch, late{})
				r.Header = http.Header{"Content-Type": {contentType}, "Authorization": {w.bearer()}}
				response := httptest.NewRecorder()
				handler.ServeHTTP(response, r)
				ended := response.Body.Len() > 0 || response.Header().Get(http.TrailerPrefix+"Grpc-Status") != ""
				if response.Code != status || ended != (status == http.StatusOK) {
					t.Errorf("%s: status %d, body %q, header %v", contentType, response.Code, response.Body, response.Header())
				}
			})
		}
	}
}

// A handler that has declared its trailers, as that of grpc-go does, sets the status under another key. The client receives one.
func TestDeclaredTrailersAreReplaced(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			client := serve(t, connectauth.Middleware(w.guard)(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Trailer", "Grpc-Status")
				_ = http.NewResponseController(rw).Flush()
				<-r.Context().Done()
				rw.Header().Set("Grpc-Status", "0")
			})), old)
			_, _, trailer, err := send(t, client, "application/grpc", w.bearer())
			if got := trailer["Grpc-Status"]; err != nil || len(got) != 1 || got[0] != "16" {
				t.Errorf("%v, trailer %v", err, trailer)
			}
		})
	}
}

// The end of a body in base64 cannot be written. So the connection is closed, and the client does not accept the stream as complete.
func TestStreamInBase64IsAborted(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			client := serve(t, connectauth.Middleware(w.guard)(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(rw, "AAAAAAA=")
				_ = http.NewResponseController(rw).Flush()
				<-r.Context().Done()
			})), old)
			if _, body, _, err := send(t, client, "application/grpc-web-text+proto", w.bearer()); err == nil {
				t.Errorf("the stream ends as if it were complete: %q", body)
			}
		})
	}
}

// The token of a call that is not a stream is checked once: a response that takes longer than the token lives is still delivered.
func TestUnaryCallsOutliveTheirToken(t *testing.T) { //nolint:paralleltest // it registers a descriptor
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("orders/v1/orders.proto"), Package: proto.String("orders.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Known"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("Get"), InputType: proto.String(".google.protobuf.StringValue"), OutputType: proto.String(".google.protobuf.StringValue")},
			{Name: proto.String("Watch"), InputType: proto.String(".google.protobuf.StringValue"), OutputType: proto.String(".google.protobuf.StringValue"), ServerStreaming: proto.Bool(true)},
			{Name: proto.String("Count"), InputType: proto.String(".google.protobuf.StringValue"), OutputType: proto.String(".google.protobuf.StringValue"), ClientStreaming: proto.Bool(true)},
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := protoregistry.GlobalFiles.FindFileByPath(file.Path()); err != nil { // with -count, it is registered already
		if err := protoregistry.GlobalFiles.RegisterFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, wire := range wires() {
		if wire.stream {
			continue
		}
		for procedure, want := range map[string]connect.Code{
			"/orders.v1.Known/Get": 0, "/orders.v1.Known/Watch": connect.CodeUnauthenticated, "/orders.v1.Known/Count": connect.CodeUnauthenticated,
			"/orders.v1.Unknown/Get": connect.CodeUnauthenticated, "/prefix/orders.v1.Known/Get": 0, "/Get": connect.CodeUnauthenticated,
		} {
			if strings.HasPrefix(wire.name, "Connect") {
				want = 0 // its content type says that it is no stream
			}
			t.Run(wire.name+procedure, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					client := serve(t, connectauth.Middleware(w.guard)(connect.NewUnaryHandler(procedure,
						func(_ context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
							time.Sleep(10 * time.Minute)
							return connect.NewResponse(wrapperspb.String("done")), nil
						}, connect.WithIdempotency(connect.IdempotencyNoSideEffects))), false)
					_, err := connect.NewClient[text, text](client, "http://api.test"+procedure,
						append(wire.options, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...).
						CallUnary(t.Context(), authorized(w.bearer(), ""))
					if err == nil && want == 0 {
						return
					}
					if connect.CodeOf(err) != want {
						t.Errorf("got %v, want %v", err, want)
					}
				})
			})
		}
	}
}

// The end of a stream for another reason than its token is not changed.
func TestStreamEndsForAnotherReason(t *testing.T) {
	t.Parallel()
	for _, wire := range wires() {
		if !wire.stream {
			continue
		}
		for name, test := range map[string]struct {
			handle func(context.Context, *connect.ServerStream[text]) error
			want   connect.Code
		}{
			"done": {func(context.Context, *connect.ServerStream[text]) error { return nil }, 0},
			"its error": {func(context.Context, *connect.ServerStream[text]) error {
				return connect.NewError(connect.CodeAborted, errors.New("no"))
			}, connect.CodeAborted},
			"its timeout": {func(ctx context.Context, _ *connect.ServerStream[text]) error {
				<-ctx.Done()
				return ctx.Err()
			}, connect.CodeDeadlineExceeded},
			"its refusal": {func(context.Context, *connect.ServerStream[text]) error {
				return connect.NewError(connect.CodePermissionDenied, errors.New("no"))
			}, connect.CodePermissionDenied},
		} {
			t.Run(wire.name+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					client := serve(t, connectauth.Middleware(w.guard)(connect.NewServerStreamHandler(watch,
						func(ctx context.Context, _ *connect.Request[text], stream *connect.ServerStream[text]) error {
							_ = stream.Send(wrapperspb.String("tick"))
							return test.handle(ctx, stream)
						})), false)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					stream, err := connect.NewClient[text, text](client, "http://api.test"+watch, wire.options...).
						CallServerStream(ctx, authorized(w.bearer(), ""))
					if err != nil {
						t.Fatal(err)
					}
					for stream.Receive() {
					}
					if err := stream.Err(); test.want == 0 && err != nil || test.want != 0 && connect.CodeOf(err) != test.want {
						t.Errorf("ended with %v, want %v", err, test.want)
					}
					_ = stream.Close()
				})
			})
		}
	}
}
