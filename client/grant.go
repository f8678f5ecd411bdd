package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
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

// ClientCredentials gets a token for the client itself (RFC 6749, Section 4.4). Without scopes, it requests Config.Scopes.
func (c *Client) ClientCredentials(ctx context.Context, scopes ...string) (*Token, error) {
	return c.grant(ctx, grantClientCredentials, nil, c.scopes(scopes))
}

// Password gets a token for a user name and a password (RFC 6749, Section 4.3). It does not store them. Use another flow if
// there is one: here the client sees the password, and RFC 9700, Section 2.4, forbids this grant. If the server requires a
// second factor, the error is an [*MFARequiredError].
func (c *Client) Password(ctx context.Context, username, password string, scopes ...string) (*Token, error) {
	params := url.Values{"username": {username}, "password": {password}}
	return c.grantAs(ctx, grantPassword, params, c.scopes(scopes), c.signedIn(ctx, IDTokenOptions{}))
}

// Refresh gets a new token for a refresh token (RFC 6749, Section 6). The result always has a refresh token: the new one,
// or the given one if the server did not replace it. Without scopes, the server grants the same scopes as before.
//
// A server that rotates refresh tokens accepts each of them once, and may revoke the whole grant if one arrives twice. So
// call Refresh once for each refresh token, and store the result before you use it, for example in Config.OnToken.
// [TokenSource] does both.
//
// An ID token in the response is verified. Refresh cannot check that it is about the user of the sign-in, because it does
// not have the previous ID token. A [TokenSource] checks that.
func (c *Client) Refresh(ctx context.Context, refreshToken string, scopes ...string) (*Token, error) {
	return c.refresh(ctx, &Token{RefreshToken: refreshToken}, scopes, nil)
}

// refresh gets the token after last. It takes from last what the response omits, and requires the response to be about the
// same user. extra has additional parameters.
func (c *Client) refresh(ctx context.Context, last *Token, scopes []string, extra url.Values) (*Token, error) {
	if last.RefreshToken == "" {
		return nil, errors.New("client: the refresh token is empty")
	}
	params := url.Values{"refresh_token": {last.RefreshToken}}
	maps.Copy(params, extra)
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
			return badIDToken(consumer.ReasonClaims, "missing, although the previous one was rejected")
		}
		if t.IDToken == "" { // the user is the same
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

// TokenExchange describes a token exchange request (RFC 8693, Section 2.1).
type TokenExchange struct {
	// SubjectToken identifies the party for which the new token is requested. SubjectTokenType is one of the TokenType
	// constants. Both are required.
	SubjectToken, SubjectTokenType string

	// ActorToken identifies the party that acts for the subject. ActorTokenType is required with it. Empty means that there
	// is none.
	ActorToken, ActorTokenType string

	// RequestedTokenType is the type of the new token. Empty means that the server chooses, usually an access token.
	RequestedTokenType string

	// Scopes, Resource and Audience are those of the new token. Nil means those of the Config.
	Scopes, Resource, Audience []string
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (e TokenExchange) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.TokenExchange{"+e.SubjectTokenType+" "+e.RequestedTokenType+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (e TokenExchange) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("subject_token_type", e.SubjectTokenType), slog.String("requested_token_type", e.RequestedTokenType),
	)
}

// Token types for a [TokenExchange] (RFC 8693, Section 3).
//
//nolint:gosec // G101: names of an RFC
const (
	TokenTypeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"
	TokenTypeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token"
	TokenTypeIDToken      = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeJWT          = "urn:ietf:params:oauth:token-type:jwt"
)

// ExchangeToken gets a token in exchange for another one (RFC 8693). Token.Extra("issued_token_type") is the type of the
// result. To redeem an authorization code, see [Client.ExchangeCode].
func (c *Client) ExchangeToken(ctx context.Context, e TokenExchange) (*Token, error) {
	if e.SubjectToken == "" || e.SubjectTokenType == "" || (e.ActorToken == "") != (e.ActorTokenType == "") {
		return nil, errors.New("client: TokenExchange: SubjectToken and SubjectTokenType are required, and ActorTokenType with ActorToken")
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

// JWTBearer gets a token for an assertion: a JWT that was signed by a party that the server trusts (RFC 7523, Section 2.1).
// Without scopes, it requests Config.Scopes.
func (c *Client) JWTBearer(ctx context.Context, assertion string, scopes ...string) (*Token, error) {
	return c.grant(ctx, grantJWTBearer, url.Values{"assertion": {assertion}}, c.scopes(scopes))
}

// Grant gets a token by a grant type that this package does not have a method for (RFC 6749, Section 4.5). params has the
// parameters of the grant. It may replace values of the Config; [Client.WithParams] says which names are allowed. Without
// scopes, it requests Config.Scopes. An ID token in the response is not verified, as with [Client.ExchangeToken],
// [Client.JWTBearer] and [Client.ClientCredentials]; use [Client.VerifyIDToken].
func (c *Client) Grant(ctx context.Context, grantType string, params url.Values, scopes ...string) (*Token, error) {
	if err := checkExtra(params, nil); err != nil {
		return nil, err
	}
	return c.grant(ctx, grantType, params, c.scopes(scopes))
}

// scopes returns requested, or Config.Scopes if it is empty.
func (c *Client) scopes(requested []string) []string {
	if len(requested) == 0 {
		return c.cfg.Scopes
	}
	return requested
}

// grant is grantAs for grants whose ID tokens are not verified.
func (c *Client) grant(ctx context.Context, grantType string, params url.Values, scopes []string) (*Token, error) {
	return c.grantAs(ctx, grantType, params, scopes, nil)
}

// grantAs sends every token request of this package and reads the response. The order of its steps keeps a token from being
// lost or used too early:
//
//  1. Read the response. If it has a fault, but also a token, return an IncompleteError.
//  2. Call complete, if it is not nil: it verifies the ID token, and adds what the response omits.
//  3. Call Config.OnToken, so that the program can store the token.
//
// A failure in step 2 or 3 is an IncompleteError, too.
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
	a, err := c.post(ctx, destination{endpointToken, target}, all, tokenReply())
	if a == nil {
		return nil, c.mfaRequired(err)
	}
	t, quirks, flaw := c.token(a, grantType, requestedScopes(all, scopes))
	if err == nil {
		err = flaw
	}
	switch {
	case err == nil:
		c.quirks.add(ctx, quirks)
		return c.receive(ctx, t, complete)
	case t.AccessToken == "" && t.RefreshToken == "":
		return nil, err
	}
	return nil, &IncompleteError{Token: t, Err: err}
}

// receive passes on a token that was received. A failure from here on is returned together with the token, so that it is
// not lost.
func (c *Client) receive(ctx context.Context, t *Token, complete func(*Token) error) (*Token, error) {
	if complete != nil {
		if err := complete(t); err != nil {
			return nil, &IncompleteError{Token: t, Err: err}
		}
	}
	if c.cfg.OnToken != nil && !c.forResource {
		if err := c.cfg.OnToken(ctx, t); err != nil {
			return nil, &IncompleteError{Token: t, Err: err, onTokenFailed: true}
		}
	}
	return t, nil
}
