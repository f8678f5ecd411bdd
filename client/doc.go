// Package client is an OAuth 2.0 and OpenID Connect client. It signs users in, gets tokens from an authorization server,
// refreshes them, and adds them to requests to APIs.
//
//	c, err := client.New(client.Config{
//		Issuer:       "https://login.example.com", // the endpoints are discovered
//		ClientID:     "shop",
//		ClientSecret: secret,
//		RedirectURI:  "https://shop.example.com/callback",
//		Scopes:       []string{"openid", "orders:read"},
//	})
//
// # Signing users in
//
// A web application should use client/weblogin, which has ready handlers. Without it, the flow has two steps:
//
//	pending, err := c.AuthorizationURL(ctx, client.AuthorizationOptions{}) // store pending, redirect to pending.URL
//	token, err := c.Callback(ctx, pending, r.URL.Query())                  // with the scope openid, token.IDClaims is the user
//
// A command-line program uses client/loopback. A device without a browser uses [Client.StartDevice] and [Client.WaitDevice].
//
// # Calling APIs
//
// A service gets tokens for itself. [Client.HTTPClient] adds them to the requests to the listed origins:
//
//	api, err := c.HTTPClient("https://api.example.com")
//
// For users and for other grants, a [TokenSource] keeps one valid token for all callers, and a [Transport] adds it to
// requests. [TokenSource.ForResource] is for several APIs with tokens of their own:
//
//	source, err := c.TokenSource(client.TokenSourceConfig{Token: token, Store: store, Key: "alice"})
//	transport, err := client.NewTransport(client.TransportConfig{
//		Source:  source,
//		Origins: []string{"https://api.example.com"},
//	})
//	api := http.Client{Transport: transport}
//
// # Other grants
//
// There are methods for [Client.Refresh], [Client.ExchangeToken], [Client.JWTBearer], [Client.StartCIBA], [Client.Password]
// and its second factors. [Client.Grant] is for all others, and [Client.WithParams] adds parameters that a server needs.
// [RegistrationEndpoint] registers clients with a server.
//
// # Guarantees
//
// Responses are checked before they are used. The ID token of a sign-in or a refresh, logout tokens, and signed user
// information and authorization responses are verified; [Client.Grant] lists the grants whose ID tokens are not. Each
// request to the authorization server has a time limit and a size limit, and redirects are not followed. Requests to APIs
// have the limits of their http.Client and context. Error texts, and the values that fmt and slog print, contain no
// secrets. An error text quotes the description of the server only if nothing in it looks like a secret. The client uses
// one authentication method (see Config.AuthMethod), and never tries another one after a failure. A [Token],
// [PendingAuthorization], [DeviceAuthorization] or [CIBAAuthentication] names the client that received it, and another
// client does not use it. This does not protect raw values, such as the argument of [Client.Refresh].
//
// Responses of real servers deviate from the RFCs. The client accepts harmless deviations, and [Client.Quirks] lists them.
// [Config.ReadResponse], [Config.BearerTypes] and [Config.CommaScopes] are for servers that deviate more.
//
// # Errors
//
// Check for an [*IncompleteError] first: it contains a token that must be kept, but not used for requests to an API. An
// error response of the server, or one that is not valid, is an [*Error]. It has the body, and matches its code, as in
// errors.Is(err, client.ErrInvalidGrant). After an error that matches [ErrUnavailable], a retry may succeed. An error of
// a [TokenSource] that matches [ErrNoToken] means that the user must sign in.
package client
