// Package grpcauth guards the methods of a gRPC server with a [middleware.Guard]. A policy lists the methods and the rules of
// each. Calls of all other methods are rejected.
//
//	interceptors, err := grpcauth.New(grpcauth.Config{
//		Guard: guard,
//		Policy: map[string][]middleware.Rule{
//			"/orders.v1.Orders/*":      {middleware.Scopes("orders:read")},
//			"/orders.v1.Orders/Cancel": {middleware.Scopes("orders:write")},
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
// A client sends its token in the metadata key authorization, as "Bearer " and the token. The Guard decides about a call as
// about an HTTP request with the method POST, the path /package.Service/Method, and the metadata as its header. So DPoP
// (the metadata key dpop), client certificates, TokenSources, OnDecision, Explain and the log work as over HTTP.
//
// # Rejected calls
//
// A rejected call has one of these statuses:
//
//   - Unauthenticated, where the Guard responds with 401 or 400 over HTTP;
//   - PermissionDenied, where it responds with 403;
//   - Unavailable, where it responds with 503. The detail google.rpc.RetryInfo says when to try again;
//   - Canceled, if the client has canceled the call;
//   - Internal, if a Verifier, TokenSource or rule of the application fails or is invalid.
//
// The challenges are in the header metadata of the response, under the key www-authenticate, and a new DPoP nonce is under the
// key dpop-nonce. A stream whose response has begun ends without them. If the challenge has an error code, the detail google.rpc.ErrorInfo contains it too: the domain is
// [ErrorDomain], and the reason is the code in upper case, such as INVALID_TOKEN. Scopes, acr_values and max_age of the
// challenge are in its metadata. Nothing else says which check failed. Config.DenyHandler of the Guard is not called.
//
// # Streams
//
// A stream ends when its token expires, is revoked, or no longer meets the rules of its method. Receiving and sending then
// fail at once, the context of the handler is canceled, and the status is the one that a new call would have.
// A handler that does not return when its context ends keeps the stream open.
//
// To decide about single messages, call [middleware.Apply] in the handler and return its error. The interceptors convert a
// [*middleware.Refusal] that a handler returns to a status.
package grpcauth
