// Package middleware puts a [Guard] in front of HTTP handlers: it takes the bearer token of a request (RFC 6750), has it
// verified, holds it against the rules of the route, and hands the request on with the token in its context, or refuses
// it.
//
//	guard, err := middleware.New(middleware.Config{Verifier: verifier})
//
//	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		token, _ := middleware.TokenFromContext(r.Context())
//		fmt.Fprintln(w, "hello", token.Subject())
//	}
//
// [Guard.Authenticate] decides and writes nothing; [Guard.Deny] writes and decides nothing. [Guard.Handler],
// [Guard.With] and [Guard.Routes] are a few lines on top of the two.
//
// A refusal answers with
//
//   - 401 and a bare challenge when the request has no token, or credentials of another scheme;
//   - 400 invalid_request when the token is sent twice or in a form that is none;
//   - 401 invalid_token when the token is not good, whatever is wrong with it;
//   - 403 insufficient_scope when a scope is missing, and 403 without an error code when another rule is not met;
//   - 503 and Retry-After when nobody can tell, since the issuer's keys, say, could not be had;
//   - 500 when a function of the application's own failed.
//
// The client learns no more than that. Why a request was refused is in the [Decision] and in the log.
//
// The cross-origin preflights of browsers carry no credentials, by design of the Fetch standard, so they are passed on
// without a token. A handler that is called for OPTIONS asks [TokenFromContext], and believes it.
package middleware
