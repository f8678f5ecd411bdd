// Package bearertest is for tests of APIs that accept bearer tokens. It provides an authorization server that runs inside
// the test process, the [Issuer]. The Issuer signs valid tokens, and invalid ones that the API must reject.
//
// A test of a guarded API needs the issuer identifier, an HTTP client that reaches the issuer without a socket, and a token:
//
//	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
//
//	verifier, err := consumer.New(consumer.Config{
//		Issuer:     issuer.URL(),
//		Audience:   []string{"https://api.test"},
//		HTTPClient: issuer.Client(),
//	})
//
//	request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Sign())
//
// [Issuer.AccessToken] returns a valid token without a scope. To test a route that requires one, set it. To test that an
// invalid token is rejected, change one thing:
//
//	issuer.AccessToken().Set("scope", "orders:read").Sign()                   // with a scope
//	issuer.AccessToken().Set("aud", "https://other.test").Sign()              // for another API
//	issuer.AccessToken().Set("exp", bearertest.Absent).Sign()                 // without an expiry
//	issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign() // expired
//	issuer.AccessToken().SignWith("none", nil).Sign()                         // unsigned
//	issuer.AccessToken().SignWith("HS256", issuer.PEM("RS256")).Sign()        // signed with the public key as HMAC secret
//	stranger.AccessToken().Set("iss", issuer.URL()).Sign()                    // signed by another issuer
//
// A [ProofKey] is the key of a client. [Token.BoundTo] binds a token to it, and [ProofKey.Proof] makes the DPoP proof of a
// request.
//
// The package uses only the standard library and no other package of the kit, so that it checks the kit independently. It
// reads the time with [time.Now]. In a testing/synctest bubble, tokens use the clock of the bubble.
//
// Use it only for tests and demonstrations. It signs a token for every caller, and the RSA keys of one process are not
// independent of each other: see [Issuer].
package bearertest
