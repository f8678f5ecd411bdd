package middleware

import (
	"fmt"
	"net/http"
	"strings"
)

// What is wrong with credentials, for operators: the client is told the code alone.
var (
	errOtherScheme   = fmt.Errorf("%w: the Authorization header is of another scheme", ErrNoToken)
	errTwoHeaders    = fmt.Errorf("%w: several Authorization headers", ErrInvalidRequest)
	errBadCredential = fmt.Errorf("%w: the credential is not a token68", ErrInvalidRequest)
	errTwoPlaces     = fmt.Errorf("%w: a token in several places", ErrInvalidRequest)
)

// canWait tells whether the characters of a credential need no look before it is verified: a Consumer refuses
// whatever is not a JWT by itself and without I/O, and most credentials are good.
func (cfg Config) canWait() bool {
	v, ok := cfg.Verifier.(interface{ JWTOnly() bool })
	return ok && v.JWTOnly() && len(cfg.TokenSources) == 0
}

// bearerToken reads the Authorization header (RFC 6750 §2.1). It returns "" where the header is missing, empty or of
// another scheme, since then it holds no bearer token, good or bad.
func bearerToken(r *http.Request) (string, error) {
	lines := r.Header["Authorization"]
	if len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 {
		return "", errTwoHeaders
	}
	credential, ok := strings.CutPrefix(lines[0], "Bearer ") // as nearly every client writes it
	if ok && credential != "" && credential[0] > ' ' {
		return credential, nil
	}
	return unusualToken(lines[0])
}

func unusualToken(line string) (string, error) {
	scheme, credential, _ := strings.Cut(line, " ")
	scheme, _, tab := strings.Cut(scheme, "\t") // which is wrong, but makes no other scheme of it
	if !strings.EqualFold(scheme, "Bearer") {   // RFC 9110 §11.1
		return "", nil
	}
	credential = strings.TrimLeft(credential, " ") // 1*SP (RFC 9110 §11.4)
	if tab || credential == "" {
		return "", errBadCredential
	}
	return credential, nil
}

func missing(r *http.Request) error {
	if len(r.Header["Authorization"]) > 0 {
		return errOtherScheme
	}
	return ErrNoToken
}

// isToken68 follows RFC 9110 §11.2; RFC 6750 §2.1 calls the same b64token.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && inToken68(s)
}

// inToken68 looks at eight characters at a time: all of a token passes through here.
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
var outside = func() (table [256]byte) { //nolint:gochecknoglobals // a table that nothing writes to
	for c := range table {
		table[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		table[c] = 0
	}
	return table
}()
