package middleware

import (
	"errors"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// isToken68 reports whether s is a token68 (RFC 9110 section 11.2), which RFC 6750 section 2.1 calls b64token.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=") // padding may only be at the end
	return s != "" && inToken68(s)
}

// inToken68 checks eight characters at a time, because it reads every character of a token.
func inToken68(s string) bool {
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

// formFirst replaces the error of a rejected credential if the credential is not a token68, because that means 400 and
// not 401 (RFC 6750 section 3.1). It keeps the error if the Verifier could read the token nevertheless. Only
// consumer.ProfileAWSALB reads such tokens: it accepts padding in the middle of a token.
func (p *passage) formFirst(err error) error {
	if !p.guard.jwtOnly || isToken68(p.raw) {
		return err
	}
	e, ok := errors.AsType[*consumer.Error](err)
	if ok && e.Reason != consumer.ReasonMalformed && e.Reason != consumer.ReasonTooLarge {
		return err
	}
	return errBadCredential
}
