package bearertest

import (
	"net"
	"net/url"
	"slices"
)

// Client is a client that is registered at an [Issuer]. A web application has an ID, a Secret and RedirectURIs. A command-line
// program has an ID and RedirectURIs, such as "http://127.0.0.1/callback". An API that introspects tokens has an ID and a Secret.
type Client struct {
	// ID is the `client_id`. A Client without an ID is ignored. If two have the same ID, the last one is used.
	ID string

	// Secret is the client secret, sent with HTTP Basic or in the body (client_secret_basic, client_secret_post). Empty: none.
	// A Client with neither Secret nor Key is a public client (none).
	Secret string

	// Key is the public key that verifies the client assertions of the client (private_key_jwt, RFC 7523): an
	// *rsa.PublicKey, an *ecdsa.PublicKey, or an ed25519.PublicKey. Nil: none.
	Key any

	// RedirectURIs are the redirect URIs of the client. A request must contain exactly one of them. With http and the host
	// 127.0.0.1, [::1] or localhost, the request may have any port (RFC 8252 section 7.3, RFC 9700 section 2.1). Nil: the
	// client cannot use the authorization endpoint.
	RedirectURIs []string

	// PostLogoutRedirectURIs are the URIs to which the user can return after a logout, compared as RedirectURIs are. Nil: none.
	PostLogoutRedirectURIs []string

	// GrantTypes are the grants that the client may use, such as "client_credentials". Without "refresh_token", it gets no
	// refresh tokens. Nil: all grants of the Issuer. The grant client_credentials always requires a Secret or a Key.
	GrantTypes []string

	// Scopes are the scopes that the client may request. Nil: all.
	Scopes []string
}

// The grants of the token endpoint.
const (
	grantCode              = "authorization_code"
	grantRefresh           = "refresh_token"
	grantClientCredentials = "client_credentials"
	grantDevice            = "urn:ietf:params:oauth:grant-type:device_code"
)

// grantTypes returns all grants of the token endpoint.
func grantTypes() []string {
	return []string{grantCode, grantRefresh, grantClientCredentials, grantDevice}
}

// public reports whether the client cannot authenticate.
func (c Client) public() bool { return c.Secret == "" && c.Key == nil }

// may reports whether the client may use a grant.
func (c Client) may(grant string) bool {
	return c.GrantTypes == nil || slices.Contains(c.GrantTypes, grant)
}

// checkScopes returns an error if the client may not request one of the scopes.
func (c Client) checkScopes(scopes []string) *oauthError {
	for _, scope := range scopes {
		if c.Scopes != nil && !slices.Contains(c.Scopes, scope) {
			return failure("invalid_scope", "client %s may not request the scope %s, only %v", c.ID, scope, c.Scopes)
		}
	}
	return nil
}

// registered reports whether uri equals one of the registered URIs, except for the port of a loopback URI.
func registered(uris []string, uri string) bool {
	return slices.ContainsFunc(uris, func(known string) bool {
		return known == uri || withoutLoopbackPort(known) == withoutLoopbackPort(uri)
	})
}

// withoutLoopbackPort removes the port if uri is an http URI with a loopback host. It returns other URIs unchanged. It also
// returns a URI unchanged if parsing it and writing it again changes it, so that nothing but the port is ignored.
func withoutLoopbackPort(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || u.String() != uri {
		return uri
	}
	host := u.Hostname()
	if address := net.ParseIP(host); host != "localhost" && (address == nil || !address.IsLoopback()) {
		return uri
	}
	if port := u.Port(); port != "" {
		u.Host = u.Host[:len(u.Host)-len(port)-1]
	}
	return u.String()
}
