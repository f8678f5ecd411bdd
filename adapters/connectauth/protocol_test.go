package connectauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// wireForm is a rejection as it is sent.
type wireForm struct {
	Status      int
	ContentType string
	Body        string
	Trailer     string // grpc-status and grpc-message, wherever they are
}

const (
	problem = `{"title":"Unauthorized","status":401}` + "\n"
	unary   = `{"code":"unauthenticated","message":"unauthorized"}`
)

func plain() wireForm { return wireForm{401, "application/problem+json", problem, ""} }

func inProtocol(contentType, body, trailer string) wireForm {
	return wireForm{200, contentType, body, trailer}
}

// A rejection has status 200 only for callers that read the error from the body, the trailers or the header. Nothing that the caller sends is copied to the
// response.
func TestProtocolOfARejection(t *testing.T) {
	t.Parallel()
	end := "\x02\x00\x00\x00\x3d" + `{"error":` + unary + `}`
	streamed := inProtocol("application/connect+proto", end, "")
	asUnary := wireForm{401, "application/json", unary, ""}
	const status = "16 unauthorized"
	type test struct {
		contentType []string
		old         bool // HTTP/1.1
		header      http.Header
		method      string
		query       string
		want        wireForm
	}
	tests := map[string]test{
		"Connect":                       {contentType: []string{"application/proto"}, want: asUnary},
		"Connect, HTTP/1.1":             {contentType: []string{"application/proto"}, old: true, want: asUnary},
		"Connect, JSON":                 {contentType: []string{"application/json"}, want: asUnary},
		"Connect, JSON in UTF-8":        {contentType: []string{"Application/JSON; charset=UTF-8"}, want: asUnary},
		"Connect, JSON in Latin 1":      {contentType: []string{"application/json; charset=iso-8859-1"}, want: plain()},
		"Connect, version 1":            {contentType: []string{"application/json"}, header: http.Header{"Connect-Protocol-Version": {"1"}}, want: asUnary},
		"Connect, another version":      {contentType: []string{"application/json"}, header: http.Header{"Connect-Protocol-Version": {"2"}}, want: plain()},
		"Connect, two versions":         {contentType: []string{"application/json"}, header: http.Header{"Connect-Protocol-Version": {"1", "2"}}, want: plain()},
		"Connect, another codec":        {contentType: []string{"application/msgpack"}, want: plain()},
		"Connect, GET":                  {method: "GET", query: "connect=v1&encoding=json&message=%7B%7D", want: asUnary},
		"Connect, GET without version":  {method: "GET", query: "encoding=proto&message=", want: asUnary},
		"Connect, GET, another version": {method: "GET", query: "connect=v2&encoding=json&message=%7B%7D", want: plain()},
		"Connect, GET, another codec":   {method: "GET", query: "connect=v1&encoding=html&message=%7B%7D", want: plain()},
		"Connect, GET without message":  {method: "GET", query: "connect=v1&encoding=json", want: plain()},
		"GET":                           {method: "GET", want: plain()},
		"GET with a content type":       {method: "GET", contentType: []string{"application/grpc"}, header: trailers(), want: plain()},
		"PUT with a content type":       {method: "PUT", contentType: []string{"application/connect+proto"}, want: plain()},

		"Connect, stream":                  {contentType: []string{"application/connect+proto"}, want: streamed},
		"Connect, stream, HTTP/1.1":        {contentType: []string{"application/connect+proto"}, old: true, want: streamed},
		"Connect, stream, another version": {contentType: []string{"application/connect+proto"}, header: http.Header{"Connect-Protocol-Version": {"2"}}, want: plain()},
		"Connect, stream, another codec":   {contentType: []string{"application/connect+html"}, want: plain()},
		"Connect, stream, parameter":       {contentType: []string{"application/connect+proto; x=y"}, want: plain()},

		"gRPC":                              {contentType: []string{"application/grpc"}, header: trailers(), want: inProtocol("application/grpc", "", status)},
		"gRPC, proto":                       {contentType: []string{"application/grpc+proto"}, header: trailers(), want: inProtocol("application/grpc+proto", "", status)},
		"gRPC, JSON":                        {contentType: []string{"application/grpc+json"}, header: trailers(), want: inProtocol("application/grpc+json", "", status)},
		"gRPC, another spelling":            {contentType: []string{"Application/GRPC"}, header: trailers(), want: inProtocol("application/grpc", "", status)},
		"gRPC, HTTP/1.1":                    {contentType: []string{"application/grpc"}, old: true, header: trailers(), want: plain()},
		"gRPC, no trailers":                 {contentType: []string{"application/grpc"}, want: plain()},
		"gRPC, another codec":               {contentType: []string{"application/grpc+html"}, header: trailers(), want: plain()},
		"gRPC, no codec":                    {contentType: []string{"application/grpc+"}, header: trailers(), want: plain()},
		"gRPC, another subtype":             {contentType: []string{"application/grpc-proto"}, header: trailers(), want: plain()},
		"gRPC, longer subtype":              {contentType: []string{"application/grpcx"}, header: trailers(), want: plain()},
		"gRPC, parameter":                   {contentType: []string{"application/grpc; charset=utf-8"}, header: trailers(), want: plain()},
		"gRPC, malformed":                   {contentType: []string{"application/grpc;;"}, header: trailers(), want: plain()},
		"gRPC, list":                        {contentType: []string{"application/grpc, text/html"}, header: trailers(), want: plain()},
		"gRPC, two content types":           {contentType: []string{"application/grpc", "text/html"}, header: trailers(), want: plain()},
		"gRPC, the same content type twice": {contentType: []string{"application/grpc", "application/grpc"}, header: trailers(), want: plain()},

		"gRPC-Web":                  {contentType: []string{"application/grpc-web"}, want: inProtocol("application/grpc-web", "", status)},
		"gRPC-Web, HTTP/1.1":        {contentType: []string{"application/grpc-web+proto"}, old: true, want: inProtocol("application/grpc-web+proto", "", status)},
		"gRPC-Web, JSON":            {contentType: []string{"application/grpc-web+json"}, want: inProtocol("application/grpc-web+json", "", status)},
		"gRPC-Web, text":            {contentType: []string{"application/grpc-web-text"}, want: inProtocol("application/grpc-web-text", "", status)},
		"gRPC-Web, text, proto":     {contentType: []string{"application/grpc-web-text+proto"}, old: true, want: inProtocol("application/grpc-web-text+proto", "", status)},
		"gRPC-Web, another codec":   {contentType: []string{"application/grpc-web+html"}, want: plain()},
		"gRPC-Web, another subtype": {contentType: []string{"application/grpc-web-html"}, want: plain()},

		"no content type": {want: plain()},
		"HTML":            {contentType: []string{"text/html"}, want: plain()},
		"a form":          {contentType: []string{"application/x-www-form-urlencoded"}, want: plain()},
	}
	w := newWorld(t)
	handler := connectauth.Middleware(w.guard)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler runs") }))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, handler, test.old)
			method := test.method
			if method == "" {
				method = http.MethodPost
			}
			r, err := http.NewRequestWithContext(t.Context(), method, "http://api.test"+watch+"?"+test.query, strings.NewReader("unread"))
			if err != nil {
				t.Fatal(err)
			}
			if method == http.MethodGet {
				r.Body = nil
			}
			r.Header = maps.Clone(test.header)
			if r.Header == nil {
				r.Header = make(http.Header)
			}
			if test.contentType != nil {
				r.Header["Content-Type"] = test.contentType
			}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			got := wireForm{response.StatusCode, response.Header.Get("Content-Type"), string(body), ""}
			for _, from := range []http.Header{response.Header, response.Trailer} {
				if from.Get("Grpc-Status") != "" {
					got.Trailer += from.Get("Grpc-Status") + " " + from.Get("Grpc-Message")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if challenge := response.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="api"` {
				t.Errorf("challenge %q", challenge)
			}
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

func trailers() http.Header { return http.Header{"Te": {"trailers"}} }

// unread is a body that nothing may read before the call is admitted.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a rejected call is read")
	return 0, io.EOF
}

// A rejected call costs the same whatever its body is.
func TestBodyIsNotReadBeforeTheDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := connectauth.Middleware(w.guard)(http.NotFoundHandler())
	for _, contentType := range []string{
		"application/proto", "application/connect+json", "application/grpc", "application/grpc-web", "application/grpc-web-text", "text/html",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, watch, unread{t})
		r.Header = http.Header{"Content-Type": {contentType}, "Te": {"trailers"}, "Authorization": {"Bearer x.y.z"}}
		r.ProtoMajor = 2
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// A middleware in front of the Guard may have removed the values of a header field, or set the length of another body.
func TestMiddlewareInFront(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, contentType := range []string{"application/json", "application/connect+json", "application/grpc-web", "text/html"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, watch, nil)
		r.Header = http.Header{"Content-Type": {contentType}, "Connect-Protocol-Version": {}, "Te": nil, "Authorization": {}}
		response := httptest.NewRecorder()
		response.Header().Set("Content-Length", "7")
		connectauth.Middleware(w.guard)(http.NotFoundHandler()).ServeHTTP(response, r)
		length, challenge := response.Header().Get("Content-Length"), response.Header().Get("WWW-Authenticate")
		if length == "7" || challenge != `Bearer realm="api"` {
			t.Errorf("%s: status %d, length %q, challenge %q", contentType, response.Code, length, challenge)
		}
	}
}

// The status of a Refusal of the application is the status of a unary Connect response, although several statuses share a code.
func TestStatusOfTheApplication(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{
		402: "permission_denied", 404: "not_found", 409: "aborted", 418: "permission_denied", 429: "resource_exhausted",
		450: "permission_denied", 500: "internal", 502: "internal", 503: "unavailable", 504: "deadline_exceeded", 599: "internal", 200: "internal",
	} {
		w := newWorld(t)
		rule := middleware.Check("mine", func(context.Context, *consumer.Token) error {
			return &middleware.Refusal{Status: status, Code: "my-code.1"}
		})
		handler := connectauth.Middleware(w.guard, rule)(http.NotFoundHandler())
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, watch, nil)
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {w.bearer()}}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, r)
		var body struct {
			Code    string
			Details []struct {
				Type  string
				Debug struct{ Reason, Domain string }
			}
		}
		if err := json.Unmarshal(response.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if status == 200 {
			status = 500 // a refusal is never a success
		}
		if response.Code != status || body.Code != code {
			t.Errorf("status %d: response %d %s", status, response.Code, response.Body)
		}
		found := slices.ContainsFunc(body.Details, func(d struct {
			Type  string
			Debug struct{ Reason, Domain string }
		},
		) bool {
			return d.Type == "google.rpc.ErrorInfo" && d.Debug.Reason == "MY_CODE_1" && d.Debug.Domain == connectauth.ErrorDomain
		})
		if !found {
			t.Errorf("status %d: details %+v", status, body.Details)
		}
	}
}

// Handlers apply rules to parts of a call, and their clients receive no text for operators.
func TestError(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for name, test := range map[string]struct {
		err    error
		code   connect.Code
		text   string
		reason string
	}{
		"a refusal": {
			&middleware.Refusal{Status: 403, Code: "insufficient_scope", Scopes: []string{"a", "b"}, Err: mine, Detail: "secret"},
			connect.CodePermissionDenied, "insufficient_scope", `INSUFFICIENT_SCOPE map[scope:a b]`,
		},
		"a wrapped refusal": {fmt.Errorf("mine: %w", &middleware.Refusal{Status: 401}), connect.CodeUnauthenticated, "unauthorized", ""},
		"a step-up": {
			&middleware.Refusal{Status: 401, Code: "insufficient_user_authentication", ACRValues: []string{"gold"}, MaxAge: 5},
			connect.CodeUnauthenticated, "insufficient_user_authentication", `INSUFFICIENT_USER_AUTHENTICATION map[acr_values:gold max_age:5]`,
		},
		"a nil refusal": {(*middleware.Refusal)(nil), connect.CodeInternal, "internal server error", ""},
		"another error": {mine, connect.CodeUnknown, "mine", ""},
	} {
		got := connectauth.Error(test.err)
		failed, ok := errors.AsType[*connect.Error](got)
		if !ok {
			failed = connect.NewError(connect.CodeUnknown, got)
		}
		reason := ""
		for _, detail := range failed.Details() {
			value, _ := detail.Value()
			if info, ok := value.(*errdetails.ErrorInfo); ok {
				reason = fmt.Sprint(info.GetReason(), " ", info.GetMetadata())
			}
		}
		if failed.Code() != test.code || failed.Message() != test.text || reason != test.reason {
			t.Errorf("%s: %v %q, want %q", name, failed, reason, test.reason)
		}
	}
	if connectauth.Error(nil) != nil {
		t.Error("nil becomes an error")
	}
}
