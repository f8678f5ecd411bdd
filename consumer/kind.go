package consumer

import (
	"slices"
	"strings"
	"unicode"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/profile"
)

// rules are the rules of a profile, with the additions of a Config.
type rules struct{ profile.Rules }

// checkType checks `typ`, so that no other kind of JWT of the same issuer is accepted (RFC 9068 section 4, RFC 8725bis
// sections 3.11 and 3.12).
func (r *rules) checkType(mediaType string) error {
	if !slices.Contains(r.Types, mediaType) {
		return newDetail("typ ").quote(mediaType).text(" is not one of ").quoteAll(r.Types).
			text(" (Config.Profile ").text(r.Name).text(")").reject(ReasonType)
	}
	return nil
}

// checkKind rejects a token whose claims show that it is of another kind (RFC 8725bis section 3.12). It returns the
// deviations of a token that it accepts.
func (r *rules) checkKind(claims compact.Object, acceptIDToken bool) (deviations, error) {
	m := r.marksIn(claims)
	switch { // The marks that nothing outweighs come first.
	case m.other != "":
		return 0, kindError(m.other, "another kind of token", r.Name)
	case m.response != "" && !r.Response && textOf(claims, "sub") == "":
		return 0, kindError(m.response+" without sub", "an authorization response", r.Name)
	case acceptIDToken:
	case m.idToken != "":
		return 0, kindError(m.idToken, "an ID token", r.Name)
	case m.nonce && !m.scope && !m.access:
		return 0, kindError("nonce", "an ID token", r.Name)
	case m.signIn != "" && !m.scope && !m.access && !m.jti && !r.SignIn:
		return 0, kindError(m.signIn+" without jti and scope", "an ID token", r.Name)
	case m.nonce:
		m.found |= nonceInAccessToken
	}
	for name, accepted := range r.FixedClaims {
		if !slices.Contains(accepted, textOf(claims, name)) {
			return 0, fixedError(name, textOf(claims, name), accepted, r.Name)
		}
	}
	return m.found, nil
}

// marks says which claims that show the kind of a token are present.
type marks struct {
	idToken string // the name of a claim that only ID tokens have (OpenID Connect Core sections 2 and 3.1.3.6)
	nonce   bool   // in ID tokens (OpenID Connect Core section 2), and in access tokens of a few issuers
	signIn  string // auth_time or amr: in ID tokens, and sometimes in access tokens (RFC 9068 section 2.2.1)

	// These are evidence of an access token. It outweighs nonce and signIn, except that jti does not outweigh nonce.
	access bool // a claim says so, such as token_use, or one of Rules.AccessClaims is present
	scope  bool // scope or scp
	jti    bool

	// response is a parameter of an authorization response as a JWT, which has no sub (JARM section 2.1).
	response string

	// other is a claim of a security event such as a logout token (RFC 8417 section 2.2), of an introspection response
	// (RFC 9701 section 5), of a DPoP proof (RFC 9449 section 4.2), or of a refresh token.
	other string

	found deviations
}

// marksIn looks for marks in all claims. It returns the last mark of each kind, because one is enough to reject the
// token. A mark in favor of the token must have a value. Of the marks against it, only nonce, auth_time and amr count as
// absent if they have none: access tokens may have these, and some issuers write null for them.
func (r *rules) marksIn(claims compact.Object) (m marks) {
	for name, v := range claims.All() {
		if slices.Contains(r.AccessClaims, name) && !v.IsAbsent(compact.KindString, compact.KindArray) {
			m.access = true
		}
		switch name {
		case "nonce":
			m.nonce = !m.found.isAbsent(inNonce, v, compact.KindString)
		case "auth_time":
			m.addSignIn(inAuthTime, name, v)
		case "amr":
			m.addSignIn(inMethods, name, v)
		case "at_hash", "c_hash", "s_hash":
			m.idToken = name
		case "jti":
			m.jti = !v.IsAbsent(compact.KindString)
		case "scope", "scp":
			m.scope = m.scope || hasNames(v)
		case "code", "error", "access_token", "id_token":
			m.response = name
		case "events":
			if !r.Events {
				m.other = name
			}
		case "token_introspection":
			if !r.Introspection {
				m.other = name
			}
		case "htm", "htu":
			m.other = name
		case "typ", "type", "token_use", "token_type", "tokenType":
			r.readKind(&m, name, v)
		default:
			if slices.Contains(r.ForeignClaims, name) {
				m.other = name
			}
		}
	}
	return m
}

// hasNames reports whether v can hold scopes: it is a string or an array, and not empty.
func hasNames(v compact.Value) bool {
	switch v.Kind() {
	case compact.KindString, compact.KindArray:
		return !v.IsAbsent(compact.KindString, compact.KindArray)
	default:
		return false
	}
}

// addSignIn records auth_time or amr.
func (m *marks) addSignIn(at place, name string, v compact.Value) {
	if !m.found.isAbsent(at, v, compact.KindString, compact.KindArray) {
		m.signIn = name
	}
}

// kind is a kind of token that a claim names.
type kind int

const (
	kindUnknown kind = iota
	kindIDToken
	kindLogoutToken
	kindRefreshToken
	kindAccessToken
)

// kindOf returns the kind that value says, if name is a claim that some issuers use for the kind of token. Issuers write the
// kinds differently, such as refresh_token, refresh-token and RefreshToken.
func kindOf(name, value string) kind {
	switch name {
	case "typ", "type", "token_use", "token_type", "tokenType":
	default:
		return kindUnknown
	}
	switch strings.TrimSuffix(plainKind(value), "+jwt") {
	case "id", "idtoken":
		return kindIDToken
	case "logout", "logouttoken":
		return kindLogoutToken
	case "refresh", "refreshtoken", "offline", "rt":
		return kindRefreshToken
	case "access", "accesstoken", "at":
		return kindAccessToken
	case "bearer", "dpop": // in Keycloak's typ; in token_type it is the type of RFC 6749 and says nothing
		if name == "typ" {
			return kindAccessToken
		}
	}
	return kindUnknown
}

// plainKind returns value in lower case, without spaces, hyphens and underscores.
func plainKind(value string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(" -_", c) {
			return -1
		}
		return unicode.ToLower(c)
	}, value)
}

// readKind reads a claim that some issuers use for the kind of token. If the profile fixes the claim, checkKind compares
// its value, and it cannot be a mark against the token.
func (r *rules) readKind(m *marks, name string, v compact.Value) {
	value, _ := v.Text()
	_, fixed := r.FixedClaims[name]
	switch kind := kindOf(name, value); {
	case kind == kindAccessToken:
		m.access = true
	case fixed || kind == kindUnknown || kind == kindLogoutToken && r.Events:
	case kind == kindIDToken:
		m.idToken = name
	default:
		m.other = name
	}
}

// clientOf returns the id of the client, from the first of the claims of the profile that is present and not empty.
func (r *rules) clientOf(c *claimReader) string {
	for _, name := range r.ClientClaims {
		v, ok := c.Get(name)
		if !ok {
			continue
		}
		if name == "aud" {
			if audience := c.list(inAudience, name, v); len(audience) == 1 {
				return audience[0]
			}
		} else if client := c.text(inClient, name, v); client != "" {
			return client
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
