package middleware

import (
	"net/http"
	"strings"
)

// Authentication schemes of challenges. They are compared without case (RFC 9110 section 11.1).
const (
	schemeBearer = "Bearer" // RFC 6750
	schemeDPoP   = "DPoP"   // RFC 9449 section 7.1
)

// schemeOf returns the scheme of an Authorization header. "Bearer\tx" is malformed, but its scheme is still Bearer.
func schemeOf(line string) string {
	if end := strings.IndexAny(line, " \t"); end >= 0 {
		return line[:end]
	}
	return line
}

// hasScheme reports whether one of the Authorization headers of r has the given scheme.
func hasScheme(r *http.Request, scheme string) bool {
	for _, line := range r.Header["Authorization"] {
		if strings.EqualFold(schemeOf(line), scheme) {
			return true
		}
	}
	return false
}

// credentialAfter returns what follows scheme and one or more spaces (RFC 9110 section 11.4).
func credentialAfter(scheme, line string) (string, error) {
	credential := strings.TrimLeft(line[len(scheme):], " ")
	if credential == "" || credential[0] == '\t' {
		return "", errBadCredential
	}
	return credential, nil
}
