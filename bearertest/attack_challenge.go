package bearertest

import (
	"fmt"
	"strings"
)

// challenge is one challenge of a WWW-Authenticate field (RFC 9110 section 11.6.1).
type challenge struct {
	scheme     string
	parameters map[string]string // by name in lower case
}

// challenges returns the challenges of a response. problem says why they are malformed.
func (r response) challenges() (found []challenge, problem string) {
	for _, line := range r.header["Www-Authenticate"] {
		for rest := line; rest != ""; {
			var next challenge
			if next, rest, problem = parseChallenge(rest); problem != "" {
				return found, problem
			}
			found = append(found, next)
		}
	}
	return found, ""
}

// parameters returns the challenges that have a parameter with the given value.
func (r response) parameters(name, value string) (found []challenge) {
	all, _ := r.challenges()
	for _, challenge := range all {
		if challenge.parameters[name] == value {
			found = append(found, challenge)
		}
	}
	return found
}

// parseChallenge reads one challenge at the start of text. rest is the text after it and its comma.
func parseChallenge(text string) (c challenge, rest, problem string) {
	scheme, rest := tokenAt(text)
	if scheme == "" {
		return c, "", fmt.Sprintf("%q is not a scheme", oneLine(text))
	}
	c = challenge{scheme: scheme, parameters: make(map[string]string)}
	if rest != "" && rest[0] != ' ' && rest[0] != ',' {
		return c, "", fmt.Sprintf("after the scheme there is %q", oneLine(rest))
	}
	for rest = strings.TrimLeft(rest, " "); rest != ""; {
		name, after := tokenAt(rest)
		if name == "" || !strings.HasPrefix(after, "=") {
			return c, strings.TrimLeft(rest, " ,"), "" // the next challenge
		}
		var value string
		if value, rest, problem = parseValue(after[1:]); problem != "" {
			return c, "", problem
		}
		name = strings.ToLower(name)
		if _, twice := c.parameters[name]; twice {
			return c, "", "the parameter " + name + " occurs twice"
		}
		c.parameters[name] = value
		rest = strings.TrimLeft(rest, " ")
		if rest != "" && rest[0] != ',' {
			return c, "", fmt.Sprintf("after the parameter %s there is %q", name, oneLine(rest))
		}
		rest = strings.TrimLeft(rest, " ,")
	}
	return c, "", ""
}

// parseValue reads a token or a quoted string (RFC 9110 section 5.6).
func parseValue(text string) (value, rest, problem string) {
	if !strings.HasPrefix(text, `"`) {
		value, rest = tokenAt(text)
		if value == "" {
			return "", "", "a parameter has no value"
		}
		return value, rest, ""
	}
	var unquoted strings.Builder
	for i := 1; i < len(text); i++ {
		switch letter := text[i]; {
		case letter == '"':
			return unquoted.String(), text[i+1:], ""
		case letter == '\\' && i+1 < len(text):
			i++
			unquoted.WriteByte(text[i])
		case letter < ' ' && letter != '\t' || letter == 0x7f:
			return "", "", "a value contains a control character"
		default:
			unquoted.WriteByte(letter)
		}
	}
	return "", "", "a quoted string has no end"
}

// tokenAt splits off the token (RFC 9110 section 5.6.2) at the start of text.
func tokenAt(text string) (start, rest string) {
	end := 0
	for end < len(text) && isTokenCharacter(text[end]) {
		end++
	}
	return text[:end], text[end:]
}

// isTokenCharacter reports whether letter may be in a token of HTTP, such as the name of a scheme or of a parameter (RFC 9110
// section 5.6.2).
func isTokenCharacter(letter byte) bool {
	return letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' || letter >= '0' && letter <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", letter) >= 0
}

// valueProblem checks the characters of a parameter (RFC 6750 section 3).
func valueProblem(name, value string) string {
	for i := range len(value) {
		letter := value[i]
		visible := letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\'
		switch name {
		case "error", "error_description", "scope":
			if !visible {
				return fmt.Sprintf("the parameter %s contains the byte %#x", name, letter)
			}
		}
	}
	return ""
}
