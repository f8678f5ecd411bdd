package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// DynamicRegistration says how a [ResourceTransport] registers the program with an authorization server (RFC 7591). The
// registration is stored for each issuer and resource, and used again until its secret expires or the server rejects it.
type DynamicRegistration struct {
	// Metadata describes the program. The ResourceTransport sets these fields if they are zero:
	//
	//   - RedirectURIs to Config.RedirectURI.
	//   - GrantTypes to authorization_code and refresh_token, without the latter if the server lists its grant types and
	//     refresh_token is not in the list.
	//   - ResponseTypes to code.
	//   - ApplicationType to native if all redirect URIs are http or have a scheme of a native application, and else to web.
	//   - TokenEndpointAuthMethod to the first of AuthNone, AuthBasic and AuthPost that the server lists. If the server lists
	//     none of them, the field stays empty, and the server chooses the method.
	Metadata ClientMetadata

	// Config has the settings of the registered client, such as HTTPClient, DPoP and OnToken. Issuer, ClientID, and the
	// fields with credentials, endpoints, keys or other URLs of one server must be empty: their values come from the
	// authorization server. An empty RedirectURI means the first of Metadata.RedirectURIs.
	Config Config
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (d DynamicRegistration) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.DynamicRegistration{"+d.Metadata.ClientName+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (d DynamicRegistration) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// validate returns all faults of d.
func (d *DynamicRegistration) validate() error {
	var faults []error
	if d.Config.Issuer != "" || d.Config.ClientID != "" || d.Config.hasSecret() || d.Config.AssertionSource != nil ||
		d.Config.ClientMetadataDocument || d.Config.Metadata != nil || d.Config.MetadataURL != "" || d.Config.isOfOneServer() {
		faults = append(faults, errors.New("client: ResourceTransportConfig.Registration.Config has an Issuer, a ClientID, a credential, an endpoint or keys, expected none: they come from the authorization server"))
	}
	for i, uri := range d.redirectURIs() {
		if !isSafeRedirectURI(uri) {
			faults = append(faults, fmt.Errorf("client: ResourceTransportConfig.Registration.Metadata.RedirectURIs[%d] must be https, http with a loopback host, or have a scheme of a native application, and no fragment", i))
		}
	}
	cfg := d.Config
	// Config.validate requires an issuer and a client id, and credentials for AuthMethod. They exist only after the registration.
	cfg.Issuer, cfg.ClientID, cfg.AuthMethod = orIssuer(""), "unregistered", ""
	if err := cfg.validate(); err != nil {
		faults = append(faults, fmt.Errorf("client: ResourceTransportConfig.Registration.Config: %w", err))
	}
	return errors.Join(faults...)
}

// redirectURIs returns the redirect URIs to register.
func (d *DynamicRegistration) redirectURIs() []string {
	if len(d.Metadata.RedirectURIs) == 0 && d.Config.RedirectURI != "" {
		return []string{d.Config.RedirectURI}
	}
	return d.Metadata.RedirectURIs
}

// metadata returns the metadata to register with a server.
func (d *DynamicRegistration) metadata(server *oidcdiscovery.Metadata) ClientMetadata {
	m := d.Metadata
	m.RedirectURIs = d.redirectURIs()
	if m.GrantTypes == nil {
		m.GrantTypes = []string{grantAuthorizationCode}
		if listed := listedGrantTypes(server); listed == nil || slices.Contains(listed, grantRefreshToken) {
			m.GrantTypes = append(m.GrantTypes, grantRefreshToken)
		}
	}
	if m.ResponseTypes == nil {
		m.ResponseTypes = []string{"code"}
	}
	if m.ApplicationType == "" {
		m.ApplicationType = applicationType(m.RedirectURIs)
	}
	for _, method := range []AuthMethod{AuthNone, AuthBasic, AuthPost} {
		if m.TokenEndpointAuthMethod == "" && slices.Contains(server.TokenEndpointAuthMethodsSupported, string(method)) {
			m.TokenEndpointAuthMethod = method
		}
	}
	return m
}

// listedGrantTypes returns the grant types that a server lists, or nil if it lists none. It reads the document, because the field
// GrantTypesSupported then has the default of RFC 8414, Section 2. That has no refresh_token, although many of these servers
// issue refresh tokens.
func listedGrantTypes(server *oidcdiscovery.Metadata) []string {
	var document struct {
		GrantTypes []string `json:"grant_types_supported"`
	}
	if err := server.Claims(&document); err != nil {
		return server.GrantTypesSupported // the member is not a list of strings
	}
	return document.GrantTypes
}

// applicationType returns the kind of application that has these redirect URIs (OpenID Connect Registration, Section 2).
func applicationType(redirectURIs []string) string {
	isWeb := func(uri string) bool {
		u, err := url.Parse(uri)
		return err != nil || u.Scheme == "https"
	}
	if len(redirectURIs) == 0 || slices.ContainsFunc(redirectURIs, isWeb) {
		return "web"
	}
	return "native"
}

// ErrNoClient says that a [ResourceTransport] has no client at an authorization server, and cannot register one.
var ErrNoClient = errors.New("client: the program has no client at the authorization server")

// usable reports whether the program has a client at server, or can register one.
func (t *ResourceTransport) usable(server *oidcdiscovery.Metadata) error {
	if _, ok := t.known(server); ok || t.cfg.Registration != nil && server.RegistrationEndpoint != "" {
		return nil
	}
	return fmt.Errorf("%w: none of ResourceTransportConfig.Clients is for it, and Registration is nil or the server has no registration_endpoint", ErrNoClient)
}

// known returns the Config of a client that need not be registered first: the one that is already registered with server, or
// else one with a Client ID Metadata Document, if the server supports that.
func (t *ResourceTransport) known(server *oidcdiscovery.Metadata) (Config, bool) {
	i := slices.IndexFunc(t.cfg.Clients, func(c Config) bool { return c.Issuer == server.Issuer })
	if i < 0 && server.ClientIDMetadataDocumentSupported {
		i = slices.IndexFunc(t.cfg.Clients, func(c Config) bool { return c.Issuer == "" })
	}
	if i < 0 {
		return Config{}, false
	}
	return t.cfg.Clients[i], true
}

// client returns the client of the program at the server of p. registered reports whether it comes from the store. If the
// program has none that can be used, client registers one if register is true, and returns nil otherwise.
func (p *resourcePlace) client(ctx context.Context, register bool) (c *Client, registered bool, err error) {
	if cfg, ok := p.t.known(p.server); ok {
		c, err = p.newClient(cfg)
		return c, false, err
	}
	r, err := p.registration(ctx)
	if err != nil {
		return nil, false, err
	}
	if r != nil {
		if c, err := p.registeredClient(r); err == nil {
			return c, true, nil
		}
	}
	if !register {
		return nil, false, nil
	}
	c, err = p.register(ctx)
	return c, false, err
}

// registeredClient returns the client of a registration.
func (p *resourcePlace) registeredClient(r *Registration) (*Client, error) {
	d := p.t.cfg.Registration
	if d == nil {
		return nil, ErrNoClient // usable has accepted the server before, so this is not reached
	}
	cfg := d.Config
	cfg.AuthMethod = d.metadata(p.server).TokenEndpointAuthMethod // for a response without it
	cfg = r.Config(cfg)
	if uris := d.redirectURIs(); cfg.RedirectURI == "" && len(uris) > 0 {
		cfg.RedirectURI = uris[0]
	}
	if cfg.ClientSecret == "" && (cfg.AuthMethod == AuthBasic || cfg.AuthMethod == AuthPost) {
		cfg.AuthMethod = AuthNone // some servers register a public client, and name the default method
	}
	return p.newClient(cfg)
}

// newClient returns a client of the server of p.
func (p *resourcePlace) newClient(cfg Config) (*Client, error) {
	cfg.Scopes = append([]string{}, p.scopes(cfg.Scopes)...) // not nil, so that nothing is added
	cfg, err := p.resource.ClientConfig(cfg, p.server)
	if err != nil {
		return nil, err
	}
	cfg.listedPKCE = !p.t.cfg.InsecureUnlistedPKCE && !p.resource.Legacy
	return New(cfg)
}

// registration returns the stored registration, or nil if there is none that can be used. One of another issuer is an error.
func (p *resourcePlace) registration(ctx context.Context) (*Registration, error) {
	r, err := p.t.store.LoadRegistration(ctx, p.key)
	switch {
	case errors.Is(err, ErrNoRegistration):
		return nil, nil //nolint:nilnil // see above
	case err != nil:
		return nil, fmt.Errorf("client: ResourceTransportConfig.Store: %w", err)
	case r == nil:
		return nil, errors.New("client: ResourceTransportConfig.Store: LoadRegistration returned neither a registration nor an error")
	case r.Issuer != p.server.Issuer:
		return nil, fmt.Errorf("client: ResourceTransportConfig.Store has a registration of issuer %q, expected %q", clip(r.Issuer), clip(p.server.Issuer))
	case !r.SecretExpiresAt.IsZero() && !time.Now().Before(r.SecretExpiresAt):
		return nil, nil //nolint:nilnil // see above
	}
	return r, nil
}

// register registers a client with the server, and stores the registration before it is used. A registration that cannot be
// used is not stored.
func (p *resourcePlace) register(ctx context.Context) (*Client, error) {
	d := p.t.cfg.Registration
	if d == nil {
		return nil, ErrNoClient // not reached, because usable has rejected the server
	}
	cfg, err := p.resource.ClientConfig(Config{
		HTTPClient: d.Config.HTTPClient, Timeout: d.Config.Timeout, MaxBytes: d.Config.MaxBytes, InsecureAllowHTTP: d.Config.InsecureAllowHTTP,
	}, p.server)
	if err != nil {
		return nil, err
	}
	endpoint, err := NewRegistrationEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	r, err := endpoint.Register(ctx, d.metadata(p.server), "")
	if err != nil {
		return nil, fmt.Errorf("registration at %q: %w", clip(p.server.Issuer), err)
	}
	c, err := p.registeredClient(r)
	if err != nil {
		return nil, fmt.Errorf("the server %q has registered a client that cannot be used, with token_endpoint_auth_method %q (DynamicRegistration.Metadata): %w",
			clip(p.server.Issuer), clip(string(r.Metadata.TokenEndpointAuthMethod)), err)
	}
	if err := p.t.store.SaveRegistration(ctx, p.key, r); err != nil {
		return nil, fmt.Errorf("client: ResourceTransportConfig.Store: %w", err)
	}
	return c, nil
}

// isUnknownClient reports whether err says that the server does not know the client, or does not let it use the grant. A
// server that has lost its registrations responds so.
func isUnknownClient(err error) bool {
	return errors.Is(err, ErrInvalidClient) || errors.Is(err, ErrUnauthorizedClient)
}

// forget deletes the stored registration of a client that the server no longer knows, unless it is of another client.
func (p *resourcePlace) forget(ctx context.Context, clientID string) error {
	r, err := p.t.store.LoadRegistration(ctx, p.key)
	if errors.Is(err, ErrNoRegistration) || err == nil && r != nil && r.ClientID != clientID {
		return nil // another process may have replaced it
	}
	if err := p.t.store.DeleteRegistration(ctx, p.key); err != nil {
		return fmt.Errorf("client: ResourceTransportConfig.Store: %w", err)
	}
	return nil
}
