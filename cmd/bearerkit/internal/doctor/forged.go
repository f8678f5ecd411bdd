package doctor

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// checkForged checks the response to a second token that is not valid. If the user has given a JWT, it is this one with another
// signature. r is the response to garbage.
func (d *doctor) checkForged(ctx context.Context, r reply) {
	forged := d.forged()
	second := d.send(ctx, "Bearer "+forged)
	if second.status/100 == 2 {
		d.add(Finding{
			Check: "api.forged", Severity: Problem, Actor: ActorAPI, Field: inMiddleware + "Verifier",
			Found:  fmt.Sprintf("A token with a forged signature gets status %d. The API accepts tokens that anyone can make.", second.status),
			Change: "Do not operate this API until it verifies signatures. Guard this route, and set Verifier to a consumer.Consumer.",
		})
		return
	}
	if r.status != http.StatusUnauthorized || r.err != nil || second.status == 0 || second.status == http.StatusTooManyRequests || second.status >= 500 {
		return // there is a finding about r, or there will be one about the token
	}
	text := difference(r, second, d.send(ctx, "Bearer "+garbage))
	if text == "" {
		text = tells(r, second)
	}
	if text == "" {
		d.ok("api.leak", "", "The responses to invalid tokens do not say which check failed.")
		return
	}
	d.add(Finding{
		Check: "api.leak", Severity: Warning, Found: text, Actor: ActorAPI, Field: inMiddleware + "DenyHandler",
		Change: "Send the same response for all invalid tokens, as Guard.Deny does. Write the reason to the log.",
	})
}

// forged returns a token that no issuer has signed.
func (d *doctor) forged() string {
	head, signature, ok := cutLast(d.token.Raw, ".")
	if !ok || !d.token.IsJWT() || len(signature) < 4 {
		return garbage + "2"
	}
	other := "A"
	if strings.Trim(signature, other) == "" {
		other = "B"
	}
	return head + "." + strings.Repeat(other, len(signature)/4*4)
}

// difference says how the responses to garbage and to a forged token differ. They may differ in a Date and in identifiers of the
// request. If again, a second response to garbage, has other identifiers than the first, all words with digits are ignored.
func difference(garbage, forged, again reply) string {
	comparable := func(text string) string { return text }
	if garbage.body != again.body || !slices.Equal(garbage.header.Values("WWW-Authenticate"), again.header.Values("WWW-Authenticate")) {
		comparable = func(text string) string { return identifier.ReplaceAllString(text, "#") }
	}
	challenge := func(r reply) string { return comparable(strings.Join(r.header.Values("WWW-Authenticate"), "\n")) }
	switch {
	case garbage.status != forged.status:
		return fmt.Sprintf("A malformed token gets status %d, and one with a forged signature %d: the status says which check failed.", garbage.status, forged.status)
	case challenge(garbage) != challenge(forged):
		return "A malformed token and one with a forged signature get different challenges: they say which check failed."
	case comparable(garbage.body) != comparable(forged.body):
		return "A malformed token and one with a forged signature get different response bodies: they say which check failed."
	}
	return ""
}

// identifier matches a word with a digit.
var identifier = regexp.MustCompile(`[A-Za-z_-]*[0-9][A-Za-z0-9_:+.-]*`)

// tells says which word of a response is about a single check, or returns "".
func tells(responses ...reply) string {
	words := []string{"expired", "signature", "audience", "issuer", "kid", "malformed", "segments", "algorithm", "not valid yet", "unable to parse"}
	for _, r := range responses {
		text := strings.ToLower(strings.Join(r.header.Values("WWW-Authenticate"), " ") + " " + r.body)
		for _, word := range words {
			if strings.Contains(text, word) {
				return fmt.Sprintf("The response to an invalid token contains the word %q: it says which check failed.", word)
			}
		}
	}
	return ""
}

// cutLast cuts s around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
