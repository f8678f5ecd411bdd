// Package introspection verifies opaque access tokens: it sends each of them to the introspection endpoint of the
// authorization server (RFC 7662), and checks the response again. A [Verifier] is a [consumer.Verifier].
//
//	c, err := client.New(client.Config{Issuer: "https://login.example.com", ClientID: "orders-api", ClientSecret: secret})
//	v, err := introspection.New(introspection.Config{Client: c, Audience: []string{"https://api.example.com"}})
//	g, err := middleware.New(middleware.Config{Verifier: v})
//
// If the authorization server issues JWTs as well, set consumer.GroupConfig.Opaque to the Verifier. A token that looks like a
// JWT is then verified by its signature, and causes no request.
//
// The API is a client of the authorization server: it authenticates with its own credentials, by each of the methods that
// package client supports. The response can be signed (RFC 9701); see client.Config.SignedIntrospection.
//
// # What is checked
//
// The server decides whether a token is active. The Verifier checks its response as strictly as a [consumer.Consumer] checks a
// JWT: issuer, audience, times, the kind of the token, and the form of each claim. `iss` and `exp` may be absent (RFC 7662
// section 2.2). `aud` is required unless InsecureNoAudience is set. `token_type` must be Bearer, DPoP or absent. The Guard
// checks the proof of possession of a token with `cnf`.
//
// # What is cached
//
// An accepted token is cached for one minute, and never beyond its `exp`. A token that the server revokes may be accepted for
// as long. A rejection is cached for 5 seconds. Both caches are bounded and separate, so that a flood of random tokens evicts
// no valid one. The caches hold keyed digests, and no token. Failures are not cached.
//
// # If the server is unavailable
//
// Callers with the same token share one request, which does not end with the caller that has started it. The number of
// concurrent requests is limited. A part of that limit is reserved for tokens that were active before.
//
// After 3 failures in a row, the Verifier pauses: tokens that are not cached cause an error and no request. The pause starts at
// one second and doubles up to 30 seconds, unless the server sends a longer Retry-After. Then one request tests the server.
//
// Every error that is not about the token matches [consumer.ErrUnavailable], and the Guard responds with 503. That includes a
// server that rejects the credentials of the API, which is logged at level Error.
package introspection
