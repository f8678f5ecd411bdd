// Package client gets tokens at the token endpoint of an authorization server: for the client itself, for a refresh token, a
// password, another token, a signed assertion, or by any other grant.
//
//	c, err := client.New(client.Config{
//		Issuer:       "https://login.example.com",
//		ClientID:     "billing",
//		ClientSecret: secret,
//		Scopes:       []string{"orders:read"},
//	})
//	token, err := c.ClientCredentials(ctx)
//
// The client proves itself in one of the ways of RFC 6749, OpenID Connect Core and RFC 8705, chosen before the request and
// never by trial. With Config.DPoP all tokens are bound to a key (RFC 9449).
//
// Every answer is checked before any of it is used, every request has a time limit and a size limit, no redirect is
// followed, nothing secret stands in an error, a log or a URL, and nothing that was received is lost: an error after a
// token has come is an [*IncompleteError], which holds it.
//
// An answer that says no is an [*Error], to be matched by its code: errors.Is(err, client.ErrInvalidGrant). What may help
// to try again matches [ErrUnavailable].
package client
