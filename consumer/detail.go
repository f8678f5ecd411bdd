package consumer

import (
	"slices"
	"strconv"

	"github.com/bearerkit/bearerkit/internal/hint"
)

// issuerError says that `iss` is not the configured issuer.
func issuerError(got, want string) error {
	if got == "" {
		return newDetail("iss is missing or not a string, expected ").quote(want).text(" (Config.Issuer)").reject(ReasonIssuer)
	}
	return newDetail("iss ").quote(got).text(" is not ").quote(want).text(" (Config.Issuer)").
		hint(hint.Difference(got, want)).reject(ReasonIssuer)
}

// audienceError says that `aud` contains none of the names of this API.
func audienceError(got, want []string) error {
	if len(got) == 0 {
		return newDetail("aud is missing, expected one of ").quoteAll(want).text(" (Config.Audience)").reject(ReasonAudience)
	}
	return newDetail("aud ").quoteSome(got).text(" does not contain any of ").quoteAll(want).text(" (Config.Audience)").
		hint(similar(got, want)).reject(ReasonAudience)
}

// similar returns the first small difference between an element of got and one of want.
func similar(got, want []string) string {
	for _, g := range got[:min(len(got), maxElements)] {
		for _, w := range want {
			if difference := hint.Difference(g, w); difference != "" {
				return difference
			}
		}
	}
	return ""
}

// kindError says which claim shows that the token is not an access token.
func kindError(mark, kind, profile string) error {
	return newDetail(mark).text(" marks ").text(kind).text(", expected an access token (Config.Profile ").text(profile).text(")").
		reject(ReasonType)
}

// fixedError says that a claim does not have one of the values that the profile requires.
func fixedError(name, got string, accepted []string, profile string) error {
	d := newDetail("claim ").quote(name)
	switch {
	case got == "":
		d = d.text(" is missing or not a string")
	case isQuotable(name):
		d = d.text(" is ").quote(got)
	default:
		d = d.text(" has another value")
	}
	d = d.text(", expected one of ").quoteAll(accepted).text(" (Config.Profile ").text(profile)
	if name == "type" { // the claim that Config.TokenType is about
		d = d.text(" or Config.TokenType")
	}
	return d.text(")").reject(ReasonType)
}

// clientError says that the client of the token is not one of those that are accepted. claims are those that may name it.
func clientError(got string, claims, accepted []string) error {
	d := newDetail("client")
	if quoted := quotedClient(got, claims); quoted != "" {
		d = d.text(" ").text(quoted)
	}
	return d.text(" is not one of ").quoteAll(accepted).text(" (Config.ClientIDs)").reject(ReasonClaims)
}

// quotedClient returns the client in quotes, or "" if one of the claims that may name it may be about a user.
func quotedClient(got string, claims []string) string {
	if !areQuotable(claims) {
		return ""
	}
	return quoted(got)
}

// areQuotable reports whether isQuotable is true for all claims.
func areQuotable(claims []string) bool {
	return !slices.ContainsFunc(claims, func(name string) bool { return !isQuotable(name) })
}

// isQuotable reports whether errors may quote the value of the claim called name. A profile can read any claim, so claims
// that are not in this list may be about a user.
func isQuotable(name string) bool {
	switch name {
	case "typ", "type", "token_use", "token_type", "tokenType", "ver", "tid",
		"aud", "client_id", "azp", "appid", "cid", "client", "common_name", "repository", "project_path":
		return true
	}
	return false
}

const (
	maxQuoted   = 100 // bytes of a text from a token
	maxElements = 4   // elements of a list from a token
)

// detail builds [Error.Detail] with one allocation, so that a flood of bad tokens costs little.
type detail []byte

// newDetail begins a detail. Most fit into the buffer, which is on the stack of the caller.
func newDetail(text string) detail { return append(make(detail, 0, 256), text...) }

// text adds a text that is safe to log: a constant, or the name of a claim or profile.
func (d detail) text(text string) detail { return append(d, text...) }

// quote adds a text from a token or a setting. It escapes control characters, so that a token cannot add lines to a
// log.
func (d detail) quote(text string) detail {
	d = strconv.AppendQuote(d, text[:min(len(text), maxQuoted)])
	if len(text) > maxQuoted {
		d = append(d, "..."...)
	}
	return d
}

// hint adds a text that [hint.Difference] returned, unless it is empty.
func (d detail) hint(text string) detail {
	if text == "" {
		return d
	}
	return d.text("; ").text(text)
}

// quoteAll adds a list of settings.
func (d detail) quoteAll(list []string) detail {
	d = append(d, '[')
	for i, element := range list {
		if i > 0 {
			d = append(d, ' ')
		}
		d = d.quote(element)
	}
	return append(d, ']')
}

// quoteSome adds a list from a token, which may be long.
func (d detail) quoteSome(list []string) detail {
	if len(list) <= maxElements {
		return d.quoteAll(list)
	}
	d = d.quoteAll(list[:maxElements]).text(" and ")
	return detail(strconv.AppendInt(d, int64(len(list)-maxElements), 10)).text(" more")
}

// reject returns the error with d as its Detail.
func (d detail) reject(reason Reason) error { return reject(reason, string(d)) }
