package middleware

import (
	"errors"
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

// credential finds the one token of a request. Every place is looked at: a client that sends a token in two of them is
// refused, whichever is good (RFC 6750 §3.1).
func (g *Guard) credential(r *http.Request) (string, error) {
	found, err := bearerToken(r)
	if err != nil {
		return "", err
	}
	for _, source := range g.cfg.TokenSources {
		token, err := source(r)
		switch {
		case errors.Is(err, ErrNoToken): // here; the other places are yet to be looked at
		case err != nil:
			return "", err
		case token != "" && found != "":
			return "", errTwoPlaces
		case token != "":
			found = token
		}
	}
	if found == "" {
		return "", missing(r)
	}
	return found, nil
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
	scheme, credential := lines[0], ""
	if end := strings.IndexAny(scheme, " \t"); end >= 0 { // a tab is wrong, but makes no other scheme of it
		scheme, credential = scheme[:end], scheme[end:]
	}
	if !strings.EqualFold(scheme, "Bearer") { // RFC 9110 §11.1
		return "", nil
	}
	credential = strings.TrimLeft(credential, " ") // 1*SP (RFC 9110 §11.4)
	if !isToken68(credential) {
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
	for i := range len(s) {
		if !isToken68Byte(s[i]) {
			return false
		}
	}
	return s != ""
}

// The characters of a token68 as two sets of bits, since every byte of every token is looked up.
const (
	letters = 1<<26 - 1
	low     = 1<<'-' | 1<<'.' | 1<<'+' | 1<<'/' | (1<<10-1)<<'0'
	high    = 1<<('_'-64) | 1<<('~'-64) | letters<<('A'-64) | letters<<('a'-64)
)

func isToken68Byte(c byte) bool {
	set := uint64(low)
	if c >= 64 {
		set = high
	}
	return c < 128 && set>>(c%64)&1 == 1
}
