package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// ResourceTransportConfig describes a [ResourceTransport]. Resource, SignIn, and at least one of Clients and Registration are
// required.
type ResourceTransportConfig struct {
	// Resource is the URL of the API, such as the endpoint of an MCP server. It is https, or http on a loopback host.
	// Tokens are sent to its origin only. Required.
	Resource string

	// SignIn gets a token from the authorization server that was found. It is called when no stored token can be used
	// or refreshed, and when the API requires more than the token has. c is the client of this program at that server. o
	// describes the request: o.Scopes lists all scopes to request, and o.Resource the identifier of the API. The API chooses
	// scopes and the authorization server, so return an error for scopes or a server that the program does not accept.
	//
	// A program that signs users in calls loopback.SignIn with c and o, or sets SignIn to the result of [BrowserSignIn]. A
	// program without users returns c.ClientCredentials(ctx, o.Scopes...), or the token of an [IdentityAssertion]. Concurrent
	// requests share one call, whose ctx ends after SignInTimeout. SignIn must not send requests through the
	// ResourceTransport. Required.
	SignIn func(ctx context.Context, c *Client, o AuthorizationOptions) (*Token, error)

	// Clients lists the clients that this program has. A Config with an Issuer describes a client that is registered with this
	// authorization server, and is used for no other server. A Config with ClientMetadataDocument and without an Issuer is
	// used for all servers that support such documents. The Scopes of a Config are requested in each sign-in. Nil means that
	// the program registers itself, as Registration describes.
	Clients []Config

	// Registration describes how the program registers with a server for which none of Clients can be used (RFC 7591). The
	// server must have a registration endpoint. Nil means that the program registers with no server.
	Registration *DynamicRegistration

	// Issuers lists the issuers of the authorization servers that the program accepts, the preferred ones first. Nil means all
	// servers that the metadata of the API lists, in its order.
	Issuers []string

	// Discovery has the settings with which the metadata of the API and of the authorization server is fetched. The zero
	// value is valid. Its PublicAddressesOnly also applies to the requests of the clients, and to those to the API.
	Discovery ResourceDiscovery

	// Store stores the tokens and the registrations, separately for each issuer and each resource. Nil means that they are kept
	// in memory until the process ends.
	Store CredentialStore

	// Key distinguishes users whose tokens are in the same Store. If a Store has the tokens of several users, each of them
	// needs a Key of its own, and a ResourceTransport of its own. Empty means that the Store has only one user.
	Key string

	// Base sends the requests to the API. With Discovery.PublicAddressesOnly, it must be nil or an *http.Transport without its
	// own TLS dial function, and its proxy is not used. Nil means http.DefaultTransport.
	Base http.RoundTripper

	// SignInTimeout limits each call of SignIn, and the requests before it. Zero means 10 minutes.
	SignInTimeout time.Duration

	// NoOfflineAccess says that the scope offline_access is not requested. False means that it is requested together with
	// other scopes if the authorization server lists it in scopes_supported. If the server does not list it, it is never
	// requested.
	NoOfflineAccess bool

	// InsecureUnlistedPKCE accepts an authorization server whose metadata does not list any PKCE methods. Such a server may
	// ignore the challenge, so that anyone who obtains an authorization code can redeem it. Some servers support PKCE and do
	// not list it. False means that a sign-in with such a server is an error, as the Model Context Protocol requires, unless
	// the API has no metadata (ResourceDiscovery.InsecureLegacyServers).
	InsecureUnlistedPKCE bool
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (cfg ResourceTransportConfig) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.ResourceTransportConfig{"+cfg.Resource+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (cfg ResourceTransportConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(cfg)) }

// validate returns all faults of cfg, each with the name of its field.
func (cfg ResourceTransportConfig) validate() error {
	var faults []error
	check := func(ok bool, problem string) {
		if !ok {
			faults = append(faults, errors.New("client: ResourceTransportConfig."+problem))
		}
	}
	if _, err := newResource(cfg.Discovery, cfg.Resource); cfg.Resource == "" {
		check(false, "Resource is required")
	} else if err != nil {
		faults = append(faults, fmt.Errorf("client: ResourceTransportConfig.Resource or Discovery: %w", err))
	}
	check(cfg.SignIn != nil, "SignIn is required")
	check(len(cfg.Clients) > 0 || cfg.Registration != nil, "Clients or Registration is required")
	check(cfg.SignInTimeout >= 0, "SignInTimeout is negative")
	_, err := cfg.base()
	faults = append(faults, err)
	for i, c := range cfg.Clients {
		if c.Issuer == "" && !c.ClientMetadataDocument {
			check(false, fmt.Sprintf("Clients[%d].Issuer is required, unless ClientMetadataDocument is set", i))
			continue
		}
		if err := checkBinding(c, c.Issuer); err != nil {
			faults = append(faults, fmt.Errorf("client: ResourceTransportConfig.Clients[%d]: %w", i, err))
		}
		c.Issuer = orIssuer(c.Issuer)
		if err := c.validate(); err != nil {
			faults = append(faults, fmt.Errorf("client: ResourceTransportConfig.Clients[%d]: %w", i, err))
		}
	}
	if cfg.Registration != nil {
		faults = append(faults, cfg.Registration.validate())
	}
	return errors.Join(faults...)
}

// base returns what sends the requests to the API.
func (cfg ResourceTransportConfig) base() (http.RoundTripper, error) {
	if cfg.Discovery.PublicAddressesOnly {
		public, err := fetch.PublicClient(&http.Client{Transport: cfg.Base})
		if err != nil {
			return nil, fmt.Errorf("client: ResourceTransportConfig.Base: %w (ResourceDiscovery.PublicAddressesOnly)", err)
		}
		return public.Transport, nil
	}
	if cfg.Base == nil {
		return http.DefaultTransport, nil
	}
	return cfg.Base, nil
}

// orIssuer returns issuer, or one with which a Config can be checked before its server is known.
func orIssuer(issuer string) string {
	if issuer == "" {
		return "https://unknown.invalid"
	}
	return issuer
}

// ResourceTransport is an [http.RoundTripper] for one API whose authorization server is found at run time, such as an MCP
// server. Make one with [NewResourceTransport]; the zero value returns an error for each request. It is safe for concurrent
// use.
//
// The first request is sent without a token. If the API responds with 401, the ResourceTransport finds the metadata of the
// API and its authorization server ([DiscoverResource], [Resource.SelectServer]), chooses or registers a client, signs in
// with ResourceTransportConfig.SignIn, and sends the request once more. A token in the Store is used without a sign-in.
// From then on, it does what a [Transport] does: it refreshes the token, sends it to the origin of the API only, follows
// redirects without it, and signs in again if the API requires other scopes or a stronger sign-in.
//
// If the API rejects a token and a refresh does not help, the metadata is fetched again, and the user signs in. If the API has
// moved to another authorization server, the program gets a client and a token there. A client, its credentials, its tokens and
// its refresh tokens are bound to one issuer, and are never sent to another one. At most one such sign-in happens in 30 seconds.
// If the API rejects the new token within this time, the caller gets the response with status 401. The caller also gets this
// response if the API has rejected two tokens in succession without saying that the token is the reason.
//
// Concurrent requests share one sign-in, which continues if the request that started it ends. If the sign-in fails, RoundTrip
// returns its error. For 30 seconds, or for 5 seconds if the error matches [ErrUnavailable], further requests that need a token
// get the same error without a sign-in. A request with a body is sent again only if Request.GetBody is not nil. Otherwise, the
// caller gets the response with status 401 after the sign-in, and the next request has the token.
//
// An http.Client.Timeout also limits the time that the request waits for the user.
type ResourceTransport struct {
	cfg   ResourceTransportConfig
	bare  *Transport // has no token
	store CredentialStore

	budget signInBudget // of all sessions, except for the first sign-in and those that provide further scopes

	mu      sync.Mutex       // guards the fields below
	session *resourceSession // the current one; nil if there is none
	ended   *resourceSession // the last one whose token can neither be used nor refreshed; nil if there is none
	running *resourceSignIn  // in progress; nil if there is none
	pauseTo time.Time        // until then, no sign-in replaces ended, because the API rejected its token
	failure error            // of the last sign-in; returned until retryAt
	retryAt time.Time        // only limits the rate of sign-ins, so the monotonic clock is enough
}

// NewResourceTransport returns a [ResourceTransport] for use in an [http.Client]. This one is for an MCP client on the
// computer of its user:
//
//	transport, err := client.NewResourceTransport(client.ResourceTransportConfig{
//		Resource: "https://mcp.example.com/mcp",
//		Clients: []client.Config{{
//			ClientID: "https://app.example.com/client.json", ClientMetadataDocument: true, RedirectURI: "http://127.0.0.1/callback",
//		}},
//		SignIn: func(ctx context.Context, c *client.Client, o client.AuthorizationOptions) (*client.Token, error) {
//			return loopback.SignIn(ctx, c, loopback.Options{Authorization: o})
//		},
//	})
//	mcp := http.Client{Transport: transport}
//
// It reports all faults of cfg together, and each names its field. It does no I/O.
func NewResourceTransport(cfg ResourceTransportConfig) (*ResourceTransport, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.Clients, cfg.Issuers = slices.Clone(cfg.Clients), slices.Clone(cfg.Issuers)
	for i, c := range cfg.Clients {
		cfg.Clients[i].Scopes = slices.Clone(c.Scopes)
	}
	if cfg.SignInTimeout == 0 {
		cfg.SignInTimeout = defaultSignIn
	}
	u, err := fetch.ParseURL(cfg.Resource, cfg.Discovery.InsecureAllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("client: ResourceTransportConfig.Resource: %w", err)
	}
	base, err := cfg.base()
	if err != nil {
		return nil, err
	}
	t := &ResourceTransport{cfg: cfg, bare: &Transport{origins: []string{fetch.Origin(u)}, base: base}, store: cfg.Store}
	if t.store == nil {
		t.store = NewMemoryTokens()
	}
	return t, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *ResourceTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.bare == nil {
		closeBody(r)
		return nil, errors.New("client: ResourceTransport: the zero value cannot be used; call NewResourceTransport")
	}
	if err := t.bare.check(r); err != nil {
		closeBody(r)
		return nil, err
	}
	if t.bare.hasLeft(r) {
		return t.bare.follow(r)
	}
	for body, tries := r.Body, 0; ; tries++ {
		s, err := t.current(r.Context())
		if err != nil {
			closeBody(r)
			return nil, err
		}
		resp, err := t.send(s, r, body)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || tries == maxResourceSignIns {
			return resp, err
		}
		switch ok, err := t.authorize(r.Context(), s, resp); {
		case err != nil:
			discard(resp)
			return nil, err
		case !ok:
			return resp, nil
		}
		if body, err = again(r); err != nil {
			return resp, nil //nolint:nilerr // the caller gets the API's response: the body cannot be sent again
		}
		discard(resp)
	}
}

// maxResourceSignIns limits how often one request waits for a sign-in because the API responded with 401. A second wait is
// needed if another request has signed in, and that token has ended in the meantime.
const maxResourceSignIns = 2

// send sends a copy of r, with the token of s if there is a session.
func (t *ResourceTransport) send(s *resourceSession, r *http.Request, body io.ReadCloser) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.Body = body
	if s == nil {
		return t.bare.exchange(r, sent)
	}
	resp, err := s.transport.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	resp.Request = r
	return resp, nil
}

// CloseIdleConnections closes the idle connections of ResourceTransportConfig.Base, if it can.
// [http.Client.CloseIdleConnections] calls it.
func (t *ResourceTransport) CloseIdleConnections() {
	if t.bare != nil {
		t.bare.CloseIdleConnections()
	}
}

// Format implements [fmt.Formatter]. For every verb, it omits the tokens and the secrets.
func (t *ResourceTransport) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.ResourceTransport{"+t.cfg.Resource+"}")
}

// LogValue implements [slog.LogValuer]. It omits the tokens and the secrets.
func (t *ResourceTransport) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }
