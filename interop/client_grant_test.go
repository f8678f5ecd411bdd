package interop_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

func (p *provider) grantFlows() []clientFlow {
	return []clientFlow{
		{"grant: client credentials, renewed by a TokenSource", func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.Scopes = nil })
			source := sourceOf(t, c, client.TokenSourceConfig{Grant: c.ClientCredentials})
			first, err := source.TokenContext(t.Context())
			must(t, first, err)
			second, err := source.Refresh(t.Context())
			if must(t, second, err); first.AccessToken == second.AccessToken {
				t.Error("the same token again")
			}
		}},
		{"grant: password", func(t *testing.T) {
			c := newClient(t, p.register(t, withGrant("password"), nil))
			token, err := c.Password(t.Context(), "alice", "any")
			if must(t, token, err); token.IDClaims.Subject() != "alice" {
				t.Error(token)
			}
			_, err = c.Password(t.Context(), "alice", "wrong")
			refusedBy(t, err, client.ErrInvalidGrant)
		}},
		{"grant: token exchange (RFC 8693)", func(t *testing.T) {
			user := signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{})
			c := newClient(t, p.register(t, withGrant(grantExchange), nil))
			token, err := c.ExchangeToken(t.Context(), client.TokenExchange{SubjectToken: user.AccessToken, SubjectTokenType: client.TokenTypeAccessToken})
			if must(t, token, err); token.Extra("issued_token_type") != client.TokenTypeAccessToken {
				t.Error(token.Extra("issued_token_type"))
			}
			_, err = c.UserInfo(t.Context(), token.AccessToken, "alice")
			succeed(t, err)
		}},
		{"grant: JWT bearer (RFC 7523)", p.jwtBearer},
		{"grant: custom grant type", func(t *testing.T) {
			c := newClient(t, p.register(t, withGrant("password"), nil))
			token, err := c.Grant(t.Context(), "password", url.Values{"username": {"alice"}, "password": {"any"}}, "openid")
			must(t, token, err)
		}},
		{"grant: grant type that the client may not use", func(t *testing.T) {
			_, err := p.as(t, "web", nil).ClientCredentials(t.Context())
			refusedBy(t, err, client.ErrInvalidRequest)
		}},
	}
}

func withGrant(grant string) client.ClientMetadata {
	return client.ClientMetadata{
		GrantTypes: []string{grant}, Extra: map[string]any{"response_types": []string{}, "redirect_uris": []string{}},
	}
}

func (p *provider) jwtBearer(t *testing.T) {
	key := signingKey(t)
	cfg := p.register(t, withGrant(grantBearer), key)
	c := newClient(t, cfg)
	claims := map[string]any{"iss": cfg.ClientID, "sub": "alice", "aud": p.issuer, "exp": time.Now().Add(time.Minute).Unix()}
	assertion := bearertest.NewIssuer(bearertest.IssuerConfig{}).Token("JWT", claims)
	token, err := c.JWTBearer(t.Context(), assertion.SignWith("ES256", key.Private).Sign())
	must(t, token, err)
	_, err = c.UserInfo(t.Context(), token.AccessToken, "alice")
	succeed(t, err)
	_, err = c.JWTBearer(t.Context(), assertion.SignWith("ES256", newKey(t, "ES256")).Sign())
	refusedBy(t, err, client.ErrInvalidGrant)
}

func (p *provider) deviceFlows() []clientFlow {
	return []clientFlow{
		{"device code (RFC 8628)", func(t *testing.T) {
			c, d := p.startDevice(t)
			_, err := c.PollDevice(t.Context(), d.DeviceCode)
			refusedBy(t, err, client.ErrAuthorizationPending)
			newBrowser(t).walk(t, d.VerificationURIComplete, nil)
			token, err := c.WaitDevice(t.Context(), d)
			if must(t, token, err); token.IDClaims.Subject() != "alice" {
				t.Error(token)
			}
			_, err = c.PollDevice(t.Context(), d.DeviceCode)
			refusedBy(t, err, client.ErrInvalidGrant)
		}},
		{"device code, entered by the user", func(t *testing.T) {
			c, d := p.startDevice(t)
			newBrowser(t).walk(t, d.VerificationURI, url.Values{"user_code": {d.UserCode}})
			token, err := c.WaitDevice(t.Context(), d)
			must(t, token, err)
		}},
		{"device code, denied", func(t *testing.T) {
			c, d := p.startDevice(t)
			newBrowser(t).walk(t, d.VerificationURIComplete, url.Values{"abort": {"yes"}})
			_, err := c.WaitDevice(t.Context(), d)
			refusedBy(t, err, client.ErrAccessDenied)
		}},
		{"CIBA, poll", func(t *testing.T) {
			c, a := p.startCIBA(t, "alice")
			token, err := c.WaitCIBA(t.Context(), a)
			if must(t, token, err); token.IDClaims.Subject() != "alice" {
				t.Error(token)
			}
		}},
		{"CIBA, pending for a while", func(t *testing.T) {
			c, a := p.startCIBA(t, "carol")
			_, err := c.PollCIBA(t.Context(), a.AuthReqID)
			refusedBy(t, err, client.ErrAuthorizationPending)
			newBrowser(t).open(t, newRequest(t, http.MethodGet, p.issuer+"/decide/"+a.AuthReqID, ""))
			token, err := c.WaitCIBA(t.Context(), a)
			if must(t, token, err); token.IDClaims.Subject() != "carol" {
				t.Error(token)
			}
		}},
		{"CIBA, denied", func(t *testing.T) {
			c, a := p.startCIBA(t, "bob")
			_, err := c.WaitCIBA(t.Context(), a)
			refusedBy(t, err, client.ErrAccessDenied)
		}},
	}
}

func (p *provider) startDevice(t *testing.T) (*client.Client, *client.DeviceAuthorization) {
	t.Helper()
	c := p.as(t, "pub", public)
	d, err := c.StartDevice(t.Context(), client.DeviceOptions{})
	succeed(t, err)
	d.Interval = time.Millisecond
	return c, d
}

func (p *provider) startCIBA(t *testing.T, user string) (*client.Client, *client.CIBAAuthentication) {
	t.Helper()
	c := p.as(t, "ciba", nil)
	a, err := c.StartCIBA(t.Context(), client.CIBAOptions{LoginHint: user, BindingMessage: "W4SCT"})
	succeed(t, err)
	a.Interval = time.Millisecond
	return c, a
}
