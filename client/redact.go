package client

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	maxShownText   = 400     // bytes of a server's text in an error text
	maxCheckedText = 1 << 10 // bytes of it that are checked for secrets; the rest is never shown
	maxSecrets     = 100     // that a text is compared with
	maxOpaqueRun   = 31      // characters of a word that cannot be part of a token

	// A text is not shown if it contains this many letters and digits of a secret in a row: half of the secret, but at least
	// minFragment and at most maxFragment.
	minFragment = 8
	maxFragment = 12
)

// secrets are values that must not be in an error text, although a server may repeat them.
type secrets struct {
	values  []string
	public  []string // values that look like secrets, but are not
	tooMany bool     // there are more than values has, so no text is shown
}

// with returns s with further secrets. It drops empty ones.
func (s secrets) with(others ...string) secrets {
	s.values = slices.DeleteFunc(slices.Concat(s.values, others), func(secret string) bool { return secret == "" })
	if len(s.values) > maxSecrets { // only a strange response has so many
		s.values, s.tooMany = nil, true
	}
	return s
}

// secretsSent returns the secrets in a request: its credentials, and all parameters except those that are known to be
// public.
func secretsSent(form url.Values, header http.Header) (s secrets) {
	for name, values := range form {
		if isPublic(name) {
			s.public = append(s.public, values...)
		} else {
			s = s.with(values...)
		}
	}
	for _, name := range []string{"Authorization", "DPoP"} {
		scheme, credential, ok := strings.Cut(header.Get(name), " ")
		if !ok {
			s = s.with(scheme)
			continue
		}
		s = s.with(credential)
		if pair, err := base64.StdEncoding.DecodeString(credential); err == nil && scheme == "Basic" {
			id, secret, _ := strings.Cut(string(pair), ":")
			decoded, _ := url.QueryUnescape(secret)
			s = s.with(secret, decoded)
			s.public = append(s.public, id)
		}
	}
	return s
}

// isPublic reports whether a request parameter is not a secret, and does not describe a person.
func isPublic(name string) bool {
	return slices.Contains([]string{
		"grant_type", "client_id", "redirect_uri", "scope", "resource", "audience", "response_type", "response_mode",
		"token_type_hint", "client_assertion_type", "subject_token_type", "actor_token_type", "requested_token_type",
		"code_challenge_method", "prompt", "display", "ui_locales", "acr_values", "max_age", "challenge_type",
	}, name)
}

// secretsIn returns the members of a response that are secrets, by their names. It also searches objects and arrays in it,
// down to depth levels.
func secretsIn(o compact.Object, depth int) (all []string) {
	for name, value := range o.All() {
		all = append(all, secretsOf(name, value, depth)...)
	}
	return all
}

// secretsOf is secretsIn for the member with this name.
func secretsOf(name string, value compact.Value, depth int) (all []string) {
	switch kind := value.Kind(); {
	case kind == compact.KindObject && depth > 0:
		inner, _ := value.Object()
		return secretsIn(inner, depth-1)
	case kind == compact.KindArray && depth > 0:
		for element := range value.Elements() {
			all = append(all, secretsOf(name, element, depth-1)...)
		}
		return all
	case !isSecretName(name):
		return nil
	}
	text, _ := value.Text()
	return []string{text}
}

// isSecretName reports whether a member of that name may be a secret.
func isSecretName(name string) bool {
	name = strings.ToLower(name)
	return name != "token_type" && slices.ContainsFunc([]string{
		"token", "secret", "password", "assertion", "credential", "device_code", "user_code", "oob_code", "recovery_code",
		"auth_req_id", "request_uri", "barcode_uri",
	}, func(word string) bool { return strings.Contains(name, word) })
}

// quote returns a text of the server for an error text: in quotes, on one line, truncated, and without characters that
// cannot be printed. It returns only a note if the text may contain a secret, and "" for an empty text.
func (s secrets) quote(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text[:min(len(text), maxCheckedText)], " "), func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r)
	}), " ")
	switch {
	case text == "":
		return ""
	case s.in(text):
		return "(the text is omitted: it may contain a credential)"
	}
	return strconv.Quote(clipText(text, maxShownText))
}

// clipText returns at most longest bytes of text, and a mark if some are missing.
func clipText(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// in reports whether text may contain one of s: as a whole, or a part of it, also if it is escaped, or split by characters
// that are not letters or digits. It also reports text that looks like a token of any kind.
func (s secrets) in(text string) bool {
	forms, ok := formsOf(text)
	if s.tooMany || !ok {
		return true
	}
	for _, secret := range s.values {
		lower, letters := strings.ToLower(secret), lettersOf(secret)
		if slices.ContainsFunc(forms, func(form string) bool {
			return hasWord(strings.ToLower(form), lower) || overlaps(lettersOf(form), letters)
		}) {
			return true
		}
	}
	return slices.ContainsFunc(forms, func(form string) bool {
		for _, public := range s.public {
			form = strings.ReplaceAll(form, public, " ")
		}
		return hasOpaqueWord(form)
	})
}

// lettersOf returns the letters and digits of text in lower case.
func lettersOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// hasWord reports whether text contains secret. A secret of up to three characters must be a word of its own, because it is
// part of many words.
func hasWord(text, secret string) bool {
	isOther := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	switch {
	case !strings.Contains(text, secret):
		return false
	case len(secret) > 3 || strings.ContainsFunc(secret, isOther):
		return true
	}
	return slices.Contains(strings.FieldsFunc(text, isOther), secret)
}

// overlaps reports whether text contains a part of secret that must not be shown; see minFragment. Both have only letters
// and digits.
func overlaps(text, secret string) bool {
	size := min(max(len(secret)/2, minFragment), maxFragment)
	parts := make(map[string]bool) // of text, which is short; secret can be long
	for i := 0; i+size <= len(text); i++ {
		parts[text[i:i+size]] = true
	}
	for i := 0; i+size <= len(secret); i++ {
		if parts[secret[i:i+size]] {
			return true
		}
	}
	return false
}

// hasOpaqueWord reports whether text has a word that looks like a token: it is long, and has both letters and digits. A UUID
// does not count, because servers put the id of a request into their descriptions.
func hasOpaqueWord(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isTokenRune(r) }) {
		if len(word) > maxOpaqueRun && !isUUID(word) && strings.ContainsAny(word, "0123456789") &&
			strings.ContainsFunc(word, unicode.IsLetter) {
			return true
		}
	}
	return false
}

// isTokenRune reports whether r may be in a value in base64url, as most tokens are.
func isTokenRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

// isUUID reports whether word has the form of a UUID (RFC 9562, Section 4).
func isUUID(word string) bool {
	parts := strings.Split(word, "-")
	if len(parts) != 5 {
		return false
	}
	for i, length := range []int{8, 4, 4, 4, 12} {
		if len(parts[i]) != length || strings.Trim(strings.ToLower(parts[i]), "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}
