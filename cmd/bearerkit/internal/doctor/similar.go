package doctor

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/hint"
)

// similar reports whether two names of an API differ only in a way that people overlook, or in the prefix api:// with which Microsoft
// Entra writes the id of an API in version 1 of its tokens. Names that differ in characters outside of ASCII are not similar: some of
// these look like ASCII letters, and some are folded to them.
func similar(a, b string) bool {
	return notASCII(a) == notASCII(b) && (hint.Difference(a, b) != "" || strings.TrimPrefix(a, "api://") == strings.TrimPrefix(b, "api://"))
}

// notASCII returns the characters of s that are not ASCII.
func notASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= unicode.MaxASCII {
			return -1
		}
		return c
	}, s)
}

// externalURL returns the origin of the API: of the running API, or of the audience if that is a URL.
func (d *doctor) externalURL() string {
	for _, raw := range append([]string{d.api}, d.cfg.Audience...) {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host
		}
	}
	return "https://api.example.com"
}
