package client

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Token is what a token endpoint has given (RFC 6749 §5.1). It holds secrets, which neither fmt nor slog prints; encoding
// it as JSON, for a [TokenStore], writes them.
type Token struct {
	// AccessToken is for the API. TokenType says how to send it: "Bearer" or "DPoP". It is "N_A" for what a token exchange
	// gave that is no access token, and for no API (RFC 8693 §2.2.1).
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`

	// IDClaims is the verified ID token. Nil: none came, the grant is one whose ID tokens are not verified (see
	// [Client.Grant]), or the Token was stored and read again.
	IDClaims *IDToken `json:"-"`

	// RefreshToken gets the next token. Empty: there is none.
	RefreshToken string `json:"refresh_token,omitzero"`

	// IDToken is the raw ID token, for `id_token_hint`. Empty: none came.
	IDToken string `json:"id_token,omitzero"`

	// Expiry is when the access token ends, by the clock of this machine. Zero: the server did not say, or said something
	// that makes no sense (negative, or not a number).
	Expiry time.Time `json:"expiry,omitzero"`

	// Scopes is what was granted: what was asked for, unless the server said otherwise.
	Scopes []string `json:"scopes,omitzero"`

	answer compact.Object
}

// Extra returns a member of the server's answer as encoding/json decodes it; nil if it has none of that name, and for a
// Token that was not just received.
func (t *Token) Extra(name string) any {
	value, _ := t.answer.Get(name)
	return value.Any()
}

// ExpiresIn is the time until Expiry, and zero where that is not known.
func (t *Token) ExpiresIn() time.Duration {
	if t.Expiry.IsZero() {
		return 0
	}
	return time.Until(t.Expiry)
}

// OAuth2 returns t for code that uses golang.org/x/oauth2.
func (t *Token) OAuth2() *oauth2.Token {
	token := &oauth2.Token{
		AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, Expiry: t.Expiry,
	}
	extra := map[string]any{"scope": strings.Join(t.Scopes, " ")}
	if t.IDToken != "" {
		extra["id_token"] = t.IDToken
	}
	return token.WithExtra(extra)
}

// FromOAuth2 is the way back from [Token.OAuth2].
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

// Format leaves the secrets out, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.Token{"+t.knownType()+"}")
}

// knownType leaves out what a server has made up.
func (t Token) knownType() string {
	if slices.Contains([]string{"", "Bearer", "DPoP", tokenTypeNone}, t.TokenType) {
		return t.TokenType
	}
	return "unknown type"
}

// LogValue leaves the secrets out.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("type", t.knownType()), slog.Time("expiry", t.Expiry), slog.Any("scopes", slices.Clone(t.Scopes)),
		slog.Bool("refresh_token", t.RefreshToken != ""),
	)
}

// clone is for whoever may change a token, or outlive it.
func (t *Token) clone() *Token {
	other := *t
	other.Scopes = slices.Clone(t.Scopes)
	return &other
}
