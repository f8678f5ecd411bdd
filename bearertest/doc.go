// Package bearertest is for tests of APIs that accept bearer tokens, and of programs that sign users in. It provides an
// authorization server that runs inside the test process, the [Issuer]. The Issuer signs valid tokens, and invalid ones that an API
// must reject.
//
// # APIs
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
// # Sign-ins
//
// For tests of clients, register them. The issuer then has working endpoints, which its metadata names. It shows no page: the first
// of the Users signs in at once, and [Issuer.SetUser] chooses another one.
//
//	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
//		Clients: []bearertest.Client{{ID: "shop", Secret: "secret", RedirectURIs: []string{"https://shop.test/auth/callback"}}},
//		Users:   []bearertest.User{{Subject: "alice", Claims: map[string]any{"name": "Alice"}}},
//	})
//
//	c, err := client.New(client.Config{
//		Issuer: issuer.URL(), HTTPClient: issuer.Client(), ClientID: "shop", ClientSecret: "secret",
//		RedirectURI: "https://shop.test/auth/callback", Scopes: []string{"openid"},
//	})
//	app, err := weblogin.New(weblogin.Config{Client: c, Sessions: scs.New()})
//
//	browser := issuer.Browser("https://shop.test", app)
//	response, err := browser.Get("https://shop.test/auth/login") // redirects to the issuer and back: alice is signed in
//
// # Devices
//
// A device polls until the user has decided:
//
//	device, err := c.StartDevice(ctx, client.DeviceOptions{})
//	issuer.ApproveDevice(device.UserCode) // or DenyDevice
//	token, err := c.WaitDevice(ctx, device)
//
// # Failures
//
// [Issuer.Fail] and [Issuer.FailNext] make endpoints fail, respond slowly, or send a given response:
//
//	issuer.Fail("/token", bearertest.Respond(503, ""))      // until further notice
//	issuer.FailNext("/jwks", bearertest.Delay(time.Minute)) // once
//
// Tests of handlers that need only a token in the context use package bearertest/handlertest. The file docs/testing.md in the
// repository explains all kinds of tests.
//
// The package uses only the standard library and no other package of the kit, so that it checks the kit independently. It
// reads the time with [time.Now]. In a testing/synctest bubble, tokens use the clock of the bubble.
//
// Use it only for tests and demonstrations. It signs in everyone, signs a token for every caller, and the RSA keys of one process
// are not independent of each other: see [Issuer].
package bearertest
