package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/bearerkit/bearerkit/consumer"
)

// Grant types of the token endpoint.
const (
	grantClientCredentials = "client_credentials"
	grantPassword          = "password"
	grantRefreshToken      = "refresh_token"
	grantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // G101: a name of an RFC
	grantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     //nolint:gosec // G101: a name of an RFC
)

// ClientCredentials gets a token for the client itself (RFC 6749 §4.4). Without scopes those of the Config are asked for.
func (c *Client) ClientCredentials(ctx context.Context, scopes ...string) (*Token, error) {
	return c.grant(ctx, grantClientCredentials, nil, c.scopes(scopes))
}

// Password gets a token for a user's name and password (RFC 6749 §4.3), which are not kept. Do not use it where there is
// another way: the client sees the password (RFC 9700 §2.4 forbids it). If a second factor is needed the error is a
// [*MFARequiredError].
func (c *Client) Password(ctx context.Context, username, password string, scopes ...string) (*Token, error) {
	params := url.Values{"username": {username}, "password": {password}}
	return c.grantAs(ctx, grantPassword, params, c.scopes(scopes), c.signedIn(ctx, IDTokenOptions{}))
}

// Refresh gets the next token for a refresh token (RFC 6749 §6). The result has a refresh token in any case: the new one,
// or the one given if the server keeps to it. Without scopes the server grants those it granted before.
//
// A server that rotates refresh tokens takes each of them once, and may withdraw all when one comes twice. Ask once for
// each, and keep what comes: Config.OnToken.
//
// An ID token that comes along is verified. That it is about the same sign-in as before, only [TokenSource] can tell, which
// knows the one before.
func (c *Client) Refresh(ctx context.Context, refreshToken string, scopes ...string) (*Token, error) {
	return c.refresh(ctx, &Token{RefreshToken: refreshToken}, scopes)
}

func (c *Client) refresh(ctx context.Context, last *Token, scopes []string) (*Token, error) {
	if last.RefreshToken == "" {
		return nil, errors.New("client: there is no refresh token")
	}
	params := url.Values{"refresh_token": {last.RefreshToken}}
	t, err := c.grantAs(ctx, grantRefreshToken, params, scopes, func(t *Token) error {
		if t.RefreshToken == "" {
			t.RefreshToken = last.RefreshToken
		}
		if t.Scopes == nil {
			t.Scopes = last.Scopes
		}
		if err := c.signedIn(ctx, IDTokenOptions{anyNonce: true})(t); err != nil {
			return err
		}
		if t.IDToken == "" && last.AccessToken == "" && last.IDToken != "" {
			return badIDToken(consumer.ReasonClaims, "none came, and the one before was refused")
		}
		if t.IDToken == "" { // the person has not changed
			t.IDToken, t.IDClaims = last.IDToken, last.IDClaims
			return nil
		}
		if last.IDToken == "" {
			return nil
		}
		return t.IDClaims.sameSignIn(last.IDToken)
	})
	if incomplete, ok := errors.AsType[*IncompleteError](err); ok && incomplete.Token.RefreshToken == "" {
		incomplete.Token.RefreshToken = last.RefreshToken
	}
	return t, err
}

// TokenExchange is a token exchange (RFC 8693 §2.1).
type TokenExchange struct {
	// SubjectToken speaks for whom the new token is for. SubjectTokenType is one of the TokenType constants. Both are
	// required.
	SubjectToken, SubjectTokenType string

	// ActorToken speaks for who acts on their behalf. Empty: nobody.
	ActorToken, ActorTokenType string

	// RequestedTokenType is what is asked for. Empty: the server chooses, usually an access token.
	RequestedTokenType string

	// Scopes, Resource and Audience are for the new token. Nil: those of the Config.
	Scopes, Resource, Audience []string
}

// Format leaves the secrets out, whatever the verb.
func (e TokenExchange) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.TokenExchange{"+e.SubjectTokenType+" "+e.RequestedTokenType+"}")
}

// LogValue leaves the secrets out.
func (e TokenExchange) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("subject_token_type", e.SubjectTokenType), slog.String("requested_token_type", e.RequestedTokenType),
	)
}

// Token types of RFC 8693 §3.
const (
	TokenTypeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"  //nolint:gosec // G101: a name of an RFC
	TokenTypeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token" //nolint:gosec // G101: a name of an RFC
	TokenTypeIDToken      = "urn:ietf:params:oauth:token-type:id_token"      //nolint:gosec // G101: a name of an RFC
	TokenTypeJWT          = "urn:ietf:params:oauth:token-type:jwt"           //nolint:gosec // G101: a name of an RFC
)

// ExchangeToken gets a token for another (RFC 8693). What kind it is the server says in Token.Extra("issued_token_type").
func (c *Client) ExchangeToken(ctx context.Context, e TokenExchange) (*Token, error) {
	if e.SubjectToken == "" || e.SubjectTokenType == "" || (e.ActorToken == "") != (e.ActorTokenType == "") {
		return nil, errors.New("client: TokenExchange: a token and its type are required together, and those of the subject always")
	}
	params := url.Values{
		"subject_token": {e.SubjectToken}, "subject_token_type": {e.SubjectTokenType},
		"actor_token": {e.ActorToken}, "actor_token_type": {e.ActorTokenType}, "requested_token_type": {e.RequestedTokenType},
	}
	if e.Resource != nil {
		params["resource"] = e.Resource
	}
	if e.Audience != nil {
		params["audience"] = e.Audience
	}
	return c.grant(ctx, grantTokenExchange, params, c.scopes(e.Scopes))
}

// JWTBearer gets a token for an assertion that somebody trusted by the server has signed (RFC 7523 §2.1).
func (c *Client) JWTBearer(ctx context.Context, assertion string, scopes ...string) (*Token, error) {
	return c.grant(ctx, grantJWTBearer, url.Values{"assertion": {assertion}}, c.scopes(scopes))
}

// Grant gets a token by a grant type that this package does not know (RFC 6749 §4.5). params replace what the Config would
// send under the same names; as to which there may be see [Client.WithParams]. An ID token that comes along is not
// verified, here as with [Client.ExchangeToken], [Client.JWTBearer] and [Client.ClientCredentials]: see
// [Client.VerifyIDToken].
func (c *Client) Grant(ctx context.Context, grantType string, params url.Values, scopes ...string) (*Token, error) {
	if err := checkExtra(params, nil); err != nil {
		return nil, err
	}
	return c.grant(ctx, grantType, params, c.scopes(scopes))
}

func (c *Client) scopes(asked []string) []string {
	if len(asked) == 0 {
		return c.cfg.Scopes
	}
	return asked
}

func (c *Client) grant(ctx context.Context, grantType string, params url.Values, scopes []string) (*Token, error) {
	return c.grantAs(ctx, grantType, params, scopes, nil)
}

// grantAs is the one way to the token endpoint. complete, if set, checks and completes what came.
func (c *Client) grantAs(
	ctx context.Context, grantType string, params url.Values, scopes []string, complete func(*Token) error,
) (*Token, error) {
	all, err := c.parameters(grantType, params, scopes)
	if err != nil {
		return nil, err
	}
	target, err := c.endpoint(ctx, endpointToken)
	if err != nil {
		return nil, err
	}
	a, err := c.post(ctx, target, all, http.StatusOK)
	if a == nil {
		return nil, mfaRequired(err)
	}
	t, flaw := c.token(a, grantType, asked(all, scopes))
	if err == nil {
		err = flaw
	}
	switch {
	case err == nil:
		return c.receive(ctx, t, complete)
	case t.AccessToken == "" && t.RefreshToken == "":
		return nil, err
	}
	return nil, &IncompleteError{Token: t, Err: err}
}

// receive loses nothing: from here on a failure comes together with the token.
func (c *Client) receive(ctx context.Context, t *Token, complete func(*Token) error) (*Token, error) {
	if complete != nil {
		if err := complete(t); err != nil {
			return nil, &IncompleteError{Token: t, Err: err}
		}
	}
	if c.cfg.OnToken != nil {
		if err := c.cfg.OnToken(ctx, t); err != nil {
			return nil, &IncompleteError{Token: t, Err: err, untold: true}
		}
	}
	return t, nil
}
