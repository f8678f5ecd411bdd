package mcpauth

import (
	"net/url"
	"slices"
	"strings"
)

// isAmbiguous reports whether a handler could read uri as the URI of another resource: it has dot segments, a backslash, or
// characters that are percent-encoded twice.
func isAmbiguous(uri string) bool {
	decoded, err := url.PathUnescape(uri)
	if err != nil {
		return true
	}
	if twice, err := url.PathUnescape(decoded); err != nil || twice != decoded || strings.Contains(decoded, `\`) {
		return true
	}
	return slices.ContainsFunc(strings.FieldsFunc(decoded, func(r rune) bool { return strings.ContainsRune("/?#", r) }),
		func(segment string) bool { return segment == "." || segment == ".." })
}

// similar finds the URIs that a handler could read as those of one key of Config.Resources.
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

// normal returns the form of a URI in which those that handlers often take for each other are equal: decoded, in lower case,
// without user and port, and with single slashes. It serves only to reject URIs, because it also makes different ones equal.
func normal(uri string) string {
	if decoded, err := url.PathUnescape(uri); err == nil {
		uri = decoded
	}
	uri = strings.ToLower(strings.ToUpper(uri)) // also for letters that have several lower-case forms
	scheme, rest, found := strings.Cut(uri, "://")
	if found && !strings.ContainsAny(scheme, "/?#") {
		uri = scheme + ":/" + onlyHost(rest)
	}
	var text strings.Builder
	for i := range len(uri) {
		if i == 0 || uri[i] != '/' || uri[i-1] != '/' {
			text.WriteByte(uri[i])
		}
	}
	return text.String()
}

// onlyHost removes the user, the port and the dot after the host. rest is the part of a URI after "://".
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
