package middleware

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// wellKnown is the path of the metadata document of a resource without a path (RFC 9728 section 3).
const wellKnown = resourcemetadata.WellKnown

// MetadataPath returns the path at which clients request the metadata document of Config.Resource (RFC 9728 section 3.1).
// It is empty if Config.Resource is empty.
func (g *Guard) MetadataPath() string { return g.now().metadataPath }

// metadataURL inserts the well-known path between the host and the path of resource (RFC 9728 section 3.1).
func metadataURL(resource string) (*url.URL, error) {
	if resource == "" {
		return &url.URL{}, nil
	}
	u, err := url.Parse(resource)
	if err != nil {
		u = &url.URL{}
	}
	if fault := resourceFault(resource, u); fault != nil {
		return u, fmt.Errorf("middleware: Config.Resource %w", fault)
	}
	location, err := resourcemetadata.URL(resource)
	if err != nil {
		return u, fmt.Errorf("middleware: Config.Resource: %w", err)
	}
	return url.Parse(location)
}

// resourceFault says what is wrong with resource without quoting it, because it may contain a password.
func resourceFault(resource string, u *url.URL) error {
	switch {
	case u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not an https URL")
	case u.Scheme == "http" && !fetch.IsLoopback(u.Hostname()):
		return errors.New("is an http URL, expected https: http is allowed for localhost, 127.0.0.0/8 and ::1 only")
	case u.User != nil:
		return errors.New("contains a user name, expected none")
	case strings.Contains(u.Host, "%"): // the zone of an IPv6 address, which only this machine can interpret
		return errors.New("has a host with a percent sign, expected a name or an address without a zone")
	case strings.ContainsAny(resource, "?#"):
		return errors.New("has a query or a fragment, expected neither")
	case !isPrintable(resource):
		return errors.New("is not printable ASCII")
	}
	return nil
}
