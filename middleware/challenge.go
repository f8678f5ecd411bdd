package middleware

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const retryAfter = "5" // seconds; by then a failed fetch of keys has usually been tried again

// setHeader sets what a refusal says besides status and body. Every value is a slice of its own: whoever changes the
// header of one answer changes no other.
func (g *Guard) setHeader(h http.Header, refusal *Refusal) {
	h["Cache-Control"] = []string{"no-store"} // an answer to this one request
	switch refusal.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		h["Www-Authenticate"] = []string{g.challengeFor(refusal)}
	case http.StatusServiceUnavailable:
		h["Retry-After"] = []string{retryAfter}
	}
}

// challengeFor writes a challenge of RFC 6750 §3. It always has a parameter, since realm always stands in it.
func (g *Guard) challengeFor(refusal *Refusal) string {
	challenge, known := g.challenges[refusal.Code]
	if !known {
		challenge = g.challenges[""] + ", error=" + quote(refusal.Code)
	}
	if len(refusal.Scopes) > 0 {
		challenge += ", scope=" + quote(strings.Join(refusal.Scopes, " "))
	}
	return challenge
}

// challengesOf writes ahead what does not depend on the route: a flood of bad tokens is answered from here.
func challengesOf(realm string, metadata *url.URL) map[string]string {
	bare := openChallenge(realm, metadata)
	challenges := map[string]string{"": bare}
	for _, code := range []string{codeInvalidRequest, codeInvalidToken, codeInsufficientScope} {
		challenges[code] = bare + ", error=" + quote(code)
	}
	return challenges
}

// openChallenge is the part that is the same in every challenge of a Guard.
func openChallenge(realm string, metadata *url.URL) string {
	challenge := "Bearer realm=" + quote(realm)
	if metadata.Host != "" {
		challenge += ", resource_metadata=" + quote(metadata.String()) // RFC 9728 §5.1
	}
	return challenge
}

// quote writes a quoted-string of what is printable (RFC 9110 §5.6.4).
func quote(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// isPrintable holds for what quote can write.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// isScope holds for a scope-token, the one name of a scope (RFC 6749 §3.3).
func isScope(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, ` "\`)
}

// isCode holds for what may stand in the parameter error (RFC 6750 §3).
func isCode(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, `"\`)
}

// keepPrivate keeps a response out of shared caches, which know of a token in the Authorization header only. It adds,
// so as not to loosen what stands there.
func (g *Guard) keepPrivate(w http.ResponseWriter) {
	if len(g.cfg.TokenSources) == 0 {
		return // without a look at the header: net/http copies one that somebody has looked at
	}
	if h := w.Header(); !slices.Contains(h["Cache-Control"], "private") {
		h.Add("Cache-Control", "private")
	}
}
