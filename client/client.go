package client

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// Client is one client of one authorization server. Make one with [New]. It is safe for concurrent use. It contains
// secrets, which neither fmt nor slog prints.
type Client struct {
	*shared
	params url.Values // of WithParams; nil if there are none
	// forResource is true for the refresh of a source from ForResource. It does not call Config.OnToken, because the source
	// does, and does not read the userinfo endpoint, because the access token is for another resource.
	forResource bool
}

// shared has the fields that a Client shares with those that WithParams makes from it.
type shared struct {
	cfg      Config
	remote   *issuer.Remote          // the metadata, and the keys that it names
	assumed  *oidcdiscovery.Metadata // what is assumed of a server without metadata
	quirks   *quirkLog
	nonces   *nonces
	answered *usedOnce // the states of authorization requests whose responses were handled
	trust    trust
}

// New checks cfg and returns a Client. It reports all faults of cfg together. It does no I/O and starts no goroutine.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	quirks := newQuirkLog(cfg)
	assumed := oidcdiscovery.Default()
	assumed.Issuer = cfg.Issuer
	remote, err := issuer.New(cfg.remote(quirks.add))
	if err != nil {
		return nil, fmt.Errorf("client: Config.Metadata: %w", err)
	}
	return &Client{shared: &shared{
		cfg: cfg, remote: remote, assumed: &assumed, quirks: quirks, nonces: newNonces(), answered: newUsedOnce(),
	}}, nil
}

// remote returns the settings with which the metadata and the keys are fetched. The methods of a client wait until both are
// there.
func (cfg Config) remote(onQuirks func(context.Context, []quirk.Quirk)) issuer.Config {
	each := cmp.Or(cfg.DiscoveryTimeout, min(cfg.Timeout, issuer.MaxDiscoveryTimeout))
	limit := each
	if cfg.DiscoveryTimeout > 0 {
		limit = issuer.DiscoverTimeout(each)
	}
	var members []string
	if isOpenID(cfg.Scopes) {
		members = openIDMembers()
	}
	template := ""
	if cfg.Tenants != nil {
		template = cfg.Tenants.IssuerTemplate
	}
	return issuer.Config{
		Issuer: cfg.Issuer, IssuerTemplate: template, Metadata: cfg.Metadata, MetadataURL: cfg.MetadataURL,
		DiscoveryTimeout: each, DiscoveryLimit: limit, Members: members, FreshFor: time.Hour,
		MaxWait:  limit + time.Second, // discovery ends before, so that its error is returned
		Keys:     jwks.Config{HTTPClient: cfg.HTTPClient, InsecureAllowHTTP: cfg.InsecureAllowHTTP},
		OnQuirks: onQuirks,
	}
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (c Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.Client{")
	if c.shared != nil {
		_, _ = io.WriteString(f, c.cfg.Issuer+" "+c.cfg.ClientID)
	}
	_, _ = io.WriteString(f, "}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (c Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Issuer returns Config.Issuer. Store it, together with [Client.ClientID], with each token and session of this client, so
// that they are not used for another client.
func (c *Client) Issuer() string { return c.cfg.Issuer }

// ClientID returns Config.ClientID.
func (c *Client) ClientID() string { return c.cfg.ClientID }

// RedirectURI returns Config.RedirectURI. It is empty if every authorization request names its own.
func (c *Client) RedirectURI() string { return c.cfg.RedirectURI }

// Warm fetches the metadata of the server, unless it is cached. Call it at startup to find a wrong Issuer early. It is
// optional: the first method that needs the metadata fetches it.
func (c *Client) Warm(ctx context.Context) error {
	_, err := c.Metadata(ctx)
	return err
}

// Metadata returns the metadata of the server, and fetches it if it is not cached. Do not change the result. If
// Config.Scopes has "openid", the result includes the members that only the server's document of OpenID Connect has. If the
// server cannot be reached, the error matches [ErrUnavailable].
func (c *Client) Metadata(ctx context.Context) (*oidcdiscovery.Metadata, error) {
	return c.metadataWith(ctx)
}

// The endpoints of a server, by their names in the metadata (RFC 8414, Section 2).
const (
	endpointToken         = "token_endpoint"
	endpointAuthorization = "authorization_endpoint"
	endpointPAR           = "pushed_authorization_request_endpoint"
	endpointUserInfo      = "userinfo_endpoint"
	endpointDevice        = "device_authorization_endpoint"
	endpointBackchannel   = "backchannel_authentication_endpoint"
	endpointRevocation    = "revocation_endpoint"
	endpointIntrospection = "introspection_endpoint"
	endpointRegistration  = "registration_endpoint"
	endpointEndSession    = "end_session_endpoint"
)

// endpoint returns the URL of an endpoint for requests from this process. It comes from Config.Endpoints if it is there.
// Otherwise, a client with a certificate uses mtls_endpoint_aliases (RFC 8705, Section 5). In all other cases it comes
// from the top level of the metadata.
func (c *Client) endpoint(ctx context.Context, name string) (string, error) {
	return c.endpointFor(ctx, name, c.usesTLS())
}

// browserEndpoint is like endpoint, for URLs that the user's browser opens. It never returns an mtls_endpoint_alias,
// because the browser does not have the client's certificate.
func (c *Client) browserEndpoint(ctx context.Context, name string) (string, error) {
	return c.endpointFor(ctx, name, false)
}

// endpointFor looks up an endpoint. If the server has none, the error matches ErrUnsupported. If the metadata has it in a
// form that cannot be used, the error matches ErrBadResponse.
func (c *Client) endpointFor(ctx context.Context, name string, certificate bool) (string, error) {
	if own := c.cfg.Endpoints[name]; own != "" {
		return own, nil
	}
	m, err := c.metadataWith(ctx, name)
	if err != nil {
		return "", err
	}
	place := endpointOf(m, name)
	if certificate {
		// If the aliases were treated as absent, the request would go to an endpoint that does not read the certificate.
		if err := requireUsable(m, "mtls_endpoint_aliases"); err != nil {
			return "", err
		}
		place = cmp.Or(m.MTLSEndpointAliases[name], place)
	}
	if place == "" {
		return "", absent(m, name, fmt.Sprintf("Config.Endpoints[%q]", name))
	}
	if err := fetch.CheckURL(place, c.cfg.InsecureAllowHTTP); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrBadResponse, name, err)
	}
	return place, nil
}

func endpointOf(m *oidcdiscovery.Metadata, name string) string { return endpointsOf(m)[name] }

// isEndpoint reports whether this package uses an endpoint of that name.
func isEndpoint(name string) bool {
	_, ok := endpointsOf(new(oidcdiscovery.Metadata))[name]
	return ok
}

// endpointsOf returns the URLs of all endpoints that this package uses, by their names in the metadata.
func endpointsOf(m *oidcdiscovery.Metadata) map[string]string {
	return map[string]string{
		endpointToken:         m.TokenEndpoint,
		endpointAuthorization: m.AuthorizationEndpoint,
		endpointPAR:           m.PushedAuthorizationRequestEndpoint,
		endpointUserInfo:      m.UserinfoEndpoint,
		endpointDevice:        m.DeviceAuthorizationEndpoint,
		endpointBackchannel:   m.BackchannelAuthenticationEndpoint,
		endpointRevocation:    m.RevocationEndpoint,
		endpointIntrospection: m.IntrospectionEndpoint,
		endpointRegistration:  m.RegistrationEndpoint,
		endpointEndSession:    m.EndSessionEndpoint,
	}
}
