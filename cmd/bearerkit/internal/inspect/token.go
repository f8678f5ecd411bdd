package inspect

import (
	"encoding/json"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Token is a credential, and what can be read from it without a key. Nothing in it is verified.
type Token struct {
	// Raw is the credential itself.
	Raw string

	// Removed lists what was around the credential and does not belong to it, such as the scheme "Bearer".
	Removed []string

	// Kind says what the credential is, as far as its form and its claims show that.
	Kind Kind

	// Because says which part of the token shows the kind. Empty: only the form does.
	Because string

	// Header and Claims are the decoded parts of a JWT. A part that cannot be decoded is nil, and so are the Claims of a JWE.
	Header, Claims map[string]any
}

// Kind is the kind of a credential.
type Kind string

// The kinds of credentials. The values are part of the JSON output.
const (
	KindAccessToken   Kind = "access token"
	KindJWT           Kind = "JWT" // a JWT that nothing shows to be of a certain kind; usually an access token
	KindIDToken       Kind = "ID token"
	KindRefreshToken  Kind = "refresh token"
	KindLogoutToken   Kind = "logout token"
	KindSecurityEvent Kind = "security event token"
	KindProof         Kind = "DPoP proof"
	KindIntrospection Kind = "introspection response"
	KindRequest       Kind = "authorization request"
	KindAssertion     Kind = "client assertion"
	KindEncrypted     Kind = "encrypted token (JWE)"
	KindOpaque        Kind = "opaque token"
	KindMalformed     Kind = "malformed JWT"
	KindNothing       Kind = "not a token"
)

// IsAccessToken reports whether the credential may be an access token in the form of a JWT.
func (t *Token) IsAccessToken() bool { return t.Kind == KindAccessToken || t.Kind == KindJWT }

// IsJWT reports whether the credential is a signed JWT of any kind.
func (t *Token) IsJWT() bool { return t.Claims != nil }

// Text returns the claim called name if it is a string, and "" otherwise.
func (t *Token) Text(name string) string {
	text, _ := t.Claims[name].(string)
	return text
}

// Parameter returns the header parameter called name if it is a string, and "" otherwise.
func (t *Token) Parameter(name string) string {
	text, _ := t.Header[name].(string)
	return text
}

// List returns the claim called name if it is a string or an array of strings, such as aud.
func (t *Token) List(name string) []string {
	switch v := t.Claims[name].(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, element := range v {
			if text, ok := element.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// ParseToken reads a text that somebody has pasted: a credential, a header line with one, or a token response.
func ParseToken(text string) *Token {
	t := &Token{Raw: text}
	t.unwrap()
	t.read()
	t.classify()
	return t
}

// unwrap removes what is around the credential.
func (t *Token) unwrap() {
	t.strip("white space", strings.TrimSpace)
	if access, ok := responseToken(t.Raw); ok {
		t.Raw = access
		t.Removed = append(t.Removed, "the JSON of a token response")
	}
	t.strip("quotation marks", func(s string) string { return strings.Trim(s, `"'`) })
	t.strip("the name of the header", func(s string) string { return cutFold(s, "Authorization:") })
	t.strip("the scheme Bearer", func(s string) string { return cutFold(s, "Bearer ") })
	t.strip("the scheme DPoP", func(s string) string { return cutFold(s, "DPoP ") })
	t.strip("white space", strings.TrimSpace)
	t.strip("line breaks", func(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) })
}

// strip replaces the credential by the result of cut, and records what was removed.
func (t *Token) strip(what string, cut func(string) string) {
	if shorter := cut(t.Raw); shorter != t.Raw {
		t.Raw = shorter
		if len(t.Removed) == 0 || t.Removed[len(t.Removed)-1] != what {
			t.Removed = append(t.Removed, what)
		}
	}
}

// cutFold removes prefix, in upper or lower case, and the spaces after it.
func cutFold(s, prefix string) string {
	if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return strings.TrimLeft(s[len(prefix):], " ")
	}
	return s
}

// responseToken returns the access token of a token response (RFC 6749 section 5.1).
func responseToken(text string) (string, bool) {
	var response struct {
		AccessToken string `json:"access_token"`
	}
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &response) != nil {
		return "", false
	}
	return response.AccessToken, response.AccessToken != ""
}

// read decodes the parts of a JWT.
func (t *Token) read() {
	parts := strings.Split(t.Raw, ".")
	if len(parts) != 3 && len(parts) != 5 {
		return
	}
	t.Header = decode(parts[0])
	if len(parts) == 3 && t.Header != nil {
		t.Claims = decode(parts[1])
	}
}

// decode returns the JSON object in a part of a JWT, or nil.
func decode(part string) map[string]any {
	text, err := compact.DecodeSegment(strings.TrimRight(part, "="))
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber() // dates keep their text
	var object map[string]any
	if decoder.Decode(&object) != nil {
		return nil
	}
	return object
}
