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
//	token, err := c.Callback(ctx, pending, r.URL.Query())                  // with the scope openid, token.IDClaims has the user
//
// A command-line program uses client/loopback. A device without a browser uses [Client.StartDevice] and [Client.WaitDevice].
//
// # Authenticating the client
//
// A client with a secret needs only Config.ClientSecret. If the secret changes, set Config.SecretSource, for example to
// [SecretFile]. A client with a private key sets Config.Key. A workload whose platform issues assertions, such as a pod of
// Kubernetes, sets Config.AssertionSource to [AssertionFile]. A client with a certificate sets Config.AuthMethod to
// [AuthTLS] or [AuthSelfSignedTLS], and Config.HTTPClient to one that has the certificate. A client without any of these
// credentials is a public client.
//
// # Calling APIs
//
// A service calls APIs on its own behalf. [Client.HTTPClient] gets tokens for it, and adds them to requests to the listed
// origins:
//
//	api, err := c.HTTPClient("https://api.example.com")
//
// For users and for other grants, a [TokenSource] keeps one valid token for all callers, and a [Transport] adds it to
// requests:
//
//	source, err := c.TokenSource(client.TokenSourceConfig{Token: token, Store: store, Key: "alice"})
//	transport, err := client.NewTransport(client.TransportConfig{
//		Source:  source,
//		Origins: []string{"https://api.example.com"},
//	})
//	api := http.Client{Transport: transport}
//
// If a user calls several APIs, and each of them requires a token of its own, [TokenSource.ForResource] returns a source for
// each API. All of them use the same sign-in.
//
// If an API requires more scopes or a stronger sign-in than the token has, TransportConfig.StepUp signs the user in again.
//
// # APIs that are known only by their URL
//
// A [ResourceTransport] calls an API of which the program knows only the URL, such as an MCP server. When the API requires a
// token, it finds the authorization server of the API, chooses or registers a client there, signs the user in, and sends the
// request again.
//
// Programs that need control over each step call these functions instead. [DiscoverResource] finds the metadata of the API, and
// [Resource.SelectServer] its authorization server. [Resource.ClientConfig] completes the Config of a client of that server,
// and rejects credentials of other servers. A program without a registration serves a Client ID Metadata Document with
// [NewClientMetadataHandler]. An [IdentityAssertion] gets tokens for an API of another organization without a sign-in at its
// authorization server. The file docs/client-resources.md in the repository lists all checks.
//
// # Other grants
//
// Other grants have methods of their own: [Client.Refresh], [Client.ExchangeToken], [Client.JWTBearer], [Client.StartCIBA],
// and [Client.Password] with the second factors of [Client.MFARequest]. Use [Client.Grant] for any other grant type, and
// [Client.WithParams] for parameters that a server needs and this package does not know. [RegistrationEndpoint] registers
// clients with a server.
//
// # Servers that deviate
//
// Responses of real servers deviate from the RFCs. The client accepts harmless deviations, and [Client.Quirks] lists them.
// [Config.ReadResponse], [Config.BearerTypes] and [Config.CommaScopes] are for servers that deviate more, and
// [Config.Tenants] is for providers with one issuer per tenant. The file docs/providers.md in the repository has the
// configuration for Google, GitHub, Microsoft Entra, Apple, Slack and others.
//
// # Guarantees
//
// Responses are checked before they are used. The client verifies the ID token of a sign-in or a refresh, logout tokens,
// signed user information and signed authorization responses. [Client.Grant] lists the grants whose ID tokens are not
// verified.
//
// Each request to the authorization server has a time limit, and each response a size limit. Redirects are not followed.
// Requests to APIs have the limits of their http.Client and context. The client uses one authentication method (see
// Config.AuthMethod), and never tries another one after a failure.
//
// Error texts, and the values that fmt and slog print, contain no secrets. An error text quotes the description of the server
// only if nothing in it looks like a secret.
//
// A [Token], [PendingAuthorization], [DeviceAuthorization] or [CIBAAuthentication] names the client that received it, and another
// client rejects it. Raw values, such as the argument of [Client.Refresh], are not protected in this way.
//
// # Errors
//
// Check for an [*IncompleteError] first. It contains a token that must be kept, but must not be used for requests to an API.
// An [*Error] is an error response of the server, or a response that is not valid. It has the body, and matches its code, as
// in errors.Is(err, client.ErrInvalidGrant). After an error that matches [ErrUnavailable], a retry may succeed. An error of
// a [TokenSource] that matches [ErrNoToken] means that the user must sign in.
package client
