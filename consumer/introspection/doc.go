// Package introspection verifies opaque access tokens: it sends each of them to the introspection endpoint of the
// authorization server (RFC 7662), checks the response, and caches the result. A [Verifier] is a [consumer.Verifier].
//
//	c, err := client.New(client.Config{Issuer: "https://login.example.com", ClientID: "orders-api", ClientSecret: secret})
//	v, err := introspection.New(introspection.Config{Client: c, Audience: []string{"https://api.example.com"}})
//	g, err := middleware.New(middleware.Config{Verifier: v})
//
// If the authorization server issues JWTs as well, set consumer.GroupConfig.Opaque to the Verifier. The Group then verifies a
// token that looks like a signed JWT by its signature, and never introspects it.
//
// The API is a client of the authorization server: it authenticates with its own credentials, by one of the methods that
// package client supports. The response may be signed (RFC 9701); see client.Config.SignedIntrospection.
//
// # What is checked
//
// The server decides whether a token is active. The Verifier checks its response as strictly as a [consumer.Consumer] checks a
// JWT: issuer, audience, times, the kind of the token, and the form of each claim. `iss` and `exp` may be absent (RFC 7662
// section 2.2). `aud` is required unless InsecureNoAudience is set. `token_type` may be absent, Bearer or DPoP. The value
// access_token, which some servers send, is accepted and reported as a deviation. The Guard checks the proof of possession of
// a token with `cnf`.
//
// # What is cached
//
// An accepted token is cached for one minute, and never beyond its `exp`. So the API may accept a token for up to a minute
// after the server has revoked it. A rejection is cached for 5 seconds. The two caches are separate and bounded, so that a
// flood of random tokens evicts no accepted one. Their keys are keyed digests of the texts of tokens. The texts are not stored.
// Failures are not cached.
//
// # If the server is unavailable
//
// Callers with the same token share one request, which continues if the caller that has started it is canceled. The number of
// concurrent requests is limited. A quarter of the limit is reserved for tokens that were active before.
//
// After 3 failures in a row, or one with Retry-After, the Verifier pauses: tokens that are not cached cause an error and no
// request. The first pause lasts up to one second. Each further one is up to twice as long, at most 30 seconds. A longer
// Retry-After applies instead, up to 5 minutes. After a pause, one request tests the server.
//
// Every error that is not about the token matches [consumer.ErrUnavailable], and the Guard responds with 503. If the server
// rejects the credentials of the API, the response is 503 too, and a line is logged at level Error.
package introspection
