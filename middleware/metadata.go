package middleware

import (
	"errors"
	"net/url"
	"strings"
)

const wellKnown = "/.well-known/oauth-protected-resource"

// MetadataPath is the path at which clients look for the metadata document of Config.Resource (RFC 9728 §3.1). It is
// empty when there is no Resource.
func (g *Guard) MetadataPath() string { return g.now().metadataPath }

// metadataURL inserts the well-known path between the host and the path of resource (RFC 9728 §3.1).
func metadataURL(resource string) (*url.URL, error) {
	if resource == "" {
		return &url.URL{}, nil
	}
	u, err := url.Parse(resource)
	if err != nil {
		return nil, errors.New("is not a URL") // what is wrong with it may quote it, and it may hold a password
	}
	switch {
	case u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("is not an https URL")
	case u.User != nil:
		return nil, errors.New("holds a user name")
	case strings.ContainsAny(resource, "?#"):
		return nil, errors.New("has a query or a fragment")
	case !isPrintable(resource):
		return nil, errors.New("is not in ASCII")
	}
	return url.Parse("https://" + u.Host + wellKnown + strings.TrimSuffix(u.EscapedPath(), "/"))
}
