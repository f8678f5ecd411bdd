package inspect

import "strings"

// classify sets Kind and Because.
func (t *Token) classify() {
	parts := strings.Count(t.Raw, ".") + 1
	switch {
	case t.Raw == "":
		t.Kind = KindNothing
	case parts == 5 && t.Header["enc"] != nil:
		t.Kind, t.Because = KindEncrypted, "five parts, and enc in the header"
	case parts == 3 && strings.HasPrefix(t.Raw, "ey") && t.Claims == nil:
		t.Kind, t.Because = KindMalformed, "three parts, but the first two are not JSON objects in base64url"
	case t.Claims == nil:
		t.Kind = KindOpaque
	default:
		t.Kind, t.Because = t.kindOfJWT()
	}
}

// kindOfJWT returns the kind of a JWT. The type in the header counts before the claims (RFC 8725 section 3.11).
func (t *Token) kindOfJWT() (Kind, string) {
	typ := strings.TrimPrefix(strings.ToLower(t.Parameter("typ")), "application/")
	if kind, ok := kindsByType()[typ]; ok {
		return kind, "typ " + typ
	}
	for _, mark := range marks() {
		if value, there := t.Claims[mark.claim]; there && value != nil && (mark.values == "" || mark.matches(value)) {
			return mark.kind, mark.reason()
		}
	}
	return KindJWT, ""
}

// kindsByType maps the header parameter typ to a kind.
func kindsByType() map[string]Kind {
	return map[string]Kind{
		"at+jwt":                    KindAccessToken,   // RFC 9068 section 2.1
		"dpop+jwt":                  KindProof,         // RFC 9449 section 4.2
		"logout+jwt":                KindLogoutToken,   // OpenID Connect Back-Channel Logout section 2.4
		"secevent+jwt":              KindSecurityEvent, // RFC 8417 section 2.3
		"token-introspection+jwt":   KindIntrospection, // RFC 9701 section 5
		"oauth-authz-req+jwt":       KindRequest,       // RFC 9101 section 10.8
		"client-authentication+jwt": KindAssertion,
	}
}

// mark is a claim that shows a kind of token.
type mark struct {
	claim  string
	values string // separated by spaces, in lower case; empty: any value
	kind   Kind
}

func (m mark) matches(value any) bool {
	text, _ := value.(string)
	for _, accepted := range strings.Fields(m.values) {
		if strings.EqualFold(text, accepted) {
			return true
		}
	}
	return false
}

func (m mark) reason() string {
	if m.values != "" {
		return "the value of the claim " + m.claim
	}
	return "the claim " + m.claim
}

// marks returns the marks, the clearest first.
func marks() []mark {
	const idToken = "id idtoken id_token id-token" //nolint:gosec // names of kinds of tokens
	const refresh = "refresh offline refresh-token refresh_token"
	const access = "access bearer dpop access-token access_token at+jwt"
	return []mark{
		{"htm", "", KindProof},
		{"htu", "", KindProof},
		{"events", "", KindSecurityEvent},
		{"token_introspection", "", KindIntrospection},
		{"typ", idToken, KindIDToken},
		{"token_use", idToken, KindIDToken},
		{"type", idToken, KindIDToken},
		{"tokenType", idToken, KindIDToken},
		{"typ", refresh, KindRefreshToken},
		{"token_use", refresh, KindRefreshToken},
		{"type", refresh, KindRefreshToken},
		{"tokenType", refresh, KindRefreshToken},
		{"typ", access, KindAccessToken},
		{"token_use", access, KindAccessToken},
		{"type", access, KindAccessToken},
		{"tokenType", access, KindAccessToken},
		{"at_hash", "", KindIDToken},
		{"c_hash", "", KindIDToken},
		{"scope", "", KindAccessToken},
		{"scp", "", KindAccessToken},
		{"nonce", "", KindIDToken},
	}
}
