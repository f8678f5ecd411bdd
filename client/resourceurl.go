package client

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// checkNamed parses and checks raw, a URL in a document or a challenge that the server at by has sent. The URL must be https, or
// http as InsecureAllowHTTP describes. It must not have a loopback host unless by has one, because a remote server has no reason
// to name a service on the machine of the client.
func (cfg ResourceDiscovery) checkNamed(raw string, by *url.URL) (*url.URL, error) {
	u, err := fetch.ParseURL(raw, cfg.InsecureAllowHTTP)
	switch {
	case err != nil:
		return nil, err
	case isLocal(u.Hostname()) && !isLocal(by.Hostname()):
		return nil, fmt.Errorf("URL %q has a loopback host, expected a host other than this machine, because it comes from %q",
			clip(fetch.Origin(u)), clip(fetch.Origin(by)))
	case !isPlainHost(u.Hostname()) && u.Hostname() != by.Hostname():
		return nil, errors.New("URL has a host that is neither a domain name in ASCII nor an IP address in its standard form")
	}
	return u, nil
}

// isLocal reports whether host is a name or an address of the machine itself: localhost and the names below it (RFC 6761,
// Section 6.3), loopback addresses, and unspecified addresses, to which some systems connect as if they were loopback.
func isLocal(host string) bool {
	name := strings.TrimSuffix(fetch.LowerASCII(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	ip = ip.Unmap()
	return err == nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// isPlainHost reports whether host is a domain name in ASCII, or an IP address in the form that all programs read in the same
// way. Some resolvers read names such as 127.1, 0x7f.1 and 2130706433 as addresses. Before net/http resolves a name that is not
// ASCII, it replaces many characters, for example a full-width letter by the ASCII letter. So such a name can become localhost.
func isPlainHost(host string) bool {
	if strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	name := strings.TrimSuffix(host, ".")
	last := fetch.LowerASCII(name[strings.LastIndexByte(name, '.')+1:])
	return last != "" && !strings.HasPrefix(last, "0x") && strings.Trim(last, "0123456789") != ""
}

// hasDotSegment reports whether the path of u has a segment "." or "..", also in an encoded form (RFC 3986, Section 3.3).
func hasDotSegment(u *url.URL) bool {
	for segment := range strings.SplitSeq(u.Path, "/") { // Path is decoded
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// isSameResource reports whether id and target are equivalent URLs. Letter case and a default port in the origin make no
// difference, and an empty path equals "/" (RFC 3986, Section 6.2).
func isSameResource(id, target *url.URL) bool {
	path := func(u *url.URL) string {
		if u.EscapedPath() == "" {
			return "/"
		}
		return u.EscapedPath()
	}
	return fetch.Origin(id) == fetch.Origin(target) && path(id) == path(target) && id.RawQuery == target.RawQuery
}
