// Package middleware guards HTTP handlers with bearer tokens (RFC 6750). A [Guard] reads the token of a request, verifies
// it, and applies the rules of the route. It then calls the next handler with the token in the request's context, or
// rejects the request.
//
//	guard, err := middleware.New(middleware.Config{Verifier: verifier})
//
//	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		token, ok := middleware.TokenFromContext(r.Context())
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			http.Error(w, "no token", http.StatusUnauthorized)
//			return
//		}
//		fmt.Fprintln(w, "hello", token.Subject())
//	}
//
// [Guard.Authenticate] decides about a request and writes nothing. [Guard.Deny] writes the response to a rejected request
// and decides nothing. [Guard.Handler], [Guard.With] and [Guard.Routes] combine the two.
//
// A rejected request receives one of these responses:
//
//   - 401 and a challenge without an error code, if the request has no token, or credentials of another scheme;
//   - 400 invalid_request, if it carries more than one token, or if the credentials are not a valid token68;
//   - 401 invalid_token, if the token is not valid, for whatever reason;
//   - 403 insufficient_scope, if a scope is missing, and 403 without an error code, if another rule is not met;
//   - 503 and Retry-After, if the token cannot be verified now, for example because the issuer's keys are unavailable;
//   - 500, if the application's own Verifier, TokenSource or rule is at fault.
//
// The client learns no more than that. The [Decision] and the log contain the reason.
//
// # CORS
//
// Browsers send preflights without credentials, so a Guard rejects them. Put the CORS middleware in front of the Guard: it
// answers preflights itself, and adds its header fields to rejected requests too. If the CORS middleware must be behind
// the Guard, set [Config].AllowPreflight.
package middleware
