// Package token68 checks the characters of credentials. A credential of the form token68 (RFC 9110 section 11.2) means the same
// in every header, form and URL. RFC 6750 section 2.1 requires it of bearer tokens, and calls it b64token.
package token68

import "strings"

// Is reports whether s is a token68: at least one character that [IsByte] accepts, and then any number of "=".
func Is(s string) bool {
	s = strings.TrimRight(s, "=") // padding may only be at the end
	return s != "" && allIn(s)
}

// IsByte reports whether b may be in a token68 before its padding.
func IsByte(b byte) bool { return outside[b] == 0 }

// allIn checks eight characters at a time, because the Guard calls it for every character of a token.
func allIn(s string) bool {
	var bad byte
	for ; len(s) >= 8; s = s[8:] {
		bad |= outside[s[0]] | outside[s[1]] | outside[s[2]] | outside[s[3]] |
			outside[s[4]] | outside[s[5]] | outside[s[6]] | outside[s[7]]
	}
	for i := range len(s) {
		bad |= outside[s[i]]
	}
	return bad == 0
}

// outside is 0 for the characters of a token68 and 1 for all others.
var outside = func() (table [256]byte) { //nolint:gochecknoglobals // a table that is never written to
	for c := range table {
		table[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		table[c] = 0
	}
	return table
}()
