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
		return []string{g.challenges.textFor(refusal)}
	}
	unused := Refusal{}
	if refusal.Status == http.StatusUnauthorized && refusal.Code != codeInsufficientAuthentication {
		unused.Scopes = refusal.Scopes
	}
	forBearer, forDPoP := refusal, &unused
	if hasScheme(r, schemeDPoP) {
		forDPoP = refusal
		if !hasScheme(r, schemeBearer) {
			forBearer = &unused
		}
	}
	dpop := g.dpop.challenges.textFor(forDPoP)
	switch {
	case g.dpop.cfg.Required:
		return []string{dpop}
	case forDPoP == refusal:
		return []string{dpop, g.challenges.textFor(forBearer)}
	}
	return []string{g.challenges.textFor(forBearer), dpop}
}

// textFor returns the challenge for refusal (RFC 6750 section 3), with the parameters of RFC 9470 section 3. It always contains
// realm.
func (c *challenges) textFor(refusal *Refusal) string {
	if len(refusal.ACRValues) == 0 && refusal.MaxAge <= 0 {
		return c.with(refusal.Code, refusal.Scopes)
	}
	challenge := c.plain(refusal.Code)
	if len(refusal.ACRValues) > 0 {
		challenge += ", acr_values=" + quote(strings.Join(refusal.ACRValues, " "))
	}
	if refusal.MaxAge > 0 {
		challenge += ", max_age=" + quote(strconv.Itoa(refusal.MaxAge))
	}
	return withScopes(challenge, refusal.Scopes)
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
