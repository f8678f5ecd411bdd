// Package client is the OAuth 2.0 and OpenID Connect client of one authorization server: it signs users in, gets tokens,
// keeps them fresh, and sends them to APIs.
//
//	c, err := client.New(client.Config{
//		Issuer:       "https://login.example.com", // all else is discovered
//		ClientID:     "shop",
//		ClientSecret: secret,
//		RedirectURI:  "https://shop.example.com/callback",
//		Scopes:       []string{"openid", "orders:read"},
//	})
//
// A web application signs its users in with handlers that are ready, of client/weblogin, or by hand:
//
//	pending, err := c.AuthorizationURL(ctx, client.AuthorizationOptions{}) // keep pending, send the user to pending.URL
//	token, err := c.Callback(ctx, pending, r.URL.Query())                  // token.IDClaims says who they are
//
// A program for the command line does so with client/loopback, and a device without a browser with [Client.StartDevice] and
// [Client.WaitDevice]. A service gets tokens for itself, and an [http.Client] that has them:
//
//	token, err := c.ClientCredentials(ctx)
//
//	source, err := c.TokenSource(client.TokenSourceConfig{Grant: c.ClientCredentials})
//	transport, err := client.NewTransport(client.TransportConfig{
//		Source: source, Origins: []string{"https://api.example.com"},
//	})
//	api := http.Client{Transport: transport}
//
// There are methods for every other grant ([Client.Refresh], [Client.ExchangeToken], [Client.JWTBearer], [Client.StartCIBA],
// [Client.Password] and its second factors; [Client.Grant] for those not known here), and [Client.WithParams] for what a
// server wants besides. [RegistrationEndpoint] registers clients with a server; registry is for those who write one.
//
// The client proves itself in the one way of Config.AuthMethod, never by trial. With Config.DPoP tokens are bound to a key.
//
// Every answer is checked before any of it is used, every request has a time limit and a size limit, no redirect is
// followed, nothing secret stands in an error, a log or a URL, and nothing that was received is lost: an error after a token
// has come is an [*IncompleteError], which holds it. Look for that first. A refusal is an [*Error], matched by its code, as
// in errors.Is(err, client.ErrInvalidGrant); where it may help to try again, the error matches [ErrUnavailable].
package client
