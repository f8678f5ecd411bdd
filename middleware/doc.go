// Package middleware guards HTTP handlers with access tokens: bearer tokens (RFC 6750), and tokens that are bound to a key
// or certificate of the client. A [Guard] reads the token of a request, verifies it, and applies the rules of the route. It
// then calls the next handler with the token in the request's context, or rejects the request.
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
//   - 401 and a challenge (the WWW-Authenticate header) without an error code, if the request has no token, or
//     credentials of another scheme;
//   - 400 invalid_request, if it has more than one token, or if the token contains characters that no token may contain
//     (it is not a token68, RFC 9110 section 11.2);
//   - 401 invalid_token, if the token is not valid, if its binding cannot be checked, if it does not fit the scheme of the
//     request, or if the request does not have the certificate that it is bound to;
//   - 401 invalid_dpop_proof, if the DPoP proof is missing, is not acceptable, or has another key than the token;
//   - 401 use_dpop_nonce, if the DPoP proof needs a nonce, or a newer one;
//   - 401 insufficient_user_authentication, if a rule requires another sign-in of the user;
//   - 403 insufficient_scope, if the token lacks a scope or authorization details that a rule requires;
//   - 403 and a challenge without an error code, if another rule is not met;
//   - 503 and Retry-After, if the token cannot be verified now, for example because the issuer's keys are unavailable, or
//     if it is not known whether the DPoP proof was used before;
//   - 500, if a Verifier, TokenSource or rule of the application fails or is invalid.
//
// A challenge with status 401 lists the scopes of the route. If Resource is set in [Config], every challenge also contains the
// URL of the metadata document. The scopes are those of the handler that rejects the request: if handlers of [Guard.With] are
// nested, an outer one does not know the scopes of the inner ones.
//
// Apart from the error code, the response does not say which check failed. The [Decision] and the log contain the reason.
//
// # Metadata
//
// Set Resource in [Config] to the identifier of the API, and serve [Guard.MetadataHandler] at [Guard.MetadataPath]. The document
// (RFC 9728) says which authorization servers the API accepts, and which scopes its rules need. Clients that know only the URL of
// the API read it, for example those of the Model Context Protocol.
//
// # Operations
//
// Rules usually apply to a route. Behind a Guard, [Apply] applies rules to one operation, such as a call of a tool in the body, or to
// one message of a stream. [Guard.SetDenyHeader] sets the header fields of [Guard.Deny] for protocols that have their own form of
// errors.
//
// # Bound tokens
//
// A bearer token works for anyone who has it. An authorization server can also bind a token to a key or certificate of the
// client (sender-constrained tokens). Set DPoP in [Config] for tokens that are bound to a key (RFC 9449), and MTLS for tokens
// that are bound to a certificate (RFC 8705). The Guard then checks for each bound token that its sender has the key or
// certificate. If the field is nil, it rejects these tokens. To reject tokens that are not bound, use [SenderConstrained] for
// single routes, or Required in [DPoPConfig].
//
// # CORS
//
// Browsers send preflights without credentials, so a Guard rejects them. Put the CORS middleware in front of the Guard.
// It then responds to preflights itself, and adds its header fields to the responses to rejected requests too. If the
// CORS middleware must be behind the Guard, set AllowPreflight in [Config].
package middleware
