package cli

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxQuoted is the number of bytes of foreign text that Quote writes.
const maxQuoted = 300

// Quote returns text from another party as a quoted string of printable ASCII characters. So the text cannot control the terminal,
// hide a part of itself, or imitate other characters. Quote cuts text of more than 300 bytes.
func Quote(text string) string {
	if len(text) <= maxQuoted {
		return strconv.QuoteToASCII(text)
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.QuoteToASCII(text[:cut]) + "..."
}

// Clean returns text with every character that is not printable replaced by an escape such as \u202e. Newlines remain. Use it for
// messages that may contain text from another party, such as errors.
func Clean(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n' || strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			escape(&b, r)
		}
		i += size
	}
	return b.String()
}

// URL returns a URL without its user information and its query, which may contain secrets, for results and messages. It returns any
// other text unchanged.
func URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw
	}
	u.User, u.RawQuery, u.ForceQuery = nil, "", false
	return u.String()
}

// QuoteURL returns a URL in quotes, as [URL] shows it. It returns [Hidden] for text that is not a URL with a scheme and a host, because a
// user may have passed a token in its place.
func QuoteURL(raw string) string {
	if u, err := url.Parse(raw); err != nil || u.Scheme == "" || u.Host == "" {
		return Hidden
	}
	return Quote(URL(raw))
}

// address matches a URL with user information or a query. Its groups are the scheme, and the host with the path.
var address = regexp.MustCompile(`(?i)\b(https?://)(?:[^\s/?#@"'<>]*@)?([^\s?#"'<>]*)(?:\?[^\s"'<>]*)?`)

// HideURLs returns text in which all http and https URLs lack their user information and their query. Use it for errors and findings,
// which may contain a URL that a user or another party has written.
func HideURLs(text string) string { return address.ReplaceAllString(text, "$1$2") }

// escape writes r as JSON escapes it: as one or two UTF-16 code units.
func escape(b *strings.Builder, r rune) {
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(b, `\u%04x`, unit)
	}
}
