package interop_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

// clientZitadel is the example server of zitadel. The test acts as its login page.
type clientZitadel struct{ zitadel }

func startClientZitadel(t *testing.T) clientZitadel {
	t.Helper()
	return clientZitadel{startZitadel(t, op.AccessTokenTypeJWT)}
}

// signIn signs the user id2 in.
func (z clientZitadel) signIn(t *testing.T, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	pending := begin(t, c, o)
	token, err := c.Callback(t.Context(), pending, z.comeBack(t, pending))
	if must(t, token, err); token.IDClaims.Subject() != "id2" {
		t.Fatal("another user")
	}
	return token
}

func (z clientZitadel) comeBack(t *testing.T, pending *client.PendingAuthorization) url.Values {
	t.Helper()
	b := newBrowser(t)
	id := b.redirect(t, pending.URL).Query().Get("authRequestID")
	if err := z.store.CheckUsernamePassword("test-user2", "verysecure", id); err != nil {
		t.Fatal(err)
	}
	return b.redirect(t, z.issuer+"authorize/callback?"+url.Values{"id": {id}}.Encode()).Query()
}

func (z clientZitadel) flows() []clientFlow {
	offline := client.AuthorizationOptions{Scopes: []string{"openid", "offline_access"}}
	return []clientFlow{
		{"OpenID Connect, ID token with at_hash, and user information", func(t *testing.T) {
			c := z.as(t, "web", func(cfg *client.Config) { cfg.UseUserInfo = true })
			token := z.signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "profile"}})
			if _, there := token.IDClaims.Claim("at_hash"); !there || token.IDClaims.UserInfo() == nil {
				t.Error(token.IDClaims.Claims())
			}
			_, err := c.VerifyIDToken(t.Context(), token.IDToken, client.IDTokenOptions{AccessToken: "another"})
			if err == nil {
				t.Error("at_hash is not looked at")
			}
			_, err = c.UserInfo(t.Context(), token.AccessToken, "id1")
			refusedBy(t, err, client.ErrBadResponse)
		}},
		{"authorization code without PKCE", func(t *testing.T) {
			z.signIn(t, z.as(t, "web", nil), client.AuthorizationOptions{InsecureNoPKCE: true})
		}},
		{"authorization code, public client", func(t *testing.T) {
			z.signIn(t, z.as(t, "native", public), client.AuthorizationOptions{})
		}},
		{"authorization code, wrong PKCE verifier", func(t *testing.T) {
			c := z.as(t, "web", nil)
			pending, other := begin(t, c, client.AuthorizationOptions{}), begin(t, c, client.AuthorizationOptions{})
			back := z.comeBack(t, pending)
			pending.CodeVerifier = other.CodeVerifier
			_, err := c.Callback(t.Context(), pending, back)
			refusedBy(t, err, client.ErrInvalidGrant)
		}},
		{"client authentication: client_secret_post", func(t *testing.T) {
			z.signIn(t, z.as(t, "post", func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost }), client.AuthorizationOptions{})
		}},
		{"client authentication: private_key_jwt, ES256", func(t *testing.T) {
			c := z.as(t, "jwt", func(cfg *client.Config) {
				cfg.ClientSecret, cfg.Key = "", &client.SigningKey{Private: z.key, Algorithm: "ES256", ID: "own"}
			})
			z.signIn(t, c, client.AuthorizationOptions{})
		}},
		{"client authentication: wrong secret", func(t *testing.T) {
			c := z.as(t, "sid1", func(cfg *client.Config) { cfg.ClientSecret = "wrong" })
			if _, err := c.ClientCredentials(t.Context()); err == nil {
				t.Error("a token for a wrong secret")
			}
		}},
		{"refresh: rotation; the ID token belongs to the same sign-in", func(t *testing.T) {
			c := z.as(t, "web", nil)
			before := z.signIn(t, c, offline)
			source := sourceOf(t, c, client.TokenSourceConfig{Token: before})
			token, err := source.Refresh(t.Context())
			if must(t, token, err); token.RefreshToken == before.RefreshToken || token.IDClaims == nil {
				t.Error("not rotated")
			}
			_, err = c.Refresh(t.Context(), before.RefreshToken)
			refusedBy(t, err, client.ErrInvalidGrant)
		}},
		{"grant: client credentials", func(t *testing.T) {
			token, err := z.as(t, "sid1", nil).ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"grant: token exchange (RFC 8693)", z.exchange},
		{"grant: JWT bearer (RFC 7523)", z.jwtBearer},
		{"device code (RFC 8628)", func(t *testing.T) {
			c, d := z.startDevice(t)
			_, err := c.PollDevice(t.Context(), d.DeviceCode)
			refusedBy(t, err, client.ErrAuthorizationPending)
			succeed(t, z.store.CompleteDeviceAuthorization(t.Context(), d.UserCode, "id2"))
			token, err := c.WaitDevice(t.Context(), d)
			if must(t, token, err); token.IDClaims.Subject() != "id2" {
				t.Error(token)
			}
		}},
		{"device code, denied", func(t *testing.T) {
			c, d := z.startDevice(t)
			succeed(t, z.store.DenyDeviceAuthorization(t.Context(), d.UserCode))
			_, err := c.WaitDevice(t.Context(), d)
			refusedBy(t, err, client.ErrAccessDenied)
		}},
		{"introspection and revocation of an access token", func(t *testing.T) {
			c := z.as(t, "web", nil)
			token := z.signIn(t, c, client.AuthorizationOptions{})
			wantActive(t, c, token.AccessToken, true)
			succeed(t, c.Revoke(t.Context(), token.AccessToken, "access_token"))
			wantActive(t, c, token.AccessToken, false)
		}},
		{"introspection and revocation of a refresh token", func(t *testing.T) {
			c := z.as(t, "web", nil)
			token := z.signIn(t, c, offline)
			succeed(t, c.Revoke(t.Context(), token.RefreshToken, "refresh_token"))
			_, err := c.Refresh(t.Context(), token.RefreshToken)
			refusedBy(t, err, client.ErrInvalidGrant)
			wantActive(t, c, token.AccessToken, false)
		}},
		{"logout by the client", func(t *testing.T) {
			c := z.as(t, "leaving", nil)
			token := z.signIn(t, c, client.AuthorizationOptions{})
			place, err := c.LogoutURL(t.Context(), client.LogoutOptions{IDTokenHint: token.IDToken})
			succeed(t, err)
			newBrowser(t).redirect(t, place)
			wantActive(t, c, token.AccessToken, false)
		}},
	}
}

func (z clientZitadel) exchange(t *testing.T) {
	c := z.as(t, "web", nil)
	user := z.signIn(t, c, client.AuthorizationOptions{}).AccessToken
	token, err := c.ExchangeToken(t.Context(), client.TokenExchange{
		SubjectToken: user, SubjectTokenType: client.TokenTypeAccessToken,
		ActorToken: user, ActorTokenType: client.TokenTypeAccessToken,
		RequestedTokenType: client.TokenTypeAccessToken,
	})
	if must(t, token, err); token.Extra("issued_token_type") != client.TokenTypeAccessToken {
		t.Error(token.Extra("issued_token_type"))
	}
	_, err = c.UserInfo(t.Context(), token.AccessToken, "id2")
	succeed(t, err)
}

func (z clientZitadel) jwtBearer(t *testing.T) {
	c := z.as(t, "web", nil)
	now := time.Now()
	assertion := bearertest.NewIssuer(bearertest.IssuerConfig{}).Token("JWT", map[string]any{
		"iss": "service", "sub": "service", "aud": z.issuer, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}).SetHeader("kid", "own")
	token, err := c.JWTBearer(t.Context(), assertion.SignWith("ES256", z.key).Sign())
	must(t, token, err)
	if _, err := c.JWTBearer(t.Context(), assertion.SignWith("ES256", newKey(t, "ES256")).Sign()); err == nil {
		t.Error("a token for another's assertion")
	}
}

func (z clientZitadel) startDevice(t *testing.T) (*client.Client, *client.DeviceAuthorization) {
	t.Helper()
	c := z.as(t, "dev", nil)
	d, err := c.StartDevice(t.Context(), client.DeviceOptions{})
	succeed(t, err)
	d.Interval = time.Millisecond
	return c, d
}
