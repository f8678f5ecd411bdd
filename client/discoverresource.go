package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// ResourceDiscovery has the settings of [DiscoverResource]. The zero value is ready to use.
//
// The metadata of an API names the servers at which users sign in and to which credentials are sent. An API can be hostile, so
// all URLs in its challenge and its metadata are checked: they must be https, and must not have a loopback host unless the URL
// of the API has one.
type ResourceDiscovery struct {
	// HTTPClient provides the transport for the requests. Its redirect policy and its cookie jar are not used: redirects are
	// never followed. Nil means http.DefaultTransport.
	HTTPClient *http.Client

	// Timeout limits each request, from the connection to the last byte. Zero means 3 seconds.
	Timeout time.Duration

	// MaxBytes limits the length of each document, in bytes. A longer document is an error. Zero means 512 KiB.
	MaxBytes int64

	// MetadataOrigins lists the origins, besides that of the API, at which a challenge may place the metadata of the API,
	// such as "https://gateway.example.com". The form is that of TransportConfig.Origins. Nil means only the origin of the
	// API; a resource_metadata parameter with another one is ignored.
	MetadataOrigins []string

	// ExactResource requires that the resource in the metadata is the URL of the API itself (RFC 9728, Section 3.3). Set it if
	// the host serves APIs of different owners. False means that the resource may also be a parent of that URL, as the Model
	// Context Protocol allows. See [DiscoverResource].
	ExactResource bool

	// PublicAddressesOnly rejects connections to addresses that are not on the public internet. Set it in a server that
	// discovers APIs for its users, so that they cannot use it to reach your network. The Transport of HTTPClient must then
	// be nil or an *http.Transport without its own TLS dial function, and its proxy is not used. False means that all
	// addresses are allowed.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows http for every host. Anyone on the network path can then choose the authorization server, and
	// read the tokens. False means that http is allowed only for loopback hosts, and only if the URL of the API has one.
	InsecureAllowHTTP bool

	// InsecureLegacyServers accepts an API without metadata, as revision 2025-03-26 of the Model Context Protocol describes
	// it. The origin of the API is then its authorization server. If the origin has no metadata of an authorization server
	// either, the endpoints are /authorize, /token and /register. The issuer is then not confirmed by any metadata, so an
	// attack that mixes up two authorization servers (RFC 9700, Section 4.4) may not be detected. False means that
	// DiscoverResource returns an error for an API without metadata.
	InsecureLegacyServers bool
}

// Resource describes an API: its identifier, its metadata and its authorization servers. [DiscoverResource] returns it. Do not
// change its fields. It is safe for concurrent use.
type Resource struct {
	// ID is the resource identifier of the API (RFC 9728, Section 1.2). Tokens for the API are requested for it (RFC 8707).
	// It is the URL that was passed to DiscoverResource, or a parent of it.
	ID string

	// Metadata is the validated document. It is nil if Legacy is true.
	Metadata *resourcemetadata.Metadata

	// Scopes lists the scopes to request: those of the challenge, or if the challenge has none, those in scopes_supported of
	// the metadata. A list of more than 100 scopes is ignored. Scopes is nil if there are none.
	Scopes []string

	// AuthorizationServers lists the issuers of the authorization servers of the API, in its order. [Resource.SelectServer]
	// chooses one of them.
	AuthorizationServers []string

	// Legacy says that the API has no metadata. It is true only if ResourceDiscovery.InsecureLegacyServers is set.
	Legacy bool

	cfg     ResourceDiscovery
	request string   // the URL of the API, as it was passed to DiscoverResource
	target  *url.URL // request, parsed
}

const (
	maxResourceLocations = 5   // of the metadata of one API
	maxResourceScopes    = 100 // that are requested because a challenge or the metadata lists them
)

// DiscoverResource finds the metadata of the API at target, the URL to which the program sends requests (RFC 9728). header is the
// header of the API's response with status 401 or 403, or nil if there was none. DiscoverResource tries these locations until
// one has the metadata:
//
//  1. the URL in the parameter resource_metadata of the challenge, if its origin is that of target or one of MetadataOrigins,
//  2. the well-known location of target,
//  3. the well-known location of target without its query; if its path ends with a slash, with and without that slash,
//  4. the well-known location of the origin of target.
//
// The resource in the document must be target or a parent of it with the same origin; see [resourcemetadata.Covers]. If it is a
// parent, DiscoverResource uses the document at the well-known location of the parent, which only the owner of the host can
// publish. Otherwise, one API on a host could get tokens that all APIs on this host accept. With ExactResource, a parent is
// rejected.
//
// If a location has no usable document, the next one is tried. If a location does not respond, or responds with 429 or 5xx,
// DiscoverResource returns an error that matches [ErrUnavailable]. It then tries no other location, because another document
// might list other authorization servers. Every other error joins the errors of all locations. It matches
// resourcemetadata.ErrNotFound if no location has a document, and *resourcemetadata.MismatchError if a document is about
// another resource.
func DiscoverResource(ctx context.Context, cfg ResourceDiscovery, target string, header http.Header) (*Resource, error) {
	r, err := newResource(cfg, target)
	if err != nil {
		return nil, err
	}
	hint := resourceHintIn(header)
	m, err := r.find(ctx, r.locations(hint))
	switch {
	case err == nil:
		r.accept(m, hint)
		return r, nil
	case r.cfg.InsecureLegacyServers && isOnlyMissing(err):
		r.legacy(hint)
		return r, nil
	case errors.Is(err, resourcemetadata.ErrUnavailable):
		return nil, fmt.Errorf("%w: metadata of the resource: %w", ErrUnavailable, err)
	}
	return nil, fmt.Errorf("client: metadata of the resource: %w", err)
}

// newResource checks the arguments of DiscoverResource.
func newResource(cfg ResourceDiscovery, target string) (*Resource, error) {
	u, err := fetch.ParseURL(target, cfg.InsecureAllowHTTP)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: the URL of the resource: %w", err)
	case hasDotSegment(u):
		return nil, errors.New("client: the URL of the resource has a dot segment, expected a path that every server reads in the same way")
	}
	if len(cfg.MetadataOrigins) > 0 {
		if cfg.MetadataOrigins, err = parseOrigins("ResourceDiscovery.MetadataOrigins", cfg.MetadataOrigins); err != nil {
			return nil, err
		}
	}
	if cfg.PublicAddressesOnly {
		if cfg.HTTPClient, err = fetch.PublicClient(cfg.HTTPClient); err != nil {
			return nil, fmt.Errorf("client: ResourceDiscovery.HTTPClient: %w (ResourceDiscovery.PublicAddressesOnly)", err)
		}
	}
	return &Resource{ID: target, cfg: cfg, request: target, target: u}, nil
}

// locations returns the URLs at which the metadata may be, in the order in which they are tried.
func (r *Resource) locations(hint resourceHint) []string {
	var all []string
	if hint.metadataURL != "" {
		u, err := r.cfg.checkNamed(hint.metadataURL, r.target)
		if err == nil && (fetch.Origin(u) == fetch.Origin(r.target) || allowed(r.cfg.MetadataOrigins, u)) {
			all = append(all, hint.metadataURL)
		}
	}
	plain := *r.target
	plain.RawQuery, plain.ForceQuery = "", false
	origin := url.URL{Scheme: r.target.Scheme, Host: r.target.Host}
	known := []string{wellKnownLocation(r.target), wellKnownLocation(&plain)}
	if strings.HasSuffix(plain.Path, "/") { // some servers do not remove the slash
		known = append(known, wellKnownLocation(&plain)+"/")
	}
	for _, location := range append(known, wellKnownLocation(&origin)) {
		if !slices.Contains(all, location) {
			all = append(all, location)
		}
	}
	return all[:min(len(all), maxResourceLocations)]
}

// wellKnownLocation returns what [resourcemetadata.URL] returns. In addition, it accepts http. id must have been checked before.
func wellKnownLocation(id *url.URL) string {
	secure := *id
	secure.Scheme = "https"
	location, err := resourcemetadata.URL(secure.String())
	if err != nil {
		return ""
	}
	return id.Scheme + location[len(secure.Scheme):]
}

// find returns the document at the first location that has one. The error joins those of all locations.
func (r *Resource) find(ctx context.Context, locations []string) (*resourcemetadata.Metadata, error) {
	var faults []error
	for _, location := range locations {
		m, err := r.fetch(ctx, location)
		if err == nil {
			return m, nil
		}
		faults = append(faults, err)
		if ctx.Err() != nil || errors.Is(err, resourcemetadata.ErrUnavailable) {
			break
		}
	}
	return nil, errors.Join(faults...)
}

// fetch returns the document at a location. If its resource is a parent of the target, and location is not the well-known
// location of this parent, fetch returns the document at the well-known location instead.
func (r *Resource) fetch(ctx context.Context, location string) (*resourcemetadata.Metadata, error) {
	c := resourcemetadata.Client{
		HTTPClient: r.cfg.HTTPClient, Timeout: r.cfg.Timeout, MaxBytes: r.cfg.MaxBytes, InsecureAllowHTTP: r.cfg.InsecureAllowHTTP,
	}
	m, err := c.FetchFor(ctx, location, r.request)
	if err != nil {
		return nil, err
	}
	id, err := url.Parse(m.Resource)
	if err != nil {
		return nil, fmt.Errorf("client: resource in the metadata: %w", &resourcemetadata.MismatchError{Want: r.request, Got: m.Resource})
	}
	switch {
	case isSameResource(id, r.target):
		return m, nil
	case r.cfg.ExactResource:
		return nil, fmt.Errorf("%w (ResourceDiscovery.ExactResource)", &resourcemetadata.MismatchError{Want: r.request, Got: m.Resource})
	case wellKnownLocation(id) == location:
		return m, nil
	}
	return c.Fetch(ctx, wellKnownLocation(id), m.Resource)
}

// accept fills r from its document. It leaves out issuers that cannot be used, as resourcemetadata does.
func (r *Resource) accept(m *resourcemetadata.Metadata, hint resourceHint) {
	r.ID, r.Metadata, r.Scopes = m.Resource, m, hint.scopes
	if r.Scopes == nil && len(m.ScopesSupported) <= maxResourceScopes {
		r.Scopes = validScopes(m.ScopesSupported)
	}
	seen := make(map[string]bool) // a map, because a hostile document may list tens of thousands of issuers
	for _, issuer := range m.AuthorizationServers {
		if _, err := r.cfg.checkNamed(issuer, r.target); err == nil && !seen[issuer] {
			seen[issuer] = true
			r.AuthorizationServers = append(r.AuthorizationServers, issuer)
		}
	}
}
