// Package grpcauth guards the methods of a gRPC server with a [middleware.Guard]. A policy lists the methods and the rules of
// each method. Calls of methods that the policy does not list are rejected.
//
//	interceptors, err := grpcauth.New(grpcauth.Config{
//		Guard: guard,
//		Policy: map[string][]middleware.Rule{
//			"/orders.v1.Orders/*":      {middleware.Scopes("orders:read")},
//			"/orders.v1.Orders/Cancel": {middleware.Scopes("orders:write")}, // and not orders:read
//		},
//		Public: []string{"/grpc.health.v1.Health/*"},
//	})
//	server := grpc.NewServer(interceptors.ServerOptions()...)
//	ordersv1.RegisterOrdersServer(interceptors.Registrar(server), orders{})
//	err = interceptors.CheckServer(server) // every method of the server is in the policy
//
//	func (orders) List(ctx context.Context, _ *ordersv1.ListRequest) (*ordersv1.ListResponse, error) {
//		token, ok := grpcauth.Token(ctx)
//		if !ok { // only in a public method, or with Optional
//			return nil, status.Error(codes.Unauthenticated, "no token")
//		}
//		// …
//	}
//
// A client sends the token in the metadata key authorization, in the form "Bearer token". For the Guard, a call is an HTTP
// request with the method POST, the path /package.Service/Method, and the metadata as its header. So DPoP (the metadata key
// dpop), client certificates, TokenSources, OnDecision, Explain and the log work as over HTTP.
//
// # Rejected calls
//
// The status code of a rejected call depends on the HTTP status that the Guard would send:
//
//   - Unauthenticated, if it is 401 or 400;
//   - PermissionDenied, if it is 403;
//   - Unavailable, if it is 503. The detail google.rpc.RetryInfo says when to try again;
//   - Canceled, if the client has canceled the call;
//   - Internal, if a Verifier, TokenSource or rule of the application fails or is invalid.
//
// A [middleware.Refusal] of the application may have another HTTP status. The file docs/grpc.md lists the codes for it.
//
// The header metadata of the response contains the challenges under the key www-authenticate, and a new DPoP nonce under the
// key dpop-nonce. If the response to a stream has begun before the rejection, it has neither.
//
// If the challenge has an error code, the status has the detail google.rpc.ErrorInfo. Its domain is [ErrorDomain]. Its reason
// is the error code in upper case, such as INVALID_TOKEN. Its metadata contains scope, acr_values and max_age of the
// challenge. Nothing else says which check failed. [middleware.Config].DenyHandler is not called.
//
// # Streams
//
// A stream ends when its token expires, is revoked, no longer meets the rules of its method, or cannot be checked. Then RecvMsg
// and SendMsg fail at once, the context of the handler is canceled, and the stream has the status that a new call would have.
// The stream stays open until the handler returns, so handlers must return when their context ends.
//
// To apply rules to a single message, call [middleware.Apply] in the handler and return its error. The interceptors convert a
// [*middleware.Refusal] that a handler returns to a status.
package grpcauth
