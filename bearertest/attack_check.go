package bearertest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// skip says why the row does not apply. It has no effect if the row sends a request.
func (c *check) skip(reason string) { c.skipped = reason }

// send sends a request of the row.
func (c *check) send(r *http.Request) response {
	c.sent++
	return send(c.handler, r)
}

// reject sends a token in the place of the target. It must be rejected.
func (c *check) reject(what string, token *Token) { c.rejectText(what, token.Sign()) }

// rejectText is reject for a text that may not be a token.
func (c *check) rejectText(what, raw string) {
	if raw == "" {
		c.failures = append(c.failures, c.row.name+": bearertest could not make the token: "+what)
		return
	}
	// A cookie cannot contain all characters; net/http would remove some, and send a valid token (RFC 6265 section 4.1.1).
	if c.place == inCookie && strings.ContainsFunc(raw, notInCookies) {
		c.skip("a cookie cannot contain the text")
		return
	}
	c.rejectRequest(what, describe(raw), c.target.requestWith(raw))
}

// notInCookies reports whether the value of a cookie cannot contain a character as it is.
func notInCookies(letter rune) bool {
	return letter <= ' ' || letter > '~' || strings.ContainsRune("\",;\\", letter)
}

// rejectRequest sends a request, which must be rejected. credential describes the credential without its secret.
func (c *check) rejectRequest(what, credential string, r *http.Request) {
	if got := c.send(r); c.rejection(got) != "" {
		c.fail(what, credential, c.rejection(got), got)
	}
}

// rejection returns why a response is not the rejection of a request, or nothing. A handler that runs although the middleware
// has rejected the request writes the body of the good response after that of the rejection.
func (a *assault) rejection(got response) string {
	const rejected = "a status of 4xx"
	switch body := strings.TrimSpace(a.good.body); {
	case got.panicked != nil:
		return rejected + ", and no panic"
	case got.status >= 500:
		return rejected + ": a request of an attacker must not cause a server error"
	case got.status < 400:
		return rejected
	case len(body) >= 4 && strings.HasSuffix(strings.TrimSpace(got.body), body):
		return "only the rejection: the handler of the route must not run for a rejected request"
	default:
		return ""
	}
}

// survive sends a token that the deployment may accept or reject. It must not panic or fail.
func (c *check) survive(what, raw string) {
	if got := c.send(c.target.requestWith(raw)); got.panicked != nil || got.status >= 500 {
		c.fail(what, describe(raw), "no panic and no server error", got)
	}
}

// accept sends a token, which must be accepted.
func (c *check) accept(what string, token *Token) { c.acceptText(what, token.Sign()) }

// acceptText is accept for a signed token.
func (c *check) acceptText(what, raw string) {
	if got := c.send(c.target.requestWith(raw)); !got.accepted() {
		c.fail(what, describe(raw), "a status of 2xx", got)
	}
}

// maxFailures is the number of failures of a row that are described. One fault often causes many.
const maxFailures = 3

// fail adds a failure.
func (c *check) fail(what, sent, expected string, got response) {
	switch len(c.failures) {
	case maxFailures:
		c.failures = append(c.failures, c.row.name+": further requests of this row failed too")
		return
	case maxFailures + 1:
		return
	}
	c.failures = append(c.failures, fmt.Sprintf("%s: %s\n  sent:     %s, with %s\n  expected: %s\n  received: %v\n  rule:     %s\n  change:   %s",
		c.row.name, what, c.line(), sent, expected, got, c.row.rule.source, c.row.rule.change))
}

// describe describes a token without its signature.
func describe(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) == 3 {
		header, headerErr := base64.RawURLEncoding.DecodeString(parts[0])
		claims, claimsErr := base64.RawURLEncoding.DecodeString(parts[1])
		if headerErr == nil && claimsErr == nil {
			signature := "without a signature"
			if parts[2] != "" {
				signature = "signature not shown"
			}
			return fmt.Sprintf("a token with header %s and claims %s, %s", oneLine(string(header)), oneLine(string(claims)), signature)
		}
	}
	// Other texts may contain a signature at any place but the start.
	return fmt.Sprintf("a credential of %d bytes that starts with %q", len(raw), raw[:min(len(raw), 24)])
}

// oneLine returns the start of text without signatures. It is quoted if it contains other characters than those of printable
// ASCII.
func oneLine(text string) string {
	const longest = 300
	text = compactToken.ReplaceAllString(text, "${1}(signature)")
	cut := ""
	if len(text) > longest {
		text, cut = text[:longest], "…"
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return strconv.Quote(text) + cut
		}
	}
	return text + cut
}

// compactToken matches a token whose header and claims are JSON objects.
var compactToken = regexp.MustCompile(`(ey[\w-]+\.ey[\w-]+\.)[\w-]+`)
