package fetch

import (
	"net/netip"
	"net/url"
	"strings"
)

// CheckURL returns nil if this package sends requests to raw. Such a URL is absolute, has the scheme https and a host, and
// has neither user information nor a fragment. The scheme http is allowed for loopback addresses (127.0.0.0/8, ::1) and
// localhost, and for all hosts if allowHTTP is true. The error is a *[URLError].
func CheckURL(raw string, allowHTTP bool) error {
	_, err := ParseURL(raw, allowHTTP)
	return err
}

// ParseURL parses raw. It returns the same error as [CheckURL].
func ParseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &URLError{Problem: "cannot be parsed"} // the error of url.Parse quotes the text
	}
	problem := ""
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Hostname() == "":
		problem = "is not an absolute https URL"
	case u.User != nil:
		problem = "has user information"
	case strings.Contains(raw, "#"): // url.Parse drops an empty fragment
		problem = "has a fragment"
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		problem = "is not https"
	default:
		return u, nil
	}
	return nil, &URLError{URL: display(u), Problem: problem}
}

// loopback reports whether host is localhost or a loopback address. Traffic to it does not leave the machine, so it may
// be without TLS.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// display returns u without user information and query, which may contain secrets.
func display(u *url.URL) string {
	if u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// locationOf returns the target of a redirect for an error text.
func locationOf(base *url.URL, location string) string {
	// The header may contain a relative URL (RFC 9110 §10.2.2).
	u, err := base.Parse(location)
	if err != nil {
		return ""
	}
	return display(u)
}
