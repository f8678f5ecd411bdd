package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// ErrNoServer says that a resource does not list an authorization server that the program accepts and can use.
var ErrNoServer = errors.New("client: the resource has no authorization server that can be used")

// ServerSelection says which authorization servers of a resource a program accepts. The zero value accepts all of them.
type ServerSelection struct {
	// Issuers lists the issuers that the program accepts, the preferred ones first. Set it if the program has credentials of
	// these servers, or if users must not be sent to others. Nil means all servers that the resource lists, in its order.
	Issuers []string

	// Usable returns nil if the program can use server, for example because it supports Client ID Metadata Documents. If it
	// returns an error, SelectServer tries the next server. If none can be used, SelectServer returns the error. Usable must
	// not change its argument. Nil means that every server with valid metadata can be used.
	Usable func(server *oidcdiscovery.Metadata) error
}

const maxServers = 4 // limits how many servers of a resource SelectServer tries

// SelectServer returns the validated metadata of one authorization server of the resource: the first one that s accepts, whose
// metadata is valid, and for which s.Usable returns nil. It fetches the metadata of at most 4 servers.
//
// The issuer in the metadata must equal the one that the resource lists, byte for byte (RFC 8414, Section 3.3). All endpoints
// must be https, as [ResourceDiscovery] describes. They may have other origins than the issuer, because large providers use
// several. Only the issuer identifies the server: use [Resource.ClientConfig] so that credentials of one server are never
// sent to another.
//
// If a server cannot be reached, the error matches [ErrUnavailable], and no other server is tried: otherwise, users would be
// sent to another server whenever the first one is unavailable. If no server can be used, the error matches [ErrNoServer], and
// joins the errors of the servers.
func (r *Resource) SelectServer(ctx context.Context, s ServerSelection) (*oidcdiscovery.Metadata, error) {
	if r.target == nil {
		return nil, errors.New("client: Resource: the zero value cannot be used; call DiscoverResource")
	}
	candidates := r.candidates(s.Issuers)
	var faults []error
	for _, issuer := range candidates[:min(len(candidates), maxServers)] {
		m, err := r.server(ctx, issuer)
		if err == nil && s.Usable != nil {
			err = s.Usable(m)
		}
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("client: %w", err)
		case errors.Is(err, oidcdiscovery.ErrUnavailable):
			return nil, fmt.Errorf("%w: metadata: %w", ErrUnavailable, err)
		}
		faults = append(faults, fmt.Errorf("authorization server %q: %w", clip(issuer), err))
	}
	if len(faults) == 0 {
		return nil, fmt.Errorf("%w: %q lists %s (ServerSelection.Issuers accepts %s)",
			ErrNoServer, clip(r.ID), quoted(r.AuthorizationServers), quoted(s.Issuers))
	}
	return nil, fmt.Errorf("%w: %w", ErrNoServer, errors.Join(faults...))
}

// candidates returns the issuers that the resource lists and the program accepts, in the order of the program.
func (r *Resource) candidates(accepted []string) []string {
	if accepted == nil {
		return r.AuthorizationServers
	}
	return slices.DeleteFunc(slices.Clone(accepted), func(issuer string) bool {
		return !slices.Contains(r.AuthorizationServers, issuer)
	})
}

// server fetches and checks the metadata of an authorization server.
func (r *Resource) server(ctx context.Context, issuer string) (*oidcdiscovery.Metadata, error) {
	if r.Legacy {
		return r.legacyServer(ctx, issuer)
	}
	m, err := r.discovery().Discover(ctx, issuer)
	if err != nil {
		return nil, err
	}
	return m, r.cfg.checkEndpoints(m)
}

// discovery returns the client that fetches the metadata of authorization servers.
func (r *Resource) discovery() *oidcdiscovery.Client {
	return &oidcdiscovery.Client{
		HTTPClient: r.cfg.HTTPClient, Timeout: r.cfg.Timeout, MaxBytes: r.cfg.MaxBytes, InsecureAllowHTTP: r.cfg.InsecureAllowHTTP,
		InsertFirst: true,
	}
}

// checkEndpoints checks all URLs in m to which this package sends requests or redirects users.
func (cfg ResourceDiscovery) checkEndpoints(m *oidcdiscovery.Metadata) error {
	home, err := fetch.ParseURL(m.Issuer, cfg.InsecureAllowHTTP)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	named := endpointsOf(m)
	named["jwks_uri"] = m.JWKSURI
	for name, alias := range m.MTLSEndpointAliases {
		named["mtls_endpoint_aliases."+name] = alias
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if named[name] == "" {
			continue
		}
		if _, err := cfg.checkNamed(named[name], home); err != nil {
			return fmt.Errorf("%s: %w", clip(name), err)
		}
	}
	return nil
}

// ClientConfig completes cfg for a client of server, the metadata that [Resource.SelectServer] returned. It sets Issuer and
// Metadata and, if they are nil, Resource, Scopes and HTTPClient. With ResourceDiscovery.PublicAddressesOnly, it replaces an
// HTTPClient in cfg by one that connects only to public addresses. It returns a copy. Pass it to [New], or to
// [NewRegistrationEndpoint] if cfg has no ClientID.
//
// A client and its credentials are valid at one server only. So if cfg has a ClientID or credentials, cfg.Issuer is required, and
// must be the issuer of server. Otherwise, ClientConfig returns an error. Only a client with a Client ID Metadata Document may
// leave Issuer empty, because its ClientID is the same for all servers, and its assertions name the server as their audience.
func (r *Resource) ClientConfig(cfg Config, server *oidcdiscovery.Metadata) (Config, error) {
	if server == nil {
		return Config{}, errors.New("client: Resource.ClientConfig: server is nil, expected the result of SelectServer")
	}
	if err := checkBinding(cfg, server.Issuer); err != nil {
		return Config{}, err
	}
	cfg.Issuer, cfg.Metadata = server.Issuer, server
	if cfg.Resource == nil {
		cfg.Resource = []string{r.ID}
	}
	if cfg.Scopes == nil {
		cfg.Scopes = slices.Clone(r.Scopes)
	}
	switch {
	case cfg.HTTPClient == nil:
		cfg.HTTPClient = r.cfg.HTTPClient
	case r.cfg.PublicAddressesOnly:
		public, err := fetch.PublicClient(cfg.HTTPClient)
		if err != nil {
			return Config{}, fmt.Errorf("client: Config.HTTPClient: %w (ResourceDiscovery.PublicAddressesOnly)", err)
		}
		cfg.HTTPClient = public
	}
	cfg.InsecureAllowHTTP = cfg.InsecureAllowHTTP || r.cfg.InsecureAllowHTTP
	return cfg, nil
}

// checkBinding returns an error unless the client in cfg is registered with issuer, is portable, or has no id and no credentials.
func checkBinding(cfg Config, issuer string) error {
	hasCredentials := cfg.hasSecret() || cfg.canAssert() || cfg.MutualTLS
	portable := cfg.ClientMetadataDocument && !cfg.hasSecret() && cfg.AssertionSource == nil && cfg.AssertionAudience == ""
	switch {
	case cfg.Issuer != "" && cfg.Issuer != issuer:
		return fmt.Errorf("client: Config.Issuer is %q, but the selected authorization server is %q, and credentials of one server are not sent to another",
			clip(cfg.Issuer), clip(issuer))
	case cfg.Issuer == "" && !portable && (cfg.ClientID != "" || hasCredentials):
		return errors.New("client: Config.Issuer is required: it is the authorization server that issued the ClientID and the credentials")
	case cfg.Issuer == "" && cfg.isOfOneServer():
		return errors.New("client: Config.Issuer is required with Endpoints, AuthorizeURL, MFAURL, Keys or Tenants: they are those of one authorization server")
	case cfg.MetadataURL != "" || cfg.Metadata != nil:
		return errors.New("client: Config.Metadata and Config.MetadataURL must be empty: the metadata is that of the selected authorization server")
	}
	return nil
}

// isOfOneServer reports whether cfg has endpoints or keys, which are those of one authorization server.
func (cfg Config) isOfOneServer() bool {
	return len(cfg.Endpoints) > 0 || cfg.AuthorizeURL != "" || cfg.MFAURL != "" || cfg.Keys != nil || cfg.Tenants != nil
}
