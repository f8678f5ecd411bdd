package fetch

import (
	"net/netip"
	"net/url"
	"strings"
)

// LoopbackHosts lists the hosts that may use http, for error texts.
const LoopbackHosts = "127.0.0.0/8, ::1, localhost"

// CheckURL returns nil if this package sends requests to raw. Such a URL is absolute, has the scheme https and a host, and
// has neither user information nor a fragment. The scheme http is allowed for loopback addresses (127.0.0.0/8, ::1) and
// localhost, and for all hosts if allowHTTP is true. The error is a *[URLError]. Its text names InsecureAllowHTTP, the
// setting of the caller that allowHTTP comes from.
func CheckURL(raw string, allowHTTP bool) error {
	_, err := ParseURL(raw, allowHTTP)
	return err
}

// ParseURL parses raw. It returns the same error as [CheckURL].
func ParseURL(raw string, allowHTTP bool) (*url.URL, error) {
	return parse(raw, allowHTTP, "; set InsecureAllowHTTP to allow http for all hosts")
}

// ParseSecureURL is ParseURL for callers that have no setting for http.
func ParseSecureURL(raw string) (*url.URL, error) { return parse(raw, false, "") }

// parse is ParseURL. advice says how http can be allowed.
func parse(raw string, allowHTTP bool, advice string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &URLError{Problem: "cannot be parsed"} // the error of url.Parse quotes the text
	}
	problem := ""
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Hostname() == "":
		problem = "is not an absolute https URL, expected https://host/path"
	case u.User != nil:
		problem = "has user information"
	case strings.Contains(raw, "#"): // url.Parse drops an empty fragment
		problem = "has a fragment"
	case u.Scheme == "http" && !allowHTTP && !IsLoopback(u.Hostname()):
		problem = "is not https, and its host is not loopback (" + LoopbackHosts + ")" + advice
	default:
		return u, nil
	}
	return nil, &URLError{URL: display(u), Problem: problem}
}

// IsLoopback reports whether host is localhost or a loopback address. Traffic to it does not leave the machine, so it may
// be without TLS.
func IsLoopback(host string) bool {
	if LowerASCII(host) == "localhost" {
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

// Origin returns the origin of u: scheme, host and port, with an explicit port (RFC 6454, Section 4). Equal origins are
// the same server. The reverse is not true of hosts that are not written in ASCII, which have several forms.
func Origin(u *url.URL) string {
	scheme, port := LowerASCII(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	return scheme + "://" + LowerASCII(u.Hostname()) + ":" + port
}

// LowerASCII returns text with the letters A to Z in lower case. Use it for host names. [strings.ToLower] would turn one
// host into another: it replaces the letter İ (U+0130) by i, but in the domain name system they are different.
func LowerASCII(text string) string {
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' {
			lower[i] = b + 'a' - 'A'
		}
	}
	return string(lower)
}
