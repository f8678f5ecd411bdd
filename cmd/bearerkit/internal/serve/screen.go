package serve

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a request.
const (
	maxTarget = 8 << 10 // bytes of path and query
	maxMethod = 32
	maxHost   = 255 + len(":65535")
)

// screen rejects requests that the API could read in another way than the policy.
type screen struct {
	allowSemicolon bool
	allowPercent   bool
	allowOverrides bool
	claimHeaders   map[string]bool // the names of the header fields for the API, in the form of spelling
}

// errScreened is the class of errors for requests that are rejected with 400.
var errScreened = errors.New("the request could be read in several ways")

// check returns the URL of the client's request, whose path is decoded and canonical. The host of o is then in lower case.
func (s *screen) check(o *original) (*url.URL, error) {
	if o.method == "" || len(o.method) > maxMethod || strings.Trim(o.method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return nil, fmt.Errorf("%w: the method is not in upper case", errScreened)
	}
	if err := s.checkNames(o.header); err != nil {
		return nil, err
	}
	if !isWebSocketOnly(o.header["Upgrade"]) {
		return nil, fmt.Errorf("%w: the client sent Upgrade with another protocol than websocket", errScreened)
	}
	host, ok := canonicalHost(o.host)
	if !ok {
		return nil, fmt.Errorf("%w: the host is not a name or an address", errScreened)
	}
	o.host = host
	path, query, _ := strings.Cut(o.target, "?")
	if len(o.target) > maxTarget || !isPrintable(query) || strings.Contains(query, "#") {
		return nil, fmt.Errorf("%w: the target is too long, or the query has characters that no URL has", errScreened)
	}
	decoded, err := s.decodePath(path)
	if err != nil {
		return nil, err
	}
	return &url.URL{Path: decoded, RawQuery: query}, nil
}

// overrides are header fields with which frameworks replace the method or the path of a request.
func overrides() []string {
	return []string{"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"}
}

// checkNames rejects header fields that imitate those of serve, in any spelling: CGI and its successors do not distinguish
// X_Auth_Subject from X-Auth-Subject, and PHP does not distinguish X.Auth.Subject. It also rejects overrides.
func (s *screen) checkNames(header http.Header) error {
	for name := range header {
		spelled := spelling(name)
		if s.claimHeaders[spelled] {
			return fmt.Errorf("%w: the client sent a header field that serve sets (headers)", errScreened)
		}
		if !s.allowOverrides && slices.Contains(overrides(), spelled) {
			return fmt.Errorf("%w: the client sent %s (insecure_allow_overrides)", errScreened, http.CanonicalHeaderKey(spelled))
		}
	}
	return nil
}

// isWebSocketOnly reports whether Upgrade is absent or names WebSocket only. After an upgrade to another protocol, such as h2c, the
// proxy is a tunnel: the client could send requests that no rule checks (RFC 9110 section 7.8).
func isWebSocketOnly(lines []string) bool {
	return len(lines) == 0 || len(lines) == 1 && strings.EqualFold(lines[0], "websocket")
}

// spelling returns a name of a header field in the form in which CGI and PHP compare names: each character other than a letter
// and a digit counts as the same one.
func spelling(name string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(alphanumeric, c) {
			return c
		}
		return '-'
	}, strings.ToLower(name))
}

// canonicalHost returns host in lower case. ok is false unless it is a name without a dot at the end, or an address, with an
// optional port.
func canonicalHost(host string) (lower string, ok bool) {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if port == "" || len(port) > len("65535") || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
	}
	if inner, found := strings.CutPrefix(name, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return strings.ToLower(host), found && err == nil && address.Is6() && address.Zone() == ""
	}
	lower = strings.ToLower(host)
	if len(host) > maxHost || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" { // also a dot at the end
			return "", false
		}
	}
	return lower, true
}

// isPrintable reports whether s consists of printable ASCII characters other than the space.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Characters of a path (RFC 3986 section 3.3), without the semicolon.
const (
	alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	unreserved   = alphanumeric + "-._~"
	pathChars    = unreserved + "/!$&'()*+,=:@"
)

// decodePath returns path without its percent-encoding. It rejects every path that is not canonical: one with an empty
// segment, a dot segment, a character that must be encoded, or an encoded character that need not be. It also rejects
// encoded slashes, backslashes and control characters, and, unless they are allowed, semicolons and encoded percent signs.
func (s *screen) decodePath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("%w: the target does not start with a slash", errScreened)
	}
	var decoded strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			text, err := url.PathUnescape(path[i:min(i+len("%XX"), len(path))])
			if err != nil || !s.mayBeEncoded(text[0]) {
				return "", fmt.Errorf("%w: the path has a percent-encoding that is malformed or not accepted", errScreened)
			}
			c, i = text[0], i+len("XX")
		} else if !strings.Contains(pathChars, string(rune(c))) && (c != ';' || !s.allowSemicolon) {
			return "", fmt.Errorf("%w: the path has a character that is not accepted", errScreened)
		}
		decoded.WriteByte(c)
	}
	plain := decoded.String()
	if !utf8.ValidString(plain) {
		return "", fmt.Errorf("%w: the path is not UTF-8", errScreened)
	}
	segments := strings.Split(plain, "/")[1:]
	for i, segment := range segments {
		name, _, hasParameters := strings.Cut(segment, ";") // some APIs remove parameters before they read the segment
		if name == "." || name == ".." || name == "" && (hasParameters || i < len(segments)-1) {
			return "", fmt.Errorf("%w: the path has an empty segment or a dot segment", errScreened)
		}
	}
	return plain, nil
}

// mayBeEncoded reports whether c may be percent-encoded in a path.
func (s *screen) mayBeEncoded(c byte) bool {
	switch {
	case c < ' ', c == 0x7f, c == '/', c == '\\', strings.IndexByte(unreserved, c) >= 0:
		return false
	case c == '%':
		return s.allowPercent
	case c == ';':
		return s.allowSemicolon
	}
	return true
}
