package bearertest

import (
	"crypto/rand"
	"maps"
	"time"
)

// The claims of all tokens, unless a test sets others.
const (
	client   = "client"
	subject  = "alice"
	lifetime = 5 * time.Minute
)

// AccessToken returns a [Token] with every claim that RFC 9068 section 2.2 requires and no other: typ "at+jwt", iss, sub "alice",
// aud (one member, the audience of [IssuerConfig]), client_id "client", a unique jti, iat now, and exp five minutes later.
// The token carries no scope. To add one, call Set("scope", "orders:read").
func (i *Issuer) AccessToken() *Token {
	return i.kind("at+jwt", map[string]any{
		"aud":       []string{i.audience},
		"client_id": client,
	})
}

// IDToken returns an ID token for the client "client" (OpenID Connect Core section 2), with a nonce and an auth_time. An API
// must reject it as an access token, even if a test sets `aud` to the API.
func (i *Issuer) IDToken() *Token {
	return i.kind("JWT", map[string]any{
		"aud":       []string{client},
		"azp":       client,
		"auth_time": time.Now().Unix(),
		"nonce":     rand.Text(),
	})
}

// LogoutToken returns a logout token for the client "client" (OpenID Connect Back-Channel Logout section 2.4). An API must
// reject it as an access token.
func (i *Issuer) LogoutToken() *Token {
	return i.kind("logout+jwt", map[string]any{
		"aud":    []string{client},
		"sid":    rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	})
}

// kind returns a token with the given claims and those of all kinds.
func (i *Issuer) kind(typ string, claims map[string]any) *Token {
	now := time.Now()
	maps.Copy(claims, map[string]any{
		"iss": i.url,
		"sub": subject,
		"jti": rand.Text(),
		"iat": now.Unix(),
		"exp": now.Add(lifetime).Unix(),
	})
	return i.Token(typ, claims)
}
