package bearertest

import (
	"crypto/rand"
	"maps"
	"time"
)

// What every token says unless a test sets it otherwise.
const (
	client   = "client"
	subject  = "alice"
	lifetime = 5 * time.Minute
)

// AccessToken returns a [Token] with every claim that RFC 9068 §2.2 requires and no other: typ "at+jwt", iss, sub "alice",
// aud (one member, the audience of [IssuerConfig]), client_id "client", a unique jti, iat now, and exp five minutes later.
// The token carries no scope. To add one, call Set("scope", "orders:read").
func (i *Issuer) AccessToken() *Token {
	return i.kind("at+jwt", map[string]any{
		"aud":       []string{i.audience},
		"client_id": client,
	})
}

// IDToken starts an ID token for the client "client" (OIDC Core §2), with a nonce and an auth_time: a token that an API
// must not take for an access token, even one whose `aud` is set to the API.
func (i *Issuer) IDToken() *Token {
	return i.kind("JWT", map[string]any{
		"aud":       []string{client},
		"azp":       client,
		"auth_time": time.Now().Unix(),
		"nonce":     rand.Text(),
	})
}

// LogoutToken starts a logout token for the client "client" (OIDC Back-Channel Logout §2.4), which no API must take for
// an access token either.
func (i *Issuer) LogoutToken() *Token {
	return i.kind("logout+jwt", map[string]any{
		"aud":    []string{client},
		"sid":    rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	})
}

// kind adds what all kinds have.
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
