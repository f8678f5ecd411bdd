package consumer

import (
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/profile"
)

// rules are the rules of a profile, with the additions of a Config.
type rules struct{ profile.Rules }

// checkType checks `typ`, so that no other kind of JWT of the same issuer is accepted (RFC 9068 section 4, RFC 8725bis
// sections 3.11 and 3.12).
func (r rules) checkType(mediaType string) error {
	if !slices.Contains(r.Types, mediaType) {
		return newDetail("typ ").quote(mediaType).text(" is not one of ").quoteAll(r.Types).
			text(" (Config.Profile ").text(r.Name).text(")").reject(ReasonType)
	}
	return nil
}

// checkKind rejects a token whose claims show that it is of another kind (RFC 8725bis section 3.12).
func (r rules) checkKind(claims compact.Object, acceptIDToken bool) error {
	m := r.marksIn(claims)
	switch {
	case m.other != "":
		return kindError(m.other, "another kind of token", r.Name)
	case m.idToken != "" && !acceptIDToken:
		return kindError(m.idToken, "an ID token", r.Name)
	case m.nonce && !m.own && !acceptIDToken:
		return kindError("nonce", "an ID token", r.Name)
	case m.signIn != "" && !m.access && !m.own && !r.SignIn && !acceptIDToken:
		return kindError(m.signIn+" without jti and scope", "an ID token", r.Name)
	case m.code && textOf(claims, "sub") == "" && !acceptIDToken:
		return kindError("code without sub", "an authorization response", r.Name)
	}
	for name, accepted := range r.FixedClaims {
		if !slices.Contains(accepted, textOf(claims, name)) {
			return fixedError(name, textOf(claims, name), accepted, r.Name)
		}
	}
	return nil
}

// marks holds the names of claims that show what kind a token is.
type marks struct {
	idToken string // only in ID tokens (OpenID Connect Core sections 2 and 3.1.3.6)
	nonce   bool   // in ID tokens, and in access tokens of a few issuers
	signIn  string // in ID tokens, and sometimes in access tokens (RFC 9068 section 2.2.1)
	access  bool   // has a claim that access tokens have and ID tokens rarely
	own     bool   // has one of Rules.AccessClaims
	code    bool   // has the authorization code of a response as a JWT (JARM section 2.1), which has no sub

	// other is a claim of a security event such as a logout token (RFC 8417 section 2.2), of an introspection response
	// (RFC 9701 section 5), of a DPoP proof (RFC 9449 section 4.2), or of a refresh token.
	other string
}

// marksIn looks for marks in all claims. It returns the last mark of each kind, because one is enough to reject the
// token.
func (r rules) marksIn(claims compact.Object) (m marks) {
	for name, v := range claims.All() {
		m.own = m.own || slices.Contains(r.AccessClaims, name)
		switch name {
		case "nonce":
			m.nonce = true
		case "at_hash", "c_hash", "s_hash":
			m.idToken = name
		case "auth_time", "amr":
			m.signIn = name
		case "jti", "scope", "scp":
			m.access = true
		case "code":
			m.code = true
		case "events":
			if !r.Events {
				m.other = name
			}
		case "token_introspection", "htm", "htu":
			m.other = name
		case "typ", "type", "token_use", "token_type":
			r.readKind(&m, name, v)
		default:
			if slices.Contains(r.ForeignClaims, name) {
				m.other = name
			}
		}
	}
	return m
}

// kind is a kind of token that a claim names.
type kind int

const (
	kindUnknown kind = iota
	kindIDToken
	kindLogoutToken
	kindRefreshToken
)

// kindOf returns the kind that value says, if name is a claim that some issuers use for the kind of token.
func kindOf(name, value string) kind {
	if name != "typ" && name != "type" && name != "token_use" && name != "token_type" {
		return kindUnknown
	}
	switch strings.ToLower(value) {
	case "id", "id_token":
		return kindIDToken
	case "logout":
		return kindLogoutToken
	case "refresh", "refresh_token", "offline":
		return kindRefreshToken
	}
	return kindUnknown
}

// readKind reads a claim that some issuers use for the kind of token. It skips a claim whose value the profile fixes,
// because checkKind compares that one.
func (r rules) readKind(m *marks, name string, v compact.Value) {
	if _, fixed := r.FixedClaims[name]; fixed {
		return
	}
	value, _ := v.Text()
	switch kindOf(name, value) {
	case kindIDToken:
		m.idToken = name
	case kindLogoutToken:
		if !r.Events {
			m.other = name
		}
	case kindRefreshToken:
		m.other = name
	case kindUnknown:
	}
}

// clientOf returns the id of the client, from the first of the claims of the profile that is present.
func (r rules) clientOf(c *claimReader) string {
	for _, name := range r.ClientClaims {
		v, ok := c.Get(name)
		if !ok {
			continue
		}
		if name != "aud" {
			return c.text(name, v)
		}
		if audience := c.list(name, v); len(audience) == 1 {
			return audience[0]
		}
	}
	return ""
}

// textOf returns the string called name, or "" if there is no such string.
func textOf(claims compact.Object, name string) string {
	v, _ := claims.Get(name)
	text, _ := v.Text()
	return text
}
