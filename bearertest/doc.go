// Package bearertest is for testing APIs that take bearer tokens. It holds an authorization server that lives inside
// the test process, the [Issuer], and the tokens it gives out, good ones and every kind of bad one.
//
// A test of a guarded API needs three things from it: the issuer's identifier, an HTTP client that reaches the issuer
// without a socket, and a token.
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
// [Issuer.AccessToken] starts from a token in which everything is right (RFC 9068 §2), so a test of a refusal spoils
// just the one thing it is about:
//
//	issuer.AccessToken().Set("aud", "https://other.test").Sign()                        // for another API
//	issuer.AccessToken().Set("exp", bearertest.Absent).Sign()                           // never ends
//	issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()           // ended
//	issuer.AccessToken().SignWith("none", nil).Sign()                                   // not signed
//	issuer.AccessToken().SignWith("HS256", issuer.PEM("RS256")).Sign()                  // public key taken for a secret
//	stranger.AccessToken().Set("iss", issuer.URL()).Sign()                              // signed by another issuer
//
// The package uses the standard library alone, and nothing of the kit: what it signs is a check on the kit that shares
// no code with it. Times are those of [time.Now], so inside a testing/synctest bubble tokens live on the bubble's clock.
//
// It is not an authorization server for anything but tests and demonstrations: it gives a token to whoever holds the
// [Issuer], and its RSA keys are made to be cheap (see [Issuer]).
package bearertest
