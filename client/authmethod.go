package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// authMethod chooses the method for an endpoint before the first request. Trying another method after a failure would be
// too late: the failed request may already have used up an authorization code. Config.AuthMethod applies to all endpoints.
// endpoint is the name in the metadata; empty, for the MFA API, means the one of the token endpoint.
func (c *Client) authMethod(ctx context.Context, endpoint string) (AuthMethod, error) {
	switch {
	case c.cfg.AuthMethod != "":
		return c.cfg.AuthMethod, nil
	case c.isPublic():
		return AuthNone, nil
	case !c.cfg.hasSecret():
		return AuthPrivateKeyJWT, nil
	}
	m, err := c.facts(ctx, cmp.Or(endpoint, endpointToken))
	if err != nil {
		return "", err
	}
	offered, member := offeredMethods(m, endpoint)
	// If this were treated as absent, the secret could be sent in a way that the server does not offer.
	if err := requireUsable(m, member); err != nil {
		return "", err
	}
	return c.methodFrom(offered, member)
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

// methodFrom chooses a method for a client with a secret from those that the server offers. The order of the list has no
// meaning. The secret is never sent in a way that the server does not offer.
func (c *Client) methodFrom(offered []string, member string) (AuthMethod, error) {
	lists := func(method AuthMethod) bool { return slices.Contains(offered, string(method)) }
	longEnough := c.cfg.SecretSource != nil || len(c.cfg.ClientSecret) >= minSecretJWT // a SecretSource is checked for each request
	switch {
	case c.cfg.canAssert() && (len(offered) == 0 || lists(AuthPrivateKeyJWT)):
		return AuthPrivateKeyJWT, nil
	case len(offered) == 0, lists(AuthBasic): // Basic is the default (RFC 8414, Section 2; RFC 6749, Section 2.3.1)
		return AuthBasic, nil
	case lists(AuthPost):
		return AuthPost, nil
	case lists(AuthSecretJWT) && longEnough:
		return AuthSecretJWT, nil
	case c.cfg.canAssert(): // it discloses no secret
		return AuthPrivateKeyJWT, nil
	}
	return "", fmt.Errorf("%w: %s lists only %s, and no method that the client has a credential for; set Config.AuthMethod if the list is wrong",
		ErrUnsupported, member, quoted(offered))
}

// offeredAlgorithms returns the algorithms that the server offers for client assertions at an endpoint. It is nil if the
// metadata does not list them.
func offeredAlgorithms(m *oidcdiscovery.Metadata, endpoint string) []string {
	var own []string
	switch endpoint {
	case endpointRevocation:
		own = m.RevocationEndpointAuthSigningAlgValuesSupported
	case endpointIntrospection:
		own = m.IntrospectionEndpointAuthSigningAlgValuesSupported
	}
	if len(own) > 0 {
		return own
	}
	return m.TokenEndpointAuthSigningAlgValuesSupported
}

// secretAlgorithm returns the algorithm for an assertion that is signed with a secret: HS256, or a stronger one if the server
// offers only that and the secret is long enough for it (RFC 7518, Section 3.2).
func secretAlgorithm(offered []string, secret string) string {
	bytes := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		if slices.Contains(offered, alg) && len(secret) >= bytes[alg] {
			return alg
		}
	}
	return "HS256" // the metadata does not say, or its list is incomplete
}
