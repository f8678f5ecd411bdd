package middleware

import (
	"strings"
)

// maxForwarded limits the line of a header that a proxy sets, in bytes. Longer ones count as malformed.
const maxForwarded = 4 << 10

// lastLine returns the last line of a header, or "" if the header is absent. The nearest proxy has written that line, or
// has appended to it.
func lastLine(lines []string) string {
	if len(lines) == 0 || len(lines[len(lines)-1]) > maxForwarded {
		return ""
	}
	return lines[len(lines)-1]
}

// lastValue returns the last value of a header with a list of values, or "" if there is none.
func lastValue(lines []string) string {
	line := lastLine(lines)
	return strings.Trim(line[strings.LastIndexByte(line, ',')+1:], " \t")
}

// lastForwarded returns the parameters of the last element of a line of the Forwarded header (RFC 7239 section 4), with
// names in lower case. It reads the whole line, because a quoted value can contain commas. Empty elements and parameters are
// ignored (RFC 9110 section 5.6.1.2). ok is false if any part of the line is malformed, if a parameter is repeated, or if the
// last element is empty: then the nearest proxy has said nothing, and the element before it may come from the client.
func lastForwarded(line string) (pairs map[string]string, ok bool) {
	pairs = make(map[string]string) // of the current element
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "":
			return pairs, len(pairs) > 0
		case line[0] == ',': // a further element, which a proxy nearer to this server has appended
			clear(pairs)
			fallthrough
		case line[0] == ';':
			line = line[1:]
			continue
		}
		name, rest, found := strings.Cut(line, "=")
		name = strings.ToLower(name)
		if _, repeated := pairs[name]; !found || repeated || !isName(name) {
			return nil, false
		}
		if pairs[name], rest, ok = forwardedValue(rest); !ok {
			return nil, false
		}
		line = strings.TrimLeft(rest, " \t")
		if line != "" && line[0] != ',' && line[0] != ';' {
			return nil, false
		}
	}
}

// forwardedValue reads the value of a parameter, a token or a quoted-string (RFC 9110 sections 5.6.2 and 5.6.4), and
// returns the text after it.
func forwardedValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t,;")
		if end < 0 {
			end = len(s)
		}
		// Many proxies send host=api.example.com:8443 without the quotes that the colon requires.
		return s[:end], s[end:], isName(strings.ReplaceAll(s[:end], ":", ""))
	}
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return text.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		text.WriteByte(s[i])
	}
	return "", "", false
}

// isPathPrefix reports whether s is the beginning of a path: it starts with a slash, has no dot segments and no query, and
// consists of the characters of a path (RFC 3986 section 3.3).
func isPathPrefix(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return false
	}
	for segment := range strings.SplitSeq(s[1:], "/") {
		if segment == "" || segment == "." || segment == ".." || !isSegment(segment) {
			return false
		}
	}
	return true
}

// isSegment reports whether s consists of unreserved characters, sub-delims, ":" and "@". Percent-encoding is not accepted:
// a proxy has no reason to use it in a prefix.
func isSegment(s string) bool {
	return strings.Trim(s, alphanumeric+"-._~!$&'()*+,;=:@") == ""
}
