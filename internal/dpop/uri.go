package dpop

import (
	"errors"
	"slices"
	"strings"
)

// checkURI checks that htu identifies the resource of the request at url. Both are normalized (RFC 3986 sections 6.2.2
// and 6.2.3), and a query and a fragment are ignored (RFC 9449 section 4.3).
func checkURI(htu, url string) error {
	htu, url = withoutQuery(htu), withoutQuery(url)
	// Most clients send the URL in the form that the server sees, and then no normalization is needed.
	if htu == url && !mayHaveDots(url) {
		return nil
	}
	wanted, dots, err := normalized(url)
	if err != nil {
		return reject("the URL of the request: " + err.Error())
	}
	// Clients remove dot segments before they send a request. A router may treat them in another way than the comparison
	// does, so that a proof for one resource would serve another.
	if dots {
		return reject("the URL of the request has dot segments")
	}
	got, _, err := normalized(htu)
	if err != nil {
		return reject("htu: " + err.Error())
	}
	if got != wanted {
		return reject("htu is " + quoted(got) + ", expected the URL of the request, " + quoted(wanted))
	}
	return nil
}

// withoutQuery cuts the query and the fragment.
func withoutQuery(uri string) string {
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		return uri[:i]
	}
	return uri
}

// mayHaveDots reports whether a segment of the path may be "." or "..", also in percent-encoding.
func mayHaveDots(uri string) bool {
	return strings.Contains(uri, "/.") || strings.Contains(uri, "%2e") || strings.Contains(uri, "%2E")
}

// normalized returns the canonical form of an http or https URL without query and fragment. dots reports whether the
// path had dot segments, which are removed.
func normalized(uri string) (canonical string, dots bool, err error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "https" && scheme != "http" {
		return "", false, errors.New("not an http or https URL")
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if authority, err = normalizedAuthority(scheme, authority); err != nil {
		return "", false, err
	}
	if path, err = normalizedPath(path); err != nil {
		return "", false, err
	}
	path, dots = withoutDots(path)
	return scheme + "://" + authority + path, dots, nil
}

// normalizedAuthority returns host and port in lower case, without the default port of the scheme.
func normalizedAuthority(scheme, authority string) (string, error) {
	host, port := authority, ""
	// A colon before the last bracket is a part of an IPv6 address.
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	valid := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~:[]", r)
	}
	if host == "" || strings.ContainsFunc(host, func(r rune) bool { return !valid(r) }) {
		return "", errors.New("the host is missing or not a name or an address") // also a user name, which has an @
	}
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return "", errors.New("two ports")
	}
	if strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", errors.New("the port is not a number")
	}
	host = strings.ToLower(host)
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return host, nil
	}
	return host + ":" + port, nil
}

const upperHex = "0123456789ABCDEF"

// normalizedPath decodes unreserved characters that are percent-encoded, and encodes those that a path may not contain.
// The digits of an encoded character become upper case. An empty path becomes "/".
func normalizedPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	out := make([]byte, 0, len(path)+16)
	for i := 0; i < len(path); i++ {
		c, encoded := path[i], false
		if c == '%' {
			if c, encoded = unhex(path[i+1:]); !encoded {
				return "", errors.New("invalid percent-encoding")
			}
			i += 2
		}
		switch {
		case !encoded && (c < ' ' || c == 0x7f):
			return "", errors.New("control character")
		case isUnreserved(c), !encoded && strings.IndexByte("!$&'()*+,;=:@/", c) >= 0:
			out = append(out, c)
		default:
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(out), nil
}

// unhex decodes the two digits at the start of text.
func unhex(text string) (c byte, ok bool) {
	if len(text) < 2 {
		return 0, false
	}
	for _, digit := range []byte(text[:2]) {
		switch {
		case '0' <= digit && digit <= '9':
			digit -= '0'
		case 'a' <= digit && digit <= 'f':
			digit -= 'a' - 10
		case 'A' <= digit && digit <= 'F':
			digit -= 'A' - 10
		default:
			return 0, false
		}
		c = c<<4 | digit
	}
	return c, true
}

// isUnreserved reports whether percent-encoding c does not change its meaning (RFC 3986 section 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// withoutDots removes the segments "." and ".." from an absolute path (RFC 3986 section 5.2.4). found reports whether
// there were any.
func withoutDots(path string) (clean string, found bool) {
	if !strings.Contains(path, "/.") {
		return path, false
	}
	var kept []string
	segments := strings.Split(path, "/")[1:]
	for i, segment := range segments {
		switch segment {
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		case ".":
		default:
			kept = append(kept, segment)
			continue
		}
		found = true
		if i == len(segments)-1 { // what remains is a directory
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(slices.Clip(kept), "/"), found
}
