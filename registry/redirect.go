package registry

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const maxRedirect = 2048

// redirectProblem says what is wrong with a redirect URI, or returns "". Good are (RFC 9700 §2.1, RFC 8252 §7):
//
//   - https with a host;
//   - http with a loopback IP literal, and with "localhost" if that is allowed;
//   - a private-use scheme with a dot in it, as the owner of a domain would choose: com.example.app:/callback.
func redirectProblem(uri string, localhost bool) string {
	if problem := textProblem(uri); problem != "" {
		return problem
	}
	u, err := url.Parse(uri)
	if err != nil {
		return "is no URI"
	}
	scheme, _, _ := strings.Cut(uri, ":")
	switch {
	case u.Scheme == "" || u.Scheme != scheme:
		return "does not begin with a scheme in lower case"
	case u.User != nil:
		return "has user information"
	case !isPlainPath(u.EscapedPath()):
		return "has a path that others may read differently"
	case !isPlainQuery(u.RawQuery):
		return "has a query that would be mixed up with the response"
	}
	return placeProblem(u, localhost)
}

// textProblem looks at characters only, so that no parser is asked about what parsers disagree on.
func textProblem(uri string) string {
	switch {
	case uri == "" || len(uri) > maxRedirect:
		return "is empty or longer than 2048 bytes"
	case !isVisible(uri) || strings.ContainsAny(uri, " \"<>\\^`{|}"):
		return "has a character that no URI has"
	case strings.Contains(uri, "#"):
		return "has a fragment"
	case strings.Contains(uri, "*"):
		return "has a wildcard"
	}
	return ""
}

func placeProblem(u *url.URL, localhost bool) string {
	switch {
	case u.Scheme == "https":
		return hostProblem(u)
	case u.Scheme == "http" && isLoopback(u.Hostname()), u.Scheme == "http" && localhost && u.Hostname() == "localhost":
		return hostProblem(u)
	case u.Scheme == "http":
		return "is http, and not on a loopback IP address"
	case !isDomainScheme(u.Scheme):
		return "has a scheme other than https, or a private one with a dot"
	case u.Host != "":
		return hostProblem(u)
	case !u.OmitHost:
		return "has neither a host nor a path after the scheme"
	}
	return ""
}

// hostProblem wants a host that has one spelling, and a port that is a number.
func hostProblem(u *url.URL) string {
	host := u.Hostname()
	if !isDomain(host) && !isAddress(host) {
		return "has a host that is neither a domain name in lower case nor an IP address"
	}
	literal := host
	if strings.Contains(host, ":") {
		literal = "[" + host + "]"
	}
	if port := u.Port(); u.Host != literal && (u.Host != literal+":"+port || !isPort(port)) {
		return "has a port that is no number from 1 to 65535"
	}
	return ""
}

func isPort(text string) bool {
	_, err := netip.ParseAddrPort("127.0.0.1:" + text)
	return err == nil && !strings.HasPrefix(text, "0")
}

// isDomain refuses names whose last label is a number: browsers take "127.1" and "0x7f.1" for addresses.
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

// isAddress takes the canonical spelling only, without a zone.
func isAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.String() == host && addr.Zone() == "" && !addr.Is4In6()
}

func isLoopback(host string) bool {
	return isAddress(host) && netip.MustParseAddr(host).IsLoopback()
}

// isDomainScheme holds for a domain name backwards (RFC 8252 §7.1). Whoever has a dot in a scheme has no javascript: or
// data:.
func isDomainScheme(scheme string) bool {
	labels := strings.Split(scheme, ".")
	return len(labels) > 1 && !slices.Contains(labels, "")
}

// isPlainPath refuses what a browser or a server might resolve or decode to another path: dot segments, also before a
// semicolon, empty segments, and encoded dots, slashes, backslashes, percent signs and control characters.
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

// isPlainQuery refuses parameters that an authorization response has (RFC 6749 §4.1.2, RFC 9207 §2): a client would find
// them twice.
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

// hasEncoded reports whether one of texts, or a control character, stands in part as %XX. A part that cannot be decoded
// has everything.
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

// MatchRedirect reports whether a client may be sent to uri: whether it is one of the client's redirect URIs, byte for
// byte. In those that are http on a loopback IP address the port may differ, or be there on one side only, because a
// native app takes the port that it gets (RFC 8252 §7.3). What could not be registered matches nothing.
func MatchRedirect(c Client, uri string) bool {
	return redirectProblem(uri, true) == "" && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return registered == uri || sameButPort(registered, uri)
	})
}

func sameButPort(registered, uri string) bool {
	host, rest, ok := splitLoopback(registered)
	gotHost, gotRest, gotOK := splitLoopback(uri)
	return ok && gotOK && host == gotHost && rest == gotRest
}

// splitLoopback returns the host and what follows the port.
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
