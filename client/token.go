package client

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
)

// Token is a successful response of a token endpoint (RFC 6749, Section 5.1). It contains secrets. Neither fmt nor slog
// prints them, but encoding a Token as JSON, for a [TokenStore], writes them. The JSON form also has the further members of
// the response; see [Token.Extra].
type Token struct {
	// AccessToken is the credential for the API. TokenType says how to send it: "Bearer" or "DPoP". TokenType is "N_A" if a
	// token exchange returned something that is not an access token (RFC 8693, Section 2.2.1); do not send that to an API.
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`

	// IDClaims is the verified ID token. It is nil if the response had no ID token, if the grant is one whose ID tokens are
	// not verified (see [Client.Grant]), or if the Token was read from a store.
	IDClaims *IDToken `json:"-"`

	// RefreshToken gets the next Token; see [Client.Refresh]. Empty means that the server issued none.
	RefreshToken string `json:"refresh_token,omitzero"`

	// IDToken is the raw ID token, for use as an id_token_hint. Empty means that the response had none.
	IDToken string `json:"id_token,omitzero"`

	// Expiry is when the access token expires, by the clock of this machine. It is zero if the server did not say, or if it
	// sent a lifetime that is negative or not a number, or a lifetime of 0 without a refresh token.
	Expiry time.Time `json:"expiry,omitzero"`

	// Scopes lists the granted scopes. If the response does not list them, they are the requested ones (RFC 6749, Section
	// 5.1).
	Scopes []string `json:"scopes,omitzero"`

	// Issuer and ClientID name the server that issued the token and the client that received it. A [TokenSource] never uses
	// the token of another client. Both are empty in a Token that was not received by this package.
	Issuer   string `json:"issuer,omitzero"`
	ClientID string `json:"client_id,omitzero"`

	// ReceivedAt is when the token was received, by the clock of this machine. If it is in the future in a Token that was
	// read from a store, the clock was set back, and the access token is treated as expired. Zero means unknown.
	ReceivedAt time.Time `json:"received_at,omitzero"`

	response compact.Object // the members of the response, for Extra
	received clock.Instant  // ReceivedAt on both clocks; zero if another process received the token
}

// ExpiresIn returns the time until the access token expires. It is negative for a token that has expired, and zero if
// Expiry is zero. For a Token that this process received, setting the clock back does not extend this time, and time
// during which the machine sleeps counts.
func (t *Token) ExpiresIn() time.Duration {
	left, _ := t.remaining()
	return left
}

// remaining returns how long the access token is still valid. known is false if the server did not send a lifetime.
//
// For a token that this process received, it uses the clock, wall or monotonic, that has advanced further. For one that
// was read from a store, only the wall clock can be used. If that is before ReceivedAt, it was set back, and the token is
// treated as expired.
func (t *Token) remaining() (left time.Duration, known bool) {
	switch now := clock.Now(); {
	case t.Expiry.IsZero():
		return 0, false
	case !t.received.IsZero():
		return t.Expiry.Sub(t.received.Time()) - t.received.AgeAt(now), true
	case now.Time().Before(t.ReceivedAt.Add(-defaultClockSkew)): // another machine's clock may be a little ahead
		return 0, true
	default:
		return t.Expiry.Sub(now.Time()), true
	}
}

// OAuth2 converts t for code that uses golang.org/x/oauth2. Its extra values are the further members of the response, as
// [Token.Extra] returns them, the granted scopes as "scope", and the raw ID token as "id_token". Like every value of that
// type, the result prints its secrets.
func (t *Token) OAuth2() *oauth2.Token {
	token := &oauth2.Token{
		AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, Expiry: t.Expiry,
	}
	extra := make(map[string]any)
	for name, value := range t.response.All() {
		if name != "access_token" && name != "token_type" && name != "refresh_token" {
			extra[name] = value.Any()
		}
	}
	extra["scope"] = strings.Join(t.Scopes, " ")
	if t.IDToken != "" {
		extra["id_token"] = t.IDToken
	}
	return token.WithExtra(extra)
}

// FromOAuth2 converts a token of golang.org/x/oauth2. It is the inverse of [Token.OAuth2], except that Issuer, ClientID,
// ReceivedAt and IDClaims remain zero, and that [Token.Extra] returns nil: the extra values of that type cannot be listed.
func FromOAuth2(token *oauth2.Token) *Token {
	t := &Token{
		AccessToken: token.AccessToken, TokenType: token.Type(), RefreshToken: token.RefreshToken, Expiry: token.Expiry,
	}
	if scope, ok := token.Extra("scope").(string); ok {
		t.Scopes = strings.Fields(scope)
	}
	if idToken, ok := token.Extra("id_token").(string); ok {
		t.IDToken = idToken
	}
	return t
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (t Token) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.Token{"+t.knownType()+"}")
}

// knownType returns TokenType if it is one that this package knows. Any other value is text that the server chose.
func (t Token) knownType() string {
	if slices.Contains([]string{"", "Bearer", "DPoP", tokenTypeNone}, t.TokenType) {
		return t.TokenType
	}
	return "unknown type"
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("type", t.knownType()), slog.Time("expiry", t.Expiry), slog.Any("scopes", slices.Clone(t.Scopes)),
		slog.Bool("refresh_token", t.RefreshToken != ""),
	)
}

// clone returns a copy that shares nothing with t that a caller can change.
func (t *Token) clone() *Token {
	other := *t
	other.Scopes = slices.Clone(t.Scopes)
	return &other
}
