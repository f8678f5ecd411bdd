package mcpauth

import (
	"net/url"
	"slices"
	"strings"
)

// isAmbiguous reports whether a handler could read uri as the URI of another resource: it has a "." or ".." segment, a backslash, an
// invalid percent encoding, or characters that are percent-encoded twice. A handler that reads files, for example, could leave the
// directory of the prefix.
func isAmbiguous(uri string) bool {
	decoded, err := url.PathUnescape(uri)
	if err != nil {
		return true
	}
	// If a second decoding changes the text, handlers that decode once and handlers that decode twice read different URIs.
	if twice, err := url.PathUnescape(decoded); err != nil || twice != decoded || strings.Contains(decoded, `\`) {
		return true
	}
	return slices.ContainsFunc(strings.FieldsFunc(decoded, func(r rune) bool { return strings.ContainsRune("/?#", r) }),
		func(segment string) bool { return segment == "." || segment == ".." })
}

// similar is a key of Config.Resources in the form that normal returns. It finds all URIs that a handler could read as a URI of this
// key.
type similar struct {
	text   string // the normal form of the key, without "*"
	prefix bool   // whether the key ends in "*"
}

func similarTo(key string, prefix bool) similar {
	text := normal(key)
	if !prefix {
		text = withoutQuery(text)
	}
	return similar{text, prefix}
}

// fits reports whether the key applies to a URI. text is its normal form, and path is text without query and fragment, which
// a handler may ignore.
func (s similar) fits(text, path string) bool {
	if s.prefix {
		return strings.HasPrefix(text, s.text)
	}
	return path == s.text
}

// normal returns a form of a URI that is equal for all URIs that handlers often confuse: decoded, in lower case, without user and
// port, and with single slashes. URIs of different resources may have the same form. So the form must only be used to reject a URI,
// never to admit it.
func normal(uri string) string {
	if decoded, err := url.PathUnescape(uri); err == nil {
		uri = decoded
	}
	uri = strings.ToLower(strings.ToUpper(uri)) // also for letters that have several lower-case forms
	// "a://user@host:80/b" becomes "a:/host/b", so that it is equal to a URI with any number of slashes.
	scheme, rest, found := strings.Cut(uri, "://")
	if found && !strings.ContainsAny(scheme, "/?#") {
		uri = scheme + ":/" + onlyHost(rest)
	}
	var text strings.Builder
	for i := range len(uri) { // omit each slash that follows a slash
		if i == 0 || uri[i] != '/' || uri[i-1] != '/' {
			text.WriteByte(uri[i])
		}
	}
	return text.String()
}

// onlyHost removes the user, the port and a dot at the end of the host. rest is the part of a URI after "://"; the part that
// follows the host remains.
func onlyHost(rest string) string {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host := rest[strings.LastIndex(rest[:end], "@")+1 : end]
	if port := strings.LastIndex(host, ":"); port >= 0 && strings.Trim(host[port+1:], "0123456789") == "" {
		host = host[:port]
	}
	return strings.TrimSuffix(host, ".") + rest[end:]
}

// withoutQuery removes the query, the fragment and slashes at the end.
func withoutQuery(text string) string {
	if end := strings.IndexAny(text, "?#"); end >= 0 {
		text = text[:end]
	}
	return strings.TrimRight(text, "/")
}
