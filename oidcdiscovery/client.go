package oidcdiscovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// maxDepth is the number of levels that the JSON of a document may be nested.
const maxDepth = 16

// Client fetches and validates metadata. The zero value is ready to use. A Client is safe for concurrent use if its fields do
// not change.
type Client struct {
	// HTTPClient provides the transport for the requests. Its redirect policy and its cookie jar are not used, and it is not
	// changed. Nil means [http.DefaultTransport].
	HTTPClient *http.Client

	// MaxBytes limits the length of a document, in bytes. Zero or less means 512 KiB. A longer document is a *[TooLargeError].
	MaxBytes int64

	// Timeout limits each of the at most two requests, from dialing to the last byte. Zero or less means 3 s. If the Timeout
	// of HTTPClient is shorter, it applies instead.
	Timeout time.Duration

	// InsecureAllowHTTP allows the scheme http for the issuer and the jwks_uri on all hosts. If false, http is allowed only for
	// loopback hosts (127.0.0.0/8, ::1, localhost).
	InsecureAllowHTTP bool

	// SameOriginKeys requires that the jwks_uri has the same scheme, host and port as the issuer. If false, all are allowed,
	// because some large issuers publish their keys on another host.
	SameOriginKeys bool
}

// Discover fetches the metadata of issuer. Members that the document does not contain have the values of [Default].
//
// The error joins the errors of all locations that were tried. With [errors.Is] and [errors.As] it matches
//
//   - *[IssuerMismatchError] if a location has the document of another issuer,
//   - *[TimeoutError] or *[TooLargeError] if a limit was exceeded,
//   - [ErrUnavailable] if a retry may succeed,
//   - ctx.Err() if ctx ended first.
func (c *Client) Discover(ctx context.Context, issuer string) (*Metadata, error) {
	u, err := c.parseIssuer(issuer)
	if err != nil {
		return nil, fmt.Errorf("oidcdiscovery: %w", err)
	}
	var faults []error
	for _, location := range wellKnown(u) {
		m, err := c.load(ctx, location, issuer)
		if err == nil {
			return m, nil
		}
		faults = append(faults, err)
		if ctx.Err() != nil || !tryNext(err) {
			break
		}
	}
	return nil, fmt.Errorf("oidcdiscovery: %w", errors.Join(faults...))
}

// Parse parses and validates a document that does not come from the network, for example from a file. The rules are those
// of [Client.Discover].
func (c *Client) Parse(issuer string, document []byte) (*Metadata, error) {
	m, err := c.parse(issuer, document)
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

// wellKnown returns the locations of the metadata document. RFC 8414 §3.1 inserts its well-known path in front of the path
// of the issuer. OpenID Connect Discovery 1.0 §4.1 appends its path. Both remove one trailing slash first.
func wellKnown(issuer *url.URL) [2]string {
	origin := issuer.Scheme + "://" + issuer.Host
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	return [2]string{
		origin + "/.well-known/oauth-authorization-server" + path,
		origin + path + "/.well-known/openid-configuration",
	}
}

// load fetches and parses the document at location.
func (c *Client) load(ctx context.Context, location, issuer string) (*Metadata, error) {
	resp, err := fetch.Get(ctx, location, fetch.Options{
		Client:       c.HTTPClient,
		MaxBytes:     c.MaxBytes,
		Timeout:      c.Timeout,
		AllowHTTP:    c.InsecureAllowHTTP,
		ContentTypes: []string{"application/json"}, // RFC 8414 §3.2
	})
	if err != nil {
		return nil, classify(err)
	}
	m, err := c.parse(issuer, resp.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", location, err)
	}
	return m, nil
}

// tryNext reports whether to try the next location after err. The package comment lists the rules.
func tryNext(err error) bool {
	var status *fetch.StatusError
	pauseRequested := errors.As(err, &status) && status.RetryAfter > 0
	return !pauseRequested && !errors.Is(err, fetch.ErrNoResponse)
}

// parse returns errors without the package prefix.
func (c *Client) parse(issuer string, document []byte) (*Metadata, error) {
	o, err := compact.ParseObject(string(document), maxDepth)
	if err != nil {
		return nil, fmt.Errorf("the document is not a valid JSON object: %w", err)
	}
	m := Default()
	m.document = o
	if err := o.Decode(&m); err != nil {
		return nil, err
	}
	if err := c.validate(issuer, &m); err != nil {
		return nil, err
	}
	return &m, nil
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
	if c.SameOriginKeys && origin(keys) != origin(home) {
		return fmt.Errorf("jwks_uri: origin is %.200q, expected the issuer's origin %q (SameOriginKeys)", origin(keys), origin(home))
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

// origin returns scheme, host and port of a URL (RFC 6454 §4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
