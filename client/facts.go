package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// openIDMembers lists members that a document of OpenID Connect has (OpenID Connect Discovery, Section 3). Some servers
// publish another document for OAuth, without them (RFC 8414). A sign-in with an ID token needs both documents.
func openIDMembers() []string {
	return []string{"jwks_uri", "userinfo_endpoint", "id_token_signing_alg_values_supported", "subject_types_supported"}
}

// isOpenID reports whether scopes request an ID token.
func isOpenID(scopes []string) bool { return slices.Contains(scopes, "openid") }

// metadataWith returns the metadata. If it lacks one of these members, the document of OpenID Connect is read, too.
func (c *Client) metadataWith(ctx context.Context, members ...string) (*oidcdiscovery.Metadata, error) {
	m, err := c.remote.MetadataWith(ctx, members...)
	switch {
	case errors.Is(err, issuer.ErrUnavailable):
		return nil, fmt.Errorf("%w: metadata: %w", ErrUnavailable, err)
	case err != nil:
		return nil, fmt.Errorf("client: metadata: %w", err)
	}
	return m, nil
}

// facts returns the metadata for decisions about requests to these endpoints, such as the method of client authentication.
// If the Config has the URLs of all of them, nothing is fetched, and the result has only the defaults of the
// specifications. Config.Endpoints says what that means.
func (c *Client) facts(ctx context.Context, endpoints ...string) (*oidcdiscovery.Metadata, error) {
	if c.configured(endpoints...) {
		return c.assumed, nil
	}
	return c.Metadata(ctx)
}

// configured reports whether the Config has the URLs of all these endpoints, and no metadata.
func (c *Client) configured(endpoints ...string) bool {
	if c.cfg.Metadata != nil || c.cfg.MetadataURL != "" {
		return false
	}
	return !slices.ContainsFunc(endpoints, func(name string) bool {
		return c.cfg.Endpoints[name] == "" && (name != endpointAuthorization || c.cfg.AuthorizeURL == "")
	})
}

// signInFacts is facts for a sign-in with these scopes.
func (c *Client) signInFacts(ctx context.Context, scopes []string) (*oidcdiscovery.Metadata, error) {
	switch {
	case c.configured(endpointAuthorization, endpointToken):
		return c.assumed, nil
	case isOpenID(scopes):
		return c.metadataWith(ctx, openIDMembers()...)
	}
	return c.Metadata(ctx)
}

// requireUsable returns an error if the metadata has one of these members in a form that cannot be used. Call it for each
// member that a flow needs, and for each whose absence would make the client less strict.
func requireUsable(m *oidcdiscovery.Metadata, members ...string) error {
	if err := m.Check(members...); err != nil {
		return fmt.Errorf("%w: %w", ErrBadResponse, err)
	}
	return nil
}

// absent returns the error for a member that a call needs and that the metadata does not have: a [*MissingMetadataError], or an
// error that matches [ErrBadResponse] if the member is there in a form that cannot be used. field is the field of the Config that
// can replace the member.
func absent(m *oidcdiscovery.Metadata, member, field string) error {
	if err := requireUsable(m, member); err != nil {
		return err
	}
	return &MissingMetadataError{Member: member, Field: field, Err: m.Incomplete()}
}
