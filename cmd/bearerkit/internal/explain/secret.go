package explain

import (
	"slices"
	"strings"
	"unicode"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// sendable reports whether text may be an opaque token. A token consists of printable ASCII characters without spaces (RFC 6749 appendix
// A.12, RFC 6750 section 2.1). JSON, markup, punctuation and the name of a scheme are not tokens either. text is not empty.
func sendable(text string) bool {
	if strings.EqualFold(text, "Bearer") || strings.EqualFold(text, "DPoP") || strings.ContainsAny(text[:1], "{[<") {
		return false
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return !strings.ContainsFunc(text, odd) && strings.ContainsFunc(text, word)
}

// secrets are members of claims that hold a credential, for example in _claim_sources (OpenID Connect Core section 5.6.2).
func secrets() []string {
	return []string{"access_token", "client_secret", "id_token", "password", "refresh_token"}
}

// scrub returns a JSON value in which the tokens that it contains are replaced. A claim may hold a whole token, such as an aggregated
// claim (OpenID Connect Core section 5.6.2).
func scrub(value any) any {
	switch v := value.(type) {
	case string:
		return cli.HideTokens(v)
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = scrub(element)
		}
		return list
	case map[string]any:
		return scrubObject(v)
	}
	return value
}

// scrubObject is scrub for the members of an object and their names.
func scrubObject(object map[string]any) map[string]any {
	clean := make(map[string]any, len(object))
	for name, value := range object {
		if slices.Contains(secrets(), name) {
			value = cli.Hidden
		}
		clean[cli.HideTokens(name)] = scrub(value)
	}
	return clean
}

// scrubNames is scrub for a list of names.
func scrubNames(names []string) []string {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = cli.HideTokens(name)
	}
	return clean
}

// scrub returns the check without the tokens in its texts, which quote values of the token.
func (c check) scrub() check {
	c.Expected, c.Received, c.Detail = cli.HideTokens(c.Expected), cli.HideTokens(c.Received), cli.HideTokens(c.Detail)
	return c
}
