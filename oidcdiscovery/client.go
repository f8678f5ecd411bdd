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

// maxDepth is how deep the JSON of a document may be nested.
const maxDepth = 16

// Client fetches and validates metadata. The zero value works and is the strict one. A Client is safe for concurrent
// use as long as its fields are not changed.
type Client struct {
	// HTTPClient sends the requests. Its redirect policy and cookie jar are not used, and it is not changed. Nil means
	// [http.DefaultTransport].
	HTTPClient *http.Client

	// MaxBytes bounds a document. Zero or less means 512 KiB. A longer document is refused, not cut.
	MaxBytes int64

	// Timeout bounds each of the at most two requests: dialling, TLS and body. Zero or less means 3 s. If the
	// HTTPClient's own Timeout is shorter, that one holds.
	Timeout time.Duration

	// InsecureAllowHTTP takes an http issuer and an http jwks_uri on any host. False takes them on loopback hosts only
	// (127.0.0.0/8, ::1, localhost).
	InsecureAllowHTTP bool

	// SameOriginKeys refuses a jwks_uri with another scheme, host or port than the issuer's. False takes any: some
	// large issuers publish their keys on another host.
	SameOriginKeys bool
}

// Discover returns the metadata of issuer, laid over [Default].
//
// The error joins what each of the places asked had to say. It matches *[IssuerMismatchError] if a place had the
// document of another issuer, [ErrUnavailable] if it may help to try again, *[TimeoutError] or *[TooLargeError] if one
// of the bounds was reached, and ctx.Err() if ctx ended first.
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

// Parse reads a document that is already at hand, from a file for instance, by the rules of [Client.Discover].
func (c *Client) Parse(issuer string, document []byte) (*Metadata, error) {
	m, err := c.parse(issuer, document)
	if err != nil {
		return nil, fmt.Errorf("oidcdiscovery: %w", err)
	}
	return m, nil
}

// Validate checks metadata, also such as was put together by hand: the issuer is an https URL without query and
// fragment (RFC 8414 §2), m is that issuer's, and jwks_uri, if there is one, is an https URL. Whoever uses another
// endpoint checks that one.
func (c *Client) Validate(issuer string, m *Metadata) error {
	if err := c.validate(issuer, m); err != nil {
		return fmt.Errorf("oidcdiscovery: %w", err)
	}
	return nil
}

// wellKnown lists the places of the metadata document: RFC 8414 §3.1 inserts its well-known path before the issuer's
// own path, OpenID Connect Discovery 1.0 §4.1 appends; both take one terminating slash off before.
func wellKnown(issuer *url.URL) [2]string {
	origin := issuer.Scheme + "://" + issuer.Host
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	return [2]string{
		origin + "/.well-known/oauth-authorization-server" + path,
		origin + path + "/.well-known/openid-configuration",
	}
}

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

// tryNext says whether the next place is worth asking. See the package comment.
func tryNext(err error) bool {
	var status *fetch.StatusError
	asksForRest := errors.As(err, &status) && status.RetryAfter > 0
	return !asksForRest && !errors.Is(err, fetch.ErrNoResponse)
}

func (c *Client) parse(issuer string, document []byte) (*Metadata, error) {
	o, err := compact.ParseObject(string(document), maxDepth)
	if err != nil {
		return nil, fmt.Errorf("the document is not a strict JSON object: %w", err)
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

func (c *Client) validate(issuer string, m *Metadata) error {
	home, err := c.parseIssuer(issuer)
	if err != nil {
		return err
	}
	if m.Issuer != issuer {
		return &IssuerMismatchError{Want: issuer, Got: m.Issuer}
	}
	if m.JWKSURI == "" { // optional in RFC 8414 §2; who needs keys asks for it
		return nil
	}
	keys, err := fetch.ParseURL(m.JWKSURI, c.InsecureAllowHTTP)
	if err != nil {
		return fmt.Errorf("jwks_uri: %w", err)
	}
	if c.SameOriginKeys && origin(keys) != origin(home) {
		return fmt.Errorf("jwks_uri: origin %.200q is not the issuer's, %q", origin(keys), origin(home))
	}
	return nil
}

// parseIssuer refuses what is no issuer identifier (RFC 8414 §2), so that nothing is asked in its name.
func (c *Client) parseIssuer(issuer string) (*url.URL, error) {
	u, err := fetch.ParseURL(issuer, c.InsecureAllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if strings.Contains(issuer, "?") { // an empty query too
		return nil, errors.New("issuer: URL has a query")
	}
	return u, nil
}

// origin is scheme, host and port (RFC 6454 §4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
