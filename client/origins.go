package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// parseOrigins brings the origins that a caller configured to the form that [fetch.Origin] returns, so that later they can be
// compared as strings. field names the Config field in errors. Each origin must consist of a scheme, a host and an optional
// port: a path would look like a restriction and would not be one.
func parseOrigins(field string, origins []string) ([]string, error) {
	if len(origins) == 0 {
		return nil, fmt.Errorf("client: %s is required", field)
	}
	var parsed []string
	var faults []error
	for i, origin := range origins {
		u, err := fetch.ParseSecureURL(origin) // https, or http on a loopback host
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("client: %s[%d]: %w", field, i, err))
		case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery:
			faults = append(faults, fmt.Errorf("client: %s[%d] must be scheme://host[:port], without a path or query", field, i))
		case strings.Contains(u.Host, "*"):
			faults = append(faults, fmt.Errorf("client: %s[%d] has a wildcard, expected one host: list each origin", field, i))
		default:
			parsed = append(parsed, fetch.Origin(u))
		}
	}
	return parsed, errors.Join(faults...)
}

// allowed reports whether tokens may be sent to u: its origin is in origins, which come from parseOrigins, and the
// connection is encrypted or does not leave this machine.
func allowed(origins []string, u *url.URL) bool {
	return isSecure(u) && slices.Contains(origins, fetch.Origin(u))
}

// isSecure reports whether u is https, or http on a loopback host: nobody on the network can then read the request.
func isSecure(u *url.URL) bool {
	origin := url.URL{Scheme: u.Scheme, Host: u.Host}
	_, err := fetch.ParseSecureURL(origin.String())
	return err == nil
}
