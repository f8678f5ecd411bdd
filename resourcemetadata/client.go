package resourcemetadata

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/quirk"
)

// Client fetches and validates metadata. The zero value is ready to use. A Client is safe for concurrent use if its fields do
// not change.
type Client struct {
	// HTTPClient provides the transport for the requests. Redirects are never followed, and its cookie jar is not used. It is
	// not changed. Nil means [http.DefaultTransport].
	HTTPClient *http.Client

	// MaxBytes limits the length of a document, in bytes. Zero or less means 512 KiB. A longer document is a *[TooLargeError].
	MaxBytes int64

	// Timeout limits each request, from dialing to the last byte. Zero or less means 3 s. If the Timeout of HTTPClient is
	// shorter, it applies instead.
	Timeout time.Duration

	// InsecureAllowHTTP allows the scheme http on all hosts, for the resource, its document, its authorization servers and its
	// keys. If false, http is allowed only for loopback hosts (127.0.0.0/8, ::1, localhost), and only if the host of the
	// resource is loopback too. So the document of a remote resource cannot make a client connect to services on its own
	// machine.
	InsecureAllowHTTP bool

	// PublicAddressesOnly rejects connections to addresses that are not on the public internet. Set it if URLs come from
	// users or from servers that you do not trust, so that they cannot lead requests into your network. The Transport of
	// HTTPClient must then be nil or an *[http.Transport] without its own TLS dial function, and its proxy is not used. If
	// false, all addresses are allowed.
	PublicAddressesOnly bool

	// SignedMetadataKeys returns the public keys with which issuer signs metadata of resources, for the given `kid` and `alg`
	// of a JWT. kid may be empty. At most four keys are tried. The keys are *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey. The function decides
	// which issuers are trusted: it returns no key for all others. It must be safe for concurrent use.
	//
	// If the function is set, a document whose `signed_metadata` cannot be verified is rejected. The signed members replace
	// those with the same names in the document (RFC 9728 section 2.2). A document without `signed_metadata` is accepted: check
	// [Metadata.SignedBy] if you require a signature. Nil: `signed_metadata` is not verified, and SignedBy returns "".
	SignedMetadataKeys func(ctx context.Context, issuer, kid, alg string) ([]any, error)
}

// Discover fetches the metadata of resource from [URL]. `resource` in the document must equal resource, code point by code
// point. If resource ends with a slash, and there is no document at the URL without it, Discover also requests the URL with
// the slash.
//
// With [errors.Is] and [errors.As], the error matches
//
//   - *[MismatchError] if the document is about another resource,
//   - *[TimeoutError] or *[TooLargeError] if a limit was exceeded,
//   - [ErrNotFound] if there is no document,
//   - [ErrUnavailable] if a retry may succeed,
//   - ctx.Err() if ctx ended first.
func (c *Client) Discover(ctx context.Context, resource string) (*Metadata, error) {
	u, err := fetch.ParseURL(resource, c.InsecureAllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("resourcemetadata: resource: %w", err)
	}
	location := wellKnown(u)
	m, err := c.Fetch(ctx, location, resource)
	if errors.Is(err, ErrNotFound) && u.RawQuery == "" && strings.HasSuffix(u.EscapedPath(), "/") && u.Path != "/" {
		return c.Fetch(ctx, location+"/", resource)
	}
	return m, err
}

// Fetch fetches the metadata of resource from metadataURL, for example from the parameter resource_metadata of a challenge
// (RFC 9728 section 5.1). `resource` in the document must equal resource, code point by code point. The errors are those of
// [Client.Discover].
//
// If the URL comes from a challenge, resource must be the URL of the request, or an identifier that you know. Do not pass an
// identifier that the same server has named elsewhere, because that would compare the server with itself. If you only know
// the URL of the request, call [Client.FetchFor].
func (c *Client) Fetch(ctx context.Context, metadataURL, resource string) (*Metadata, error) {
	return c.fetch(ctx, metadataURL, resource, func(got string) bool { return got == resource })
}

// FetchFor fetches metadata that applies to requests to the URL target. `resource` in the document must equal target or be a
// parent of it; see [Covers]. Otherwise FetchFor is like [Client.Fetch].
func (c *Client) FetchFor(ctx context.Context, metadataURL, target string) (*Metadata, error) {
	return c.fetch(ctx, metadataURL, target, func(got string) bool { return Covers(got, target) })
}

// Parse parses and validates a document that does not come from the network, for example from a file. The rules are those of
// [Client.Discover]. It does not read `signed_metadata`.
func (c *Client) Parse(resource string, document []byte) (*Metadata, error) {
	m, err := parse(document)
	if err == nil {
		err = c.finish(m, resource, func(got string) bool { return got == resource })
	}
	if err != nil {
		return nil, fmt.Errorf("resourcemetadata: %w", err)
	}
	return m, nil
}

// fetch requests the document and checks it. accept reports whether the `resource` of the document is acceptable.
func (c *Client) fetch(ctx context.Context, metadataURL, target string, accept func(string) bool) (*Metadata, error) {
	m, err := c.load(ctx, metadataURL, target)
	if err == nil && m.SignedMetadata != "" && c.SignedMetadataKeys != nil {
		err = c.applySigned(ctx, m)
	}
	if err == nil {
		err = c.finish(m, target, accept)
	}
	if err != nil {
		return nil, fmt.Errorf("resourcemetadata: %w", err)
	}
	return m, nil
}

// load requests and parses the document. home is the parsed target. The Content-Type may be wrong, because file servers often send
// another one; it is then reported as a quirk. The document must be a JSON object with the right `resource` in any case.
func (c *Client) load(ctx context.Context, metadataURL, target string) (*Metadata, error) {
	home, err := fetch.ParseURL(target, c.InsecureAllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	if err := c.checkURL(metadataURL, home); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	client := c.HTTPClient
	if c.PublicAddressesOnly {
		if client, err = fetch.PublicClient(c.HTTPClient); err != nil {
			return nil, fmt.Errorf("HTTPClient: %w (PublicAddressesOnly)", err)
		}
		defer client.CloseIdleConnections() // PublicClient makes a new client for each document
	}
	resp, err := fetch.Get(ctx, metadataURL, fetch.Options{
		Client:   client,
		Header:   http.Header{"Accept": {"application/json"}},
		MaxBytes: c.MaxBytes, Timeout: c.Timeout, AllowHTTP: c.InsecureAllowHTTP,
	})
	if err != nil {
		return nil, classify(err)
	}
	m, err := parse(resp.Body)
	if err != nil {
		return nil, err
	}
	if !resp.IsJSON() {
		m.note(quirk.ContentType, "metadata Content-Type", "RFC 9728 section 3.2")
	}
	return m, nil
}

// checkURL checks a URL that a resource at home publishes. http is allowed only as [Client.InsecureAllowHTTP] describes.
func (c *Client) checkURL(raw string, home *url.URL) error {
	u, err := fetch.ParseURL(raw, c.InsecureAllowHTTP)
	if err == nil && u.Scheme == "http" && !c.InsecureAllowHTTP && !fetch.IsLoopback(home.Hostname()) {
		return errHTTP
	}
	return err
}

// errHTTP says that a document tried to use http. The URL is not quoted, because it may contain a secret.
var errHTTP = errors.New("URL is not https, and the host of the resource is not loopback; set InsecureAllowHTTP to allow http for all hosts")
