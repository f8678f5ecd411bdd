package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// Client is one client of one authorization server. It is safe for concurrent use. It holds secrets, which neither fmt nor
// slog prints.
type Client struct {
	*shared
	params url.Values // of WithParams; nil: none
}

// shared is what a Client has in common with those that WithParams made of it.
type shared struct {
	cfg      Config
	remote   *issuer.Remote // the metadata, and the keys that it names
	nonces   *nonces
	answered *usedOnce // the states of authorization requests whose responses were handled
	trust    trust
}

// New checks cfg and reports all that is wrong with it. It does no I/O and starts no goroutine.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	remote, err := issuer.New(issuer.Config{
		Issuer:   cfg.Issuer,
		Metadata: cfg.Metadata,
		Keys:     jwks.Config{HTTPClient: cfg.HTTPClient, InsecureAllowHTTP: cfg.InsecureAllowHTTP},
		FreshFor: time.Hour,
		MaxWait:  2 * fetch.DefaultTimeout, // discovery reads up to two places
	})
	if err != nil {
		return nil, fmt.Errorf("client: Config.Metadata: %w", err)
	}
	return &Client{shared: &shared{cfg: cfg, remote: remote, nonces: newNonces(), answered: newUsedOnce()}}, nil
}

// Format leaves the secrets out, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.Client{")
	if c.shared != nil {
		_, _ = io.WriteString(f, c.cfg.Issuer+" "+c.cfg.ClientID)
	}
	_, _ = io.WriteString(f, "}")
}

// LogValue leaves the secrets out.
func (c Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Issuer returns Config.Issuer. Together with [Client.ClientID] it names the owner of everything that is stored for this
// client: a token, a session, or a sign-in of one owner is never used for another.
func (c *Client) Issuer() string { return c.cfg.Issuer }

// ClientID returns Config.ClientID.
func (c *Client) ClientID() string { return c.cfg.ClientID }

// RedirectURI returns Config.RedirectURI. It is empty if every authorization request names its own.
func (c *Client) RedirectURI() string { return c.cfg.RedirectURI }

// Warm fetches the issuer's metadata, unless it is there already. It is not needed: the first call that needs metadata
// fetches them.
func (c *Client) Warm(ctx context.Context) error {
	_, err := c.Metadata(ctx)
	return err
}

// Metadata returns what the issuer says of itself, fetched if need be. Do not change it.
func (c *Client) Metadata(ctx context.Context) (*oidcdiscovery.Metadata, error) {
	m, err := c.remote.Metadata(ctx)
	switch {
	case errors.Is(err, issuer.ErrUnavailable):
		return nil, fmt.Errorf("%w: metadata: %w", ErrUnavailable, err)
	case err != nil:
		return nil, fmt.Errorf("client: metadata: %w", err)
	}
	return m, nil
}

// Endpoints that requests are sent to, by their names in the metadata.
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

// endpoint is what the Config says, then the place for clients with a certificate (RFC 8705 §5), then the metadata's own.
func (c *Client) endpoint(ctx context.Context, name string) (string, error) {
	return c.endpointFor(ctx, name, c.usesTLS())
}

// browserEndpoint is what the Config says, then the metadata's own: a browser has no certificate of this client.
func (c *Client) browserEndpoint(ctx context.Context, name string) (string, error) {
	return c.endpointFor(ctx, name, false)
}

func (c *Client) endpointFor(ctx context.Context, name string, certificate bool) (string, error) {
	if own := c.cfg.Endpoints[name]; own != "" {
		return own, nil
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return "", err
	}
	place := endpointOf(m, name)
	if certificate {
		place = cmp.Or(m.MTLSEndpointAliases[name], place)
	}
	if place == "" {
		return "", fmt.Errorf("%w: the metadata has no %s", ErrUnsupported, name)
	}
	if err := fetch.CheckURL(place, c.cfg.InsecureAllowHTTP); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrBadAnswer, name, err)
	}
	return place, nil
}

func endpointOf(m *oidcdiscovery.Metadata, name string) string { return endpointsOf(m)[name] }

func isEndpoint(name string) bool {
	_, ok := endpointsOf(new(oidcdiscovery.Metadata))[name]
	return ok
}

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
