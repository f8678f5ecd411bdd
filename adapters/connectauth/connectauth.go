// Package connectauth guards the handlers of connect-go with a [middleware.Guard]. It rejects calls in the protocol of the
// caller: Connect, gRPC or gRPC-Web.
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
//		// …
//	}
//
// [Middleware] applies the same rules to all calls. [New] applies the rules of a policy to each procedure, and rejects calls of
// procedures that the policy does not list.
//
// # Rejected calls
//
// The Guard decides before the body is read. The form of the response to a rejected call depends on the protocol of the caller:
//
//   - Connect, unary calls: the HTTP status of the [middleware.Refusal], and a JSON error
//   - Connect, streams: the HTTP status 200, and the error in the last message
//   - gRPC: the HTTP status 200, and the error in the trailers
//   - gRPC-Web: the HTTP status 200, and the error in the header
//   - all other requests: the response of [middleware.Guard.With], byte for byte
//
// A request counts as gRPC only if it uses HTTP/2 and has the header field TE: trailers. For all three protocols, the codec
// must be proto or json. A request that does not meet these conditions gets the response of the Guard, and clients of the three
// protocols derive the code from its HTTP status. [middleware.Config].DenyHandler is called only for such other requests.
//
// For all protocols, WWW-Authenticate, DPoP-Nonce and Retry-After are fields of the HTTP header. Clients of connect-go find them
// in [connect.Error.Meta]. The code of the error depends on the HTTP status that the Guard would send:
//
//   - CodeUnauthenticated, if it is 401 or 400;
//   - CodePermissionDenied, if it is 403;
//   - CodeUnavailable, if it is 503. The detail google.rpc.RetryInfo says when to try again;
//   - CodeCanceled, if the client has canceled the call;
//   - CodeInternal, if a Verifier, TokenSource or rule of the application fails or is invalid.
//
// If the challenge has an error code, the error has the detail google.rpc.ErrorInfo. Its domain is [ErrorDomain]. Its reason is
// the error code in upper case, such as INVALID_TOKEN. Its metadata contains scope, acr_values and max_age of the challenge.
// Nothing else says which check failed.
//
// # Streams
//
// A stream ends when its token expires, is revoked, no longer meets the rules, or cannot be checked; see [middleware.Recheck].
// Then the context of the handler is canceled, and Receive and Send return errors. A message that is being sent is completed.
// When the handler returns, the client receives the error that a new call would receive. If the response has begun, it has no
// challenge. A handler that ignores its context and these errors keeps running, but it receives and sends nothing.
//
// The content types of Connect distinguish unary calls from streams. Those of gRPC and gRPC-Web do not, so the adapter looks up
// the procedure in the registry of protobuf descriptors. A procedure that is not in this registry is treated as a stream.
//
// To apply rules to a single message, call [middleware.Apply] in the handler, pass its error to [Error], and return the result.
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
// rejects all other requests itself, in the protocol of the caller. If middleware of one Guard is nested, the rules of all
// levels apply, and the token is verified once. The token of a stream is checked again once per minute. To choose another
// interval, use [New] and Config.Recheck. The result is safe for concurrent use.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) func(http.Handler) http.Handler {
	g.Declare(rules...)
	guarded := guard{Guard: g, rules: slices.Clone(rules)}
	return guarded.wrap
}

// Token returns the verified token of the call whose context is ctx, as [middleware.TokenFromContext] does. It returns nil and
// false outside of a Guard, in a public procedure, and for a request that Optional or AllowPreflight of [middleware.Config] let
// pass without a token. Check the second result before you use the token.
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
