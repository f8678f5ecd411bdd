package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// authMethod chooses the method for an endpoint before the first request. Trying another method after a failure would be
// too late: the failed request may already have used up an authorization code. Config.AuthMethod applies to all endpoints.
func (c *Client) authMethod(ctx context.Context, endpoint string) (AuthMethod, error) {
	switch {
	case c.cfg.AuthMethod != "":
		return c.cfg.AuthMethod, nil
	case c.cfg.Key != nil:
		return AuthPrivateKeyJWT, nil
	case c.cfg.ClientSecret == "":
		return AuthNone, nil
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return "", err
	}
	offered, member := offeredMethods(m, endpoint)
	// If this were treated as absent, the secret could be sent in a way that the server does not offer.
	if err := requireUsable(m, member); err != nil {
		return "", err
	}
	return c.secretMethod(offered, member)
}

// offeredMethods returns the methods that the server offers at an endpoint, and the member of the metadata that lists them.
// The revocation and the introspection endpoint have lists of their own (RFC 8414, Section 2). If such a list is absent, and
// for all other endpoints, the list of the token endpoint applies.
func offeredMethods(m *oidcdiscovery.Metadata, endpoint string) (methods []string, member string) {
	methods, member = m.TokenEndpointAuthMethodsSupported, "token_endpoint_auth_methods_supported"
	own, name := []string(nil), ""
	switch endpoint {
	case endpointRevocation:
		own, name = m.RevocationEndpointAuthMethodsSupported, "revocation_endpoint_auth_methods_supported"
	case endpointIntrospection:
		own, name = m.IntrospectionEndpointAuthMethodsSupported, "introspection_endpoint_auth_methods_supported"
	}
	if name != "" && (len(own) > 0 || m.Check(name) != nil) {
		return own, name
	}
	return methods, member
}

// secretMethod chooses a method for a client secret from those that the server offers. The order of the list has no
// meaning. The secret is never sent in a way that the server does not offer.
func (c *Client) secretMethod(offered []string, member string) (AuthMethod, error) {
	lists := func(method AuthMethod) bool { return slices.Contains(offered, string(method)) }
	switch {
	case len(offered) == 0, lists(AuthBasic): // Basic is the default, and every server supports it (RFC 6749, Section 2.3.1)
		return AuthBasic, nil
	case lists(AuthPost):
		return AuthPost, nil
	case lists(AuthSecretJWT) && len(c.cfg.ClientSecret) >= minSecretJWT:
		return AuthSecretJWT, nil
	}
	return "", fmt.Errorf("%w: %s has no method for a client secret", ErrUnsupported, member)
}
