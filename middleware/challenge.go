package middleware

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const retryAfter = "5" // seconds; by then the kit has usually retried a failed fetch of keys

// setDenyHeader sets the header fields of the response to a rejected request. Each value is a new slice, so that a change to
// one response does not affect others.
func (g *Guard) setDenyHeader(h http.Header, r *http.Request, refusal *Refusal) {
	h["Cache-Control"] = []string{"no-store"}
	switch refusal.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		h["Www-Authenticate"] = g.challengesFor(r, refusal)
	case http.StatusServiceUnavailable:
		h["Retry-After"] = []string{retryAfter}
	}
	if g.dpop != nil {
		g.dpop.setDenyHeader(h, r, refusal)
	}
}

// challengesFor returns one challenge for each scheme that the Guard accepts. Only the challenge of the scheme that the
// request used has an error code (RFC 9449 section 7.2). It is the first one, because some clients read only one. If the client
// needs a valid token, all challenges have the scopes of the route.
func (g *Guard) challengesFor(r *http.Request, refusal *Refusal) []string {
	if g.dpop == nil {
		return []string{challengeFor(g.challenges, refusal)}
	}
	bearer, dpop := g.challenges[""], g.dpop.challenges[""] // without an error code
	if refusal.Status == http.StatusUnauthorized && refusal.Code != codeInsufficientAuthentication {
		bearer, dpop = withScopes(bearer, refusal.Scopes), withScopes(dpop, refusal.Scopes)
	}
	used := hasScheme(r, schemeDPoP)
	if used {
		dpop = challengeFor(g.dpop.challenges, refusal)
	}
	if g.dpop.cfg.Required {
		return []string{dpop}
	}
	if !used || hasScheme(r, schemeBearer) {
		bearer = challengeFor(g.challenges, refusal)
	}
	if used {
		return []string{dpop, bearer}
	}
	return []string{bearer, dpop}
}

// challengeFor returns the challenge of one scheme (RFC 6750 section 3), with the parameters of RFC 9470 section 3. It always
// contains realm.
func challengeFor(challenges map[string]string, refusal *Refusal) string {
	challenge, known := challenges[refusal.Code]
	if !known {
		challenge = challenges[""] + ", error=" + quote(refusal.Code)
	}
	if len(refusal.ACRValues) > 0 {
		challenge += ", acr_values=" + quote(strings.Join(refusal.ACRValues, " "))
	}
	if refusal.MaxAge > 0 {
		challenge += ", max_age=" + quote(strconv.Itoa(refusal.MaxAge))
	}
	return withScopes(challenge, refusal.Scopes)
}

// withScopes adds the parameter scope (RFC 6750 section 3).
func withScopes(challenge string, scopes []string) string {
	if len(scopes) == 0 {
		return challenge
	}
	return challenge + `, scope="` + strings.Join(scopes, " ") + `"` // a scope has no quotes and backslashes
}

// challengesOf returns the challenges that do not depend on the route, by error code. They are built once, so that a
// flood of invalid tokens costs little.
func challengesOf(bare string, codes ...string) map[string]string {
	challenges := map[string]string{"": bare}
	for _, code := range append(codes,
		codeInvalidRequest, codeInvalidToken, codeInsufficientScope, codeInsufficientAuthentication) {
		challenges[code] = bare + ", error=" + quote(code)
	}
	return challenges
}

// openChallenge returns the beginning that all challenges of a scheme share.
func openChallenge(scheme, realm string, metadata *url.URL) string {
	challenge := scheme + " realm=" + quote(realm)
	if metadata.Host != "" {
		challenge += ", resource_metadata=" + quote(metadata.String()) // RFC 9728 section 5.1
	}
	return challenge
}

// quote returns s, which must be printable ASCII, as a quoted-string (RFC 9110 section 5.6.4).
func quote(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// isPrintable reports whether s consists of printable ASCII characters and spaces.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// isScope reports whether s is a scope-token, the name of one scope (RFC 6749 section 3.3).
func isScope(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, ` "\`)
}

// isCode reports whether s is valid as the parameter error (RFC 6750 section 3).
func isCode(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, `"\`)
}

// addCacheControl adds a directive to Cache-Control, so that it does not weaken an existing one. "private" keeps a response
// out of shared caches, which recognize a token in the Authorization header only.
func addCacheControl(h http.Header, directive string) {
	if !slices.Contains(h["Cache-Control"], directive) {
		h.Add("Cache-Control", directive)
	}
}
