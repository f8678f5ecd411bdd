// Package connectauth guards the handlers of connect-go with a [middleware.Guard], for callers with the protocols Connect,
// gRPC and gRPC-Web.
//
//	mux := http.NewServeMux()
//	path, handler := ordersv1connect.NewOrdersHandler(orders{})
//	mux.Handle(path, connectauth.Middleware(guard, middleware.Scopes("orders:read"))(handler))
//
//	func (orders) List(ctx context.Context, r *connect.Request[ordersv1.ListRequest]) (*connect.Response[ordersv1.ListResponse], error) {
//		token, ok := connectauth.Token(ctx)
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("no token"))
//		}
//		...
//	}
//
// [New] applies other rules to each procedure, and rejects procedures that have none.
//
// # Rejected calls
//
// The Guard decides before the body is read. The response to a rejected call has the protocol of the caller:
//
//   - Connect, unary calls: the HTTP status of the [middleware.Refusal], and a JSON error
//   - Connect, streams: the HTTP status 200, and the error in the last message
//   - gRPC: the HTTP status 200, and the error in the trailers
//   - gRPC-Web: the HTTP status 200, and the error in the header
//   - all other requests: the response of [middleware.Guard.With], byte for byte
//
// A request has the protocol gRPC only if it uses HTTP/2 and accepts trailers. The codec of a protocol must be proto or json.
// Otherwise the caller receives the response of the Guard, whose status all clients of the three protocols understand.
// Config.DenyHandler is called for these other requests only.
//
// For all protocols, WWW-Authenticate, DPoP-Nonce and Retry-After are fields of the HTTP header. Clients of connect-go find them
// in [connect.Error.Meta]. The error has one of these codes:
//
//   - CodeUnauthenticated, where the Guard responds with 401 or 400 over HTTP;
//   - CodePermissionDenied, where it responds with 403;
//   - CodeUnavailable, where it responds with 503. The detail google.rpc.RetryInfo says when to try again;
//   - CodeCanceled, if the client has canceled the call;
//   - CodeInternal, if a Verifier, TokenSource or rule of the application fails or is invalid.
//
// If the challenge has an error code, the detail google.rpc.ErrorInfo contains it too: the domain is [ErrorDomain], and the
// reason is the code in upper case, such as INVALID_TOKEN. Scopes, acr_values and max_age of the challenge are in its metadata.
// Nothing else says which check failed.
//
// # Streams
//
// A stream ends when its token expires, is revoked, or no longer meets the rules: see [middleware.Recheck]. Its context is
// canceled. Receive and Send return an error, and the client receives the error of a call that is rejected now, without a
// challenge if the response has begun. A message that is being sent is completed. A handler that ignores its context and these errors keeps running until it returns, but
// it receives and sends nothing.
//
// Calls with Connect's unary content types are not streams. For the other protocols, the content type does not show whether a
// call is a stream. The registry of protobuf descriptors does; a procedure that is not in this registry is treated as a stream.
//
// To decide about single messages, call [middleware.Apply] in the handler, and return the result of [Error] for its error.
package connectauth

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware returns a middleware that calls the next handler if the request has a valid token that meets every rule. It
// rejects all other requests itself, in the protocol of the caller. If it is nested, the rules of all levels apply, and the
// same Guard verifies the token once. It checks the token of a stream once per minute; [New] has a setting for that.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) func(http.Handler) http.Handler {
	g.Declare(rules...)
	guarded := guard{Guard: g, rules: slices.Clone(rules)}
	return guarded.wrap
}

// Token returns the verified token of the call with this context. It is [middleware.TokenFromContext]. It reports false, with
// a nil token, if there is none: outside of a Guard, and for a request that [middleware.Config].Optional let pass without
// credentials. Check the result before you use the token.
func Token(ctx context.Context) (*consumer.Token, bool) {
	return middleware.TokenFromContext(ctx)
}

// guard applies a list of rules to requests.
type guard struct {
	*middleware.Guard

	rules   []middleware.Rule
	recheck time.Duration // zero: the default of middleware.Recheck
}

// wrap returns a handler that calls next for the requests that pass.
func (g guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admitted, err := g.Authenticate(r, g.rules...)
		if err != nil {
			g.deny(w, r, err)
			return
		}
		g.SetHeader(w.Header(), admitted)
		if mayStream(admitted) {
			g.serveStream(w, admitted, next)
			return
		}
		next.ServeHTTP(w, admitted)
	})
}
