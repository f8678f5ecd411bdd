package client

import (
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/internal/challenge"
)

// resourceHint contains the URL of the metadata and the scopes that the challenges of a resource name. The resource may be
// hostile, so the URL must be checked before it is used.
type resourceHint struct {
	metadataURL string
	scopes      []string // nil if the challenge has none
}

// resourceHintIn reads the challenges in header, which may be nil. It ignores a header that cannot be parsed. The metadata URL
// may be in a challenge of any scheme (RFC 9728, Section 5.1). Scopes are read from Bearer and DPoP challenges (RFC 6750,
// Section 3; RFC 9449, Section 7.1). If several challenges have a parameter, that of the first one is used. A list of more than
// 100 scopes is ignored.
func resourceHintIn(header http.Header) resourceHint {
	var hint resourceHint
	all, err := challenge.Parse(header.Values("WWW-Authenticate"))
	if err != nil {
		return hint
	}
	for _, c := range all {
		if hint.metadataURL == "" {
			hint.metadataURL = c.Params["resource_metadata"]
		}
		if hint.scopes == nil && (strings.EqualFold(c.Scheme, "Bearer") || strings.EqualFold(c.Scheme, "DPoP")) {
			hint.scopes = validScopes(strings.Fields(c.Params["scope"]))
		}
	}
	if len(hint.scopes) > maxResourceScopes {
		hint.scopes = nil
	}
	return hint
}

// validScopes returns the elements of scopes that are scope tokens (RFC 6749, Section 3.3), each once. It returns nil if there
// are none.
func validScopes(scopes []string) []string {
	var valid []string
	seen := make(map[string]bool)
	for _, scope := range scopes {
		if isScopeToken(scope) && !seen[scope] {
			seen[scope] = true
			valid = append(valid, scope)
		}
	}
	return valid
}

// isScopeToken reports whether scope is a scope-token (RFC 6749, Section 3.3).
func isScopeToken(scope string) bool {
	for i := range len(scope) {
		if b := scope[i]; b <= ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return false
		}
	}
	return scope != ""
}
