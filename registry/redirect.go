package registry

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const maxRedirect = 2048

// redirectProblem returns why a redirect URI is not allowed, as the Problem of a FieldError, or "" if it is allowed. It
// allows the following URIs (RFC 9700 section 2.1, RFC 8252 section 7):
//
//   - https with a host;
//   - http with a loopback IP literal, and with "localhost" if localhost is true;
//   - a private-use scheme with a dot, which names a domain of the application's owner: com.example.app:/callback.
func redirectProblem(uri string, localhost bool) string {
	if problem := textProblem(uri); problem != "" {
		return problem
	}
	u, err := url.Parse(uri)
	if err != nil {
		return "is not a URI"
	}
	scheme, _, _ := strings.Cut(uri, ":")
	switch {
	case u.Scheme == "" || u.Scheme != scheme:
		return "must begin with a scheme in lower case"
	case u.User != nil:
		return "must not have user information"
	case !isPlainPath(u.EscapedPath()):
		return "must not have a path with dot segments, empty segments, or encoded dots, slashes, percent signs or control characters"
	case !isPlainQuery(u.RawQuery):
		return "must not have a query with a parameter of an authorization response"
	}
	return placeProblem(u, localhost)
}

// textProblem checks the length and the characters of a URI. It rejects the characters on which URI parsers disagree.
func textProblem(uri string) string {
	switch {
	case uri == "" || len(uri) > maxRedirect:
		return "must have 1 to 2048 bytes"
	case !isVisible(uri) || strings.ContainsAny(uri, " \"<>\\^`{|}"):
		return "must not have a character that URIs cannot contain"
	case strings.Contains(uri, "#"):
		return "must not have a fragment"
	case strings.Contains(uri, "*"):
		return "must not have a wildcard"
	}
	return ""
}

// placeProblem checks the scheme of u, and the host as far as the scheme requires one.
func placeProblem(u *url.URL, localhost bool) string {
	switch {
	case u.Scheme == "https":
		return hostProblem(u)
	case u.Scheme == "http" && isLoopback(u.Hostname()), u.Scheme == "http" && localhost && u.Hostname() == "localhost":
		return hostProblem(u)
	case u.Scheme == "http" && u.Hostname() == "localhost":
		return "must be https unless its host is a loopback IP address (127.0.0.0/8, ::1) or Config.InsecureAllowLocalhost is set"
	case u.Scheme == "http":
		return "must be https unless its host is a loopback IP address (127.0.0.0/8, ::1)"
	case !isDomainScheme(u.Scheme):
		return "must have the scheme https, or a private-use scheme with a dot"
	case u.Host != "":
		return hostProblem(u)
	case !u.OmitHost:
		return "must have a host, or a path that begins with one slash, after the scheme"
	}
	return ""
}

// hostProblem checks the host and the port of u. It accepts only their canonical spelling, so that equal hosts are equal
// texts.
func hostProblem(u *url.URL) string {
	host := u.Hostname()
	if !isDomain(host) && !isAddress(host) {
		return "must have a host that is a domain name in lower case or an IP address"
	}
	literal := host
	if strings.Contains(host, ":") {
		literal = "[" + host + "]"
	}
	if port := u.Port(); u.Host != literal && (u.Host != literal+":"+port || !isPort(port)) {
		return "must have a port from 1 to 65535, or none"
	}
	return ""
}

// isPort reports whether text is a port from 1 to 65535 without leading zeros.
func isPort(text string) bool {
	_, err := netip.ParseAddrPort("127.0.0.1:" + text)
	return err == nil && !strings.HasPrefix(text, "0")
}

// isDomain reports whether host is a domain name in lower case. It rejects names whose last label is a number, because
// browsers read "127.1" and "0x7f.1" as IP addresses.
func isDomain(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(host) <= 253 && strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

// isAddress reports whether host is the canonical spelling of an IP address without a zone.
func isAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.String() == host && addr.Zone() == "" && !addr.Is4In6()
}

// isLoopback reports whether host is a loopback IP address. The name localhost is not one.
func isLoopback(host string) bool {
	return isAddress(host) && netip.MustParseAddr(host).IsLoopback()
}

// isDomainScheme reports whether scheme has the form of a reversed domain name (RFC 8252 section 7.1). The dot excludes
// schemes such as javascript and data.
func isDomainScheme(scheme string) bool {
	labels := strings.Split(scheme, ".")
	return len(labels) > 1 && !slices.Contains(labels, "")
}

// isPlainPath reports whether all browsers and servers read path in the same way. It rejects dot segments, including
// those before a semicolon, empty segments, and encoded dots, slashes, backslashes, percent signs and control characters.
func isPlainPath(path string) bool {
	if strings.Contains(path, "//") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return false
		}
	}
	return !hasEncoded(path, ".", "/", `\`, "%")
}

// isPlainQuery reports whether query has no parameter of an authorization response (RFC 6749 section 4.1.2, RFC 9207
// section 2). The server adds these, so the client would receive such a parameter twice.
func isPlainQuery(query string) bool {
	values, err := url.ParseQuery(query)
	if err != nil || hasEncoded(query) {
		return false
	}
	for _, name := range []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"} {
		if values.Has(name) {
			return false
		}
	}
	return true
}

// hasEncoded reports whether part contains one of texts, or a control character, as %XX. It returns true if part cannot be
// decoded.
func hasEncoded(part string, texts ...string) bool {
	for i := strings.IndexByte(part, '%'); i >= 0; i = strings.IndexByte(part, '%') {
		octet, err := url.PathUnescape(part[i:min(i+3, len(part))])
		if err != nil || octet[0] < 0x20 || octet[0] == 0x7f || slices.Contains(texts, octet) {
			return true
		}
		part = part[i+3:]
	}
	return false
}

// MatchRedirect reports whether uri equals one of the redirect URIs of c, byte for byte. For http on a loopback IP address,
// the ports may differ, or one of the two may be missing, because a native app cannot choose its port (RFC 8252
// section 7.3). A uri that could not be registered never matches.
func MatchRedirect(c Client, uri string) bool {
	return redirectProblem(uri, true) == "" && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return registered == uri || sameButPort(registered, uri)
	})
}

// sameButPort reports whether both URIs are http on the same loopback IP address, and equal except for their ports.
func sameButPort(registered, uri string) bool {
	host, rest, ok := splitLoopback(registered)
	gotHost, gotRest, gotOK := splitLoopback(uri)
	return ok && gotOK && host == gotHost && rest == gotRest
}

// splitLoopback returns the host of uri and the text after its port. ok is false if uri is not http on a loopback IP address.
func splitLoopback(uri string) (host, rest string, ok bool) {
	after, isHTTP := strings.CutPrefix(uri, "http://")
	if !isHTTP || redirectProblem(uri, false) != "" {
		return "", "", false
	}
	end := len(after)
	if i := strings.IndexAny(after, "/?"); i >= 0 {
		end = i
	}
	u := url.URL{Host: after[:end]}
	return u.Hostname(), after[end:], true
}
