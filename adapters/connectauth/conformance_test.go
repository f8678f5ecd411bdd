package connectauth_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
)

// Requests without one of the protocols receive the responses of the Guard.
func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(routes []adaptertest.Route) http.Handler {
		mux := http.NewServeMux()
		for _, route := range routes {
			mux.Handle(route.Method+" "+route.Path, guarded(route, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				route.Behind()
				token, ok := connectauth.Token(r.Context())
				if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: r.PathValue("id")}); err != nil {
					http.Error(w, "error", http.StatusInternalServerError)
				}
			})))
		}
		return mux
	})
}

// guarded puts the Guards of a route around handler.
func guarded(route adaptertest.Route, handler http.Handler) http.Handler {
	for _, g := range slices.Backward(slices.Concat(route.Group, route.Guards)) {
		handler = connectauth.Middleware(g.Guard, g.Rules...)(handler)
	}
	return handler
}

// The procedure has the path of the rows, so that proofs for their URL fit.
const orderProcedure = "/orders/7"

// wire is a way in which a client calls a procedure.
type wire struct {
	name    string
	options []connect.ClientOption
	get     bool // the call is a GET request
	stream  bool // the procedure is a server stream
}

func wires() []wire {
	json, grpc, web := connect.WithProtoJSON(), connect.WithGRPC(), connect.WithGRPCWeb()
	return []wire{
		{name: "Connect"},
		{name: "Connect, JSON", options: []connect.ClientOption{json}},
		{name: "Connect, GET", options: []connect.ClientOption{connect.WithHTTPGet()}, get: true},
		{name: "Connect, GET, JSON", options: []connect.ClientOption{connect.WithHTTPGet(), json}, get: true},
		{name: "Connect, stream", stream: true},
		{name: "Connect, stream, JSON", options: []connect.ClientOption{json}, stream: true},
		{name: "gRPC", options: []connect.ClientOption{grpc}},
		{name: "gRPC, JSON", options: []connect.ClientOption{grpc, json}},
		{name: "gRPC, stream", options: []connect.ClientOption{grpc}, stream: true},
		{name: "gRPC-Web", options: []connect.ClientOption{web}},
		{name: "gRPC-Web, JSON", options: []connect.ClientOption{web, json}},
		{name: "gRPC-Web, stream", options: []connect.ClientOption{web}, stream: true},
	}
}

// can reports whether the protocol of the wire can express a row.
func (wire wire) can(row string) bool {
	switch {
	case strings.HasPrefix(row, "HEAD"), strings.Contains(row, " HEAD"), // calls have other methods
		strings.Contains(row, "preflight"), strings.HasPrefix(row, "OPTIONS"),
		strings.HasPrefix(row, "form"),        // the body of a call is a message
		strings.HasPrefix(row, "DenyHandler"): // it writes HTTP
		return false
	case wire.get: // a proof names the method of the rows with DPoP, which is POST
		return !slices.ContainsFunc([]string{
			"Attack27 proof for another method", "G1 ", "G3 token without", "G3 bound token, scope", "X2 bound token required", "X2 nested", "X2 two", "G5 ", "G6 ",
			"G4 nonce", "G7 ", "M4 ",
		}, func(prefix string) bool { return strings.HasPrefix(row, prefix) }) || row == "X2 bound token required, bearer token"
	}
	return true
}

// Calls with one of the protocols receive the same status, challenge, code and parameters as requests over HTTP.
func TestConformance_Protocols(t *testing.T) {
	t.Parallel()
	for _, wire := range wires() {
		if strings.HasSuffix(wire.name, "JSON") { // the codec of the messages changes no decision
			continue
		}
		t.Run(wire.name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunIf(t, func(routes []adaptertest.Route) http.Handler {
				return &caller{wire: wire, server: procedure(wire, routes[0])}
			}, wire.can)
		})
	}
}

// procedure returns a server with one procedure, which calls the handler of route.
func procedure(wire wire, route adaptertest.Route) http.Handler {
	call := func(ctx context.Context, header http.Header, message *wrapperspb.StringValue) (*connect.Response[wrapperspb.StringValue], error) {
		route.Behind()
		id, body, _ := strings.Cut(message.GetValue(), "\n")
		r, err := http.NewRequestWithContext(ctx, route.Method, "/orders/7", strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header = header
		token, ok := connectauth.Token(ctx)
		w := httptest.NewRecorder()
		if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: id}); err != nil {
			return nil, connect.NewError(connect.CodeInternal, errors.New("error"))
		}
		response := connect.NewResponse(wrapperspb.String(w.Body.String()))
		text, err := json.Marshal(w.Result().Header)
		response.Header().Set("Handler-Status", strconv.Itoa(w.Code))
		response.Header().Set("Handler-Header", string(text))
		return response, err
	}
	if wire.stream {
		return guarded(route, connect.NewServerStreamHandler(orderProcedure, func(ctx context.Context,
			r *connect.Request[wrapperspb.StringValue], stream *connect.ServerStream[wrapperspb.StringValue],
		) error {
			response, err := call(ctx, r.Header(), r.Msg)
			if err != nil {
				return err
			}
			maps.Copy(stream.ResponseHeader(), response.Header())
			return stream.Send(response.Msg)
		}))
	}
	return guarded(route, connect.NewUnaryHandler(orderProcedure, func(ctx context.Context,
		r *connect.Request[wrapperspb.StringValue],
	) (*connect.Response[wrapperspb.StringValue], error) {
		return call(ctx, r.Header(), r.Msg)
	}, connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
}

// caller is a handler that makes a call for each request, and writes its result as the Guard would over HTTP.
type caller struct {
	wire   wire
	server http.Handler
}

// ServeHTTP implements [http.Handler].
func (c *caller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id, _ := strings.CutPrefix(r.URL.Path, "/orders/")
	send := &inProcess{server: c.server, original: r}
	client := connect.NewClient[wrapperspb.StringValue, wrapperspb.StringValue](send, "https://api.test"+orderProcedure,
		append(c.wire.options, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...)
	request := connect.NewRequest(wrapperspb.String(id + "\n" + string(body)))
	ctx := context.WithoutCancel(r.Context()) // the client also receives the response to a canceled call
	message, header, err := c.call(ctx, client, request)
	if send.panicked != nil {
		panic(send.panicked)
	}
	if err != nil {
		writeError(w, err, send.status)
		return
	}
	handlers := make(http.Header)
	_ = json.Unmarshal([]byte(header.Get("Handler-Header")), &handlers)
	for _, name := range []string{"Cache-Control", "Dpop-Nonce", "Access-Control-Expose-Headers"} {
		if values := header[name]; len(values) > 0 {
			w.Header()[name] = values
		}
	}
	maps.Copy(w.Header(), handlers)
	status, _ := strconv.Atoi(header.Get("Handler-Status"))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, message.GetValue())
}

func (c *caller) call(ctx context.Context, client *connect.Client[wrapperspb.StringValue, wrapperspb.StringValue],
	request *connect.Request[wrapperspb.StringValue],
) (*wrapperspb.StringValue, http.Header, error) {
	if !c.wire.stream {
		response, err := client.CallUnary(ctx, request)
		if err != nil {
			return nil, nil, err
		}
		return response.Msg, response.Header(), nil
	}
	stream, err := client.CallServerStream(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = stream.Close() }()
	var last *wrapperspb.StringValue
	for stream.Receive() {
		last = stream.Msg()
	}
	if err := stream.Err(); err != nil {
		if failed, ok := errors.AsType[*connect.Error](err); ok {
			maps.Copy(failed.Meta(), stream.ResponseHeader())
		}
		return nil, nil, err
	}
	return last, stream.ResponseHeader(), nil
}

// writeError writes the error of a call as the Guard writes a refusal. status is the one of the response, which is 200 for all
// protocols except unary Connect.
func writeError(w http.ResponseWriter, err error, status int) {
	failed, _ := errors.AsType[*connect.Error](err)
	ofCode := map[connect.Code]int{
		connect.CodeUnauthenticated: 401, connect.CodePermissionDenied: 403,
		connect.CodeInternal: 500, connect.CodeUnavailable: 503, connect.CodeCanceled: 499,
	}[failed.Code()]
	malformed := status == 400 && ofCode == 401
	if status == 200 {
		status = ofCode
	} else if status != ofCode && !malformed {
		status = 0 // the two differ, so the row fails
	}
	if status == 499 {
		w.WriteHeader(status)
		return
	}
	problem := struct {
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Error     string `json:"error,omitempty"`
		Scope     string `json:"scope,omitempty"`
		ACRValues string `json:"acr_values,omitempty"`
		MaxAge    int    `json:"max_age,omitempty"`
	}{}
	for _, detail := range failed.Details() {
		value, _ := detail.Value()
		if info, ok := value.(*errdetails.ErrorInfo); ok {
			problem.Error = strings.ToLower(info.GetReason())
			problem.Scope, problem.ACRValues = info.GetMetadata()["scope"], info.GetMetadata()["acr_values"]
			problem.MaxAge, _ = strconv.Atoi(info.GetMetadata()["max_age"])
		}
	}
	if status == 401 && problem.Error != "insufficient_user_authentication" {
		problem.Scope = "" // over HTTP, only the challenge has the scopes
	}
	if problem.Error == "invalid_request" && status == 401 { // gRPC has no code of its own for it
		status = 400
	}
	if problem.Title = http.StatusText(status); failed.Message() != cmp.Or(problem.Error, strings.ToLower(problem.Title)) {
		problem.Title = failed.Message() // the row fails
	}
	problem.Status = status
	for _, name := range []string{"Www-Authenticate", "Cache-Control", "Retry-After", "Dpop-Nonce", "Access-Control-Expose-Headers"} {
		if values := failed.Meta()[name]; len(values) > 0 {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem)
}

// inProcess sends the calls of a client to a server in the same process, with the header and the context of another request.
type inProcess struct {
	server   http.Handler
	original *http.Request
	status   int // of the response
	panicked any
}

// Do implements [connect.HTTPClient].
func (c *inProcess) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	sent := httptest.NewRequestWithContext(c.original.Context(), r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	sent.Header = r.Header.Clone()
	for name, values := range c.original.Header {
		if name != "Content-Type" && name != "Content-Length" && name != "User-Agent" && name != "Accept-Encoding" {
			sent.Header[name] = values
		}
	}
	sent.ProtoMajor, sent.ProtoMinor, sent.RemoteAddr = 2, 0, c.original.RemoteAddr
	sent.URL.RawQuery = joinQuery(sent.URL.RawQuery, c.original.URL.RawQuery)
	w := httptest.NewRecorder()
	func() {
		defer func() { c.panicked = recover() }()
		c.server.ServeHTTP(w, sent)
	}()
	if c.panicked != nil {
		return nil, errors.New("connection closed")
	}
	response := w.Result()
	response.ProtoMajor, response.ProtoMinor, c.status = 2, 0, response.StatusCode
	return response, nil
}

func joinQuery(one, two string) string {
	values, _ := url.ParseQuery(one)
	others, _ := url.ParseQuery(two)
	maps.Copy(values, others)
	return values.Encode()
}
