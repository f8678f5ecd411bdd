package explain

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// hidden takes the place of text that may be a secret.
const hidden = "[token]"

// simple matches text that is short and simple enough to be a misspelled name of a flag or of a profile.
var simple = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// ownName returns text in quotes if it may be a misspelled name. It returns a placeholder otherwise, because the text may be a token.
func ownName(text string) string {
	if simple.MatchString(text) {
		return cli.Quote(text)
	}
	return hidden
}

// flagError describes a fault in the flags. The messages of pflag quote the argument, which may be an opaque token that begins with a
// hyphen.
func flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		return cli.Usagef("unknown flag %s; a TOKEN that begins with a hyphen needs -- before it", ownName(unknown.GetSpecifiedName()))
	case errors.As(err, &value):
		return cli.Usagef("--%s has a value of the wrong type", value.GetFlag().Name)
	case errors.As(err, &missing):
		return cli.Usagef("--%s requires a value", missing.GetFlag().Name)
	}
	return cli.Usagef("unknown flag; a TOKEN that begins with a hyphen needs -- before it")
}

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
			value = hidden
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
