package oidcdiscovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Client fetches and validates metadata. The zero value is ready to use. A Client is safe for concurrent use if its fields do
// not change.
type Client struct {
	// HTTPClient provides the transport for the requests. Its redirect policy and its cookie jar are not used, and it is not
	// changed. Nil means [http.DefaultTransport].
	HTTPClient *http.Client

	// MaxBytes limits the length of a document, in bytes. Zero or less means 512 KiB. A longer document is a *[TooLargeError].
	MaxBytes int64

	// Timeout limits each of the at most [MaxLocations] requests, from dialing to the last byte. Zero or less means 3 s. If
	// the Timeout of HTTPClient is shorter, it applies instead. A location that does not respond for 3 s does not delay the
	// others: Discover then also requests the next one, and uses the first document that arrives.
	Timeout time.Duration

	// Members lists members that the caller needs, by their JSON names. If the document at a location of RFC 8414 does not
	// have all of them, Discover also reads the document at a location of OpenID Connect, and adds the members that only
	// that one has. Some servers publish different documents at the two locations. If both have a member, the first document
	// counts, and [Metadata.Quirks] reports a difference. A second document that cannot be read causes no error of Discover;
	// see [Metadata.Incomplete]. Nil means that the first document is enough.
	Members []string

	// MetadataURL is the URL from which Discover fetches the document. Set it for an issuer whose metadata is at
	// another location, or that this machine reaches at an internal address. The URL may have a query. Its scheme must
	// be https, or http as for the issuer. The `issuer` in the document must still equal the requested one. Empty means
	// the well-known locations of the issuer.
	MetadataURL string

	// InsertFirst changes the order of the locations of an issuer with a path: the one of OpenID Connect with the path
	// inserted is requested before the one with the path appended, as the Model Context Protocol requires. False means the
	// order of the package comment.
	InsertFirst bool

	// IssuerTemplate is the required value of `issuer` in the document, in place of the requested issuer. Set it for a
	// provider that publishes one document for many tenants, such as https://login.example.com/{tenantid}/v2.0. The
	// locations are still those of the requested issuer. Empty means that the document must name the requested issuer.
	IssuerTemplate string

	// InsecureAllowHTTP allows the scheme http for the issuer, MetadataURL and the jwks_uri on all hosts. If false, http is
	// allowed only for loopback hosts (127.0.0.0/8, ::1, localhost).
	InsecureAllowHTTP bool

	// SameOriginKeys requires that the jwks_uri has the same scheme, host and port as the issuer. If false, the
	// jwks_uri may be on any host, because some large issuers publish their keys on another host.
	SameOriginKeys bool
}

// Discover fetches the metadata of issuer. It requests the well-known locations one after the other, until one of them has
// the document of the issuer. Members that the document does not contain have the values of [Default].
//
// The error joins the errors of all locations that were tried. With [errors.Is] and [errors.As] it matches
//
//   - *[IssuerMismatchError] if a location has the document of another issuer,
//   - *[TimeoutError] or *[TooLargeError] if a limit was exceeded,
//   - [ErrUnavailable] if a retry may succeed,
//   - ctx.Err() if ctx ended first.
func (c *Client) Discover(ctx context.Context, issuer string) (*Metadata, error) {
	locations, err := c.locations(issuer)
	if err != nil {
		return nil, fmt.Errorf("oidcdiscovery: %w", err)
	}
	m, err := c.search(ctx, locations, cmp.Or(c.IssuerTemplate, issuer))
	if err != nil {
		return nil, fmt.Errorf("oidcdiscovery: %w", err)
	}
	return m, nil
}

// Locations returns the URLs at which [Client.Discover] looks for the metadata of issuer, in the order in which it requests them:
// the MetadataURL alone if it is set, and otherwise 2 URLs, or 4 if issuer has a path. It sends no request. The error says why
// issuer or MetadataURL is not a valid URL for metadata. Use Locations in tools that show what each location returns.
func (c *Client) Locations(issuer string) ([]string, error) {
	locations, err := c.locations(issuer)
	if err != nil {
		return nil, fmt.Errorf("oidcdiscovery: %w", err)
	}
	urls := make([]string, len(locations))
	for i, at := range locations {
		urls[i] = at.url
	}
	return urls, nil
}

// locations returns the locations of the metadata of issuer.
func (c *Client) locations(issuer string) ([]location, error) {
	u, err := c.parseIssuer(issuer)
	if err != nil {
		return nil, err
	}
	if c.MetadataURL == "" {
		return wellKnown(u, c.InsertFirst), nil
	}
	if err := fetch.CheckURL(c.MetadataURL, c.InsecureAllowHTTP); err != nil {
		return nil, fmt.Errorf("MetadataURL: %w", err)
	}
	return []location{{url: c.MetadataURL}}, nil
}

// Parse parses and validates a document that does not come from the network, for example from a file. The rules are those
// of [Client.Discover].
func (c *Client) Parse(issuer string, document []byte) (*Metadata, error) {
	m, err := c.parse(cmp.Or(c.IssuerTemplate, issuer), document)
	if err != nil {
		return nil, fmt.Errorf("oidcdiscovery: %w", err)
	}
	return m, nil
}

// Validate checks metadata that was created by hand or parsed. It requires that issuer is an https URL without query and
// fragment (RFC 8414 §2), that m.Issuer equals issuer byte for byte, and that m.JWKSURI is empty or an https URL. It does not
// check other endpoints: check an endpoint before you use it. [Client.InsecureAllowHTTP] and [Client.SameOriginKeys] apply.
func (c *Client) Validate(issuer string, m *Metadata) error {
	if err := c.validate(issuer, m); err != nil {
		return fmt.Errorf("oidcdiscovery: %w", err)
	}
	return nil
}

// validate returns errors without the package prefix.
func (c *Client) validate(issuer string, m *Metadata) error {
	home, err := c.parseIssuer(issuer)
	if err != nil {
		return err
	}
	// Without this check, a host could publish the metadata of any issuer with keys of its own (RFC 8414 §6.2).
	if m.Issuer != issuer {
		return &IssuerMismatchError{Want: issuer, Got: m.Issuer}
	}
	if m.JWKSURI == "" { // optional in RFC 8414 §2; a caller that needs keys checks for it
		return nil
	}
	keys, err := fetch.ParseURL(m.JWKSURI, c.InsecureAllowHTTP)
	if err != nil {
		return fmt.Errorf("jwks_uri: %w", err)
	}
	if c.SameOriginKeys && fetch.Origin(keys) != fetch.Origin(home) {
		return fmt.Errorf("jwks_uri: origin is %.200q, expected the issuer's origin %q (SameOriginKeys)", fetch.Origin(keys), fetch.Origin(home))
	}
	return nil
}

// parseIssuer parses an issuer identifier (RFC 8414 §2). For an invalid one, no request is sent.
func (c *Client) parseIssuer(issuer string) (*url.URL, error) {
	u, err := fetch.ParseURL(issuer, c.InsecureAllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if strings.Contains(issuer, "?") { // this includes an empty query
		return nil, errors.New("issuer: URL has a query, expected none")
	}
	return u, nil
}
