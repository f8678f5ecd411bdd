package oidcdiscovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/quirk"
)

// The well-known paths of RFC 8414 §3 and of OpenID Connect Discovery 1.0 §4.
const (
	oauthPath  = "/.well-known/oauth-authorization-server"
	openIDPath = "/.well-known/openid-configuration"
)

// location is a place at which the metadata document may be.
type location struct {
	url       string
	openID    bool // of OpenID Connect; false: of RFC 8414
	deviation bool // no specification names it
}

// MaxLocations is the maximum number of locations that [Client.Discover] requests.
const MaxLocations = 4

// wellKnown returns the locations of the metadata document, in the order in which they are tried. RFC 8414 §3.1 inserts its
// well-known path in front of the path of the issuer. OpenID Connect Discovery 1.0 §4.1 appends its path. RFC 8414 §5 also
// allows that the path of OpenID Connect is inserted. Some servers append the path of RFC 8414. All of them remove one
// trailing slash of the issuer first. insertFirst is [Client.InsertFirst].
func wellKnown(issuer *url.URL, insertFirst bool) []location {
	origin := issuer.Scheme + "://" + issuer.Host
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	locations := [MaxLocations]location{
		{url: origin + oauthPath + path},
		{url: origin + path + openIDPath, openID: true},
		{url: origin + openIDPath + path, openID: true},
		{url: origin + path + oauthPath, deviation: true},
	}
	if path == "" { // the last two are the same as the first two
		return locations[:2]
	}
	if insertFirst {
		locations[1], locations[2] = locations[2], locations[1]
	}
	return locations[:]
}

// load fetches and parses the document at a location. The media type is not checked, because file servers send any of them,
// and the document must be a JSON object with the right issuer anyway.
func (c *Client) load(ctx context.Context, at location, issuer string) (*Metadata, error) {
	resp, err := fetch.Get(ctx, at.url, fetch.Options{
		Client:    c.HTTPClient,
		Header:    http.Header{"Accept": {"application/json"}}, // RFC 8414 §3.2
		MaxBytes:  c.MaxBytes,
		Timeout:   c.Timeout,
		AllowHTTP: c.InsecureAllowHTTP,
	})
	if err != nil {
		return nil, classify(advised(err))
	}
	m, err := c.parse(issuer, resp.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", at.shown(), err)
	}
	if !resp.IsJSON() {
		m.note(quirk.ContentType, "metadata Content-Type", formatRFC)
	}
	if at.deviation {
		m.note(quirk.Location, "metadata location", "RFC 8414 section 3.1")
	}
	return m, nil
}

// shown returns the URL for an error text. It omits the query, which may contain a secret.
func (at location) shown() string {
	shown, _, _ := strings.Cut(at.url, "?")
	return shown
}

// advised adds to the error of a redirect which setting takes the new location.
func advised(err error) error {
	var redirect *fetch.RedirectError
	if errors.As(err, &redirect) {
		return fmt.Errorf("%w; if the metadata has moved, set MetadataURL to its new location", err)
	}
	return err
}

// isRateLimited reports whether the server has rejected a request because it receives too many. Requests to other locations
// of the same server would make that worse.
func isRateLimited(err error) bool {
	var status *fetch.StatusError
	return errors.As(err, &status) && status.Status == http.StatusTooManyRequests
}
