package interop_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
)

// clientDex is Dex with its password database. It accepts ID tokens of a zitadel server for a token exchange.
type clientDex struct {
	dexServer

	upstream  clientZitadel
	loggedOut *logoutReceiver
}

func startClientDex(t *testing.T) clientDex {
	t.Helper()
	d := clientDex{upstream: startClientZitadel(t), loggedOut: newLogoutReceiver(t)}
	d.dexServer = startDex(t, "INTEROP_UPSTREAM="+d.upstream.issuer, "INTEROP_LOGOUT="+d.loggedOut.server.URL+"/logout")
	return d
}

// logoutReceiver receives the logout tokens that Dex sends to the client "web".
type logoutReceiver struct {
	server *httptest.Server
	tokens chan string
}

func newLogoutReceiver(t *testing.T) *logoutReceiver {
	t.Helper()
	r := &logoutReceiver{tokens: make(chan string, 10)}
	r.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r.tokens <- req.PostFormValue("logout_token")
	}))
	t.Cleanup(r.server.Close)
	return r
}

// alice is what the user types into the pages of Dex, and that she consents. If she does not consent, Dex shows an error page and
// sends no response to the client.
func alice() url.Values { return url.Values{"login": {"alice@example.com"}, "approval": {"approve"}} }

func (d clientDex) signIn(t *testing.T, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	return d.signInWith(t, newBrowser(t), c, o)
}

func (d clientDex) signInWith(t *testing.T, b browser, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	pending := begin(t, c, o)
	token, err := c.Callback(t.Context(), pending, d.comeBack(t, b, pending))
	if must(t, token, err); token.IDClaims.Subject() != dexAlice {
		t.Fatalf("another user: %s", token.IDClaims.Subject())
	}
	return token
}

func (d clientDex) comeBack(t *testing.T, b browser, pending *client.PendingAuthorization) url.Values {
	t.Helper()
	return paramsOf(t, b.visit(t, pending.URL, alice()))
}

func (d clientDex) flows() []clientFlow {
	return slices.Concat(d.codeFlows(), d.grantFlows(), d.callFlows())
}

func (d clientDex) codeFlows() []clientFlow {
	return []clientFlow{
		{"authorization code with PKCE", func(t *testing.T) {
			d.signIn(t, d.as(t, "web", nil), client.AuthorizationOptions{})
		}},
		{"authorization code without PKCE", func(t *testing.T) {
			d.signIn(t, d.as(t, "web", nil), client.AuthorizationOptions{InsecureNoPKCE: true})
		}},
		{"authorization code, public client", func(t *testing.T) {
			d.signIn(t, d.as(t, "pub", public), client.AuthorizationOptions{})
		}},
		{"authorization code, wrong PKCE verifier", func(t *testing.T) {
			c := d.as(t, "pub", public)
			pending, other := begin(t, c, client.AuthorizationOptions{}), begin(t, c, client.AuthorizationOptions{})
			back := d.comeBack(t, newBrowser(t), pending)
			pending.CodeVerifier = other.CodeVerifier
			_, err := c.Callback(t.Context(), pending, back)
			refusedBy(t, err, client.ErrInvalidGrant)
		}},
		{"authorization code used twice", d.codeTwice},
		{"OpenID Connect, ID token with at_hash, and user information", d.userInfo},
		{"OpenID Connect Discovery, issuer with a path", d.discovery},
		{"command-line program (RFC 8252), query", func(t *testing.T) { d.loopback(t, loopback.Options{}) }},
		{"command-line program (RFC 8252), redirect URI without a path", func(t *testing.T) {
			d.loopback(t, loopback.Options{Host: "localhost", NoPath: true})
		}},
	}
}

func (d clientDex) grantFlows() []clientFlow {
	offline := client.AuthorizationOptions{Scopes: []string{"openid", "offline_access"}}
	return []clientFlow{
		{"client authentication: client_secret_post", func(t *testing.T) {
			token, err := d.as(t, "cc", func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost }).ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"client authentication: wrong secret", func(t *testing.T) {
			_, err := d.as(t, "cc", func(cfg *client.Config) { cfg.ClientSecret = "wrong" }).ClientCredentials(t.Context())
			refusedBy(t, err, client.ErrInvalidClient)
		}},
		{"refresh: rotation; the ID token belongs to the same sign-in", func(t *testing.T) { d.refresh(t, d.as(t, "web", nil), offline) }},
		{"refresh: rotation, public client", func(t *testing.T) { d.refresh(t, d.as(t, "pub", public), offline) }},
		{"grant: client credentials", func(t *testing.T) {
			token, err := d.as(t, "cc", nil).ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"grant: password", d.password},
		{"grant: token exchange (RFC 8693)", d.exchange},
		{"device code (RFC 8628)", d.device},
		{"device code, entered by the user", func(t *testing.T) {
			c, started := d.startDevice(t, "pub", public)
			answers := alice()
			answers.Set("user_code", started.UserCode)
			newBrowser(t).walk(t, started.VerificationURI, answers)
			token, err := c.WaitDevice(t.Context(), started)
			must(t, token, err)
		}},
		{"introspection of an access token and of a refresh token", d.introspect},
		{"logout by the client, with back-channel logout", d.logOut},
	}
}

// loopback signs in with a public client without redirect URIs, from which Dex accepts any of the loopback interface.
func (d clientDex) loopback(t *testing.T, o loopback.Options) {
	t.Helper()
	c := d.as(t, "native", func(cfg *client.Config) { cfg.ClientSecret, cfg.RedirectURI = "", "" })
	o.Out, o.Open = io.Discard, func(_ context.Context, address string) error {
		newBrowser(t).walk(t, address, alice())
		return nil
	}
	token, err := loopback.SignIn(t.Context(), c, o)
	if must(t, token, err); token.IDClaims.Subject() != dexAlice {
		t.Error("another user")
	}
}

// codeTwice uses a code twice. Dex does not revoke the token of the first use.
func (d clientDex) codeTwice(t *testing.T) {
	c := d.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	back := d.comeBack(t, newBrowser(t), pending)
	token, err := c.Callback(t.Context(), pending, back)
	must(t, token, err)
	_, err = c.ExchangeCode(t.Context(), back.Get("code"), client.CodeExchange{
		RedirectURI: pending.RedirectURI, CodeVerifier: pending.CodeVerifier,
	})
	refusedBy(t, err, client.ErrInvalidGrant)
}

// userInfo checks the hash and the user information. Dex rejects an unknown token with 403 and access_denied.
func (d clientDex) userInfo(t *testing.T) {
	c := d.as(t, "web", func(cfg *client.Config) { cfg.UseUserInfo = true })
	token := d.signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "email"}})
	if _, there := token.IDClaims.Claim("at_hash"); !there || token.IDClaims.Claims()["email"] != "alice@example.com" || !token.IDClaims.UserInfo().EmailVerified() {
		t.Error(token.IDClaims.Claims())
	}
	if _, err := c.VerifyIDToken(t.Context(), token.IDToken, client.IDTokenOptions{AccessToken: "another"}); err == nil {
		t.Error("at_hash is not looked at")
	}
	_, err := c.UserInfo(t.Context(), token.AccessToken, "another")
	refusedBy(t, err, client.ErrBadResponse)
	_, err = c.UserInfo(t.Context(), "unknown", dexAlice)
	refusedBy(t, err, client.ErrInvalidToken)
}

// discovery checks that the metadata is found below the path of the issuer, and that an issuer with another path is rejected.
func (d clientDex) discovery(t *testing.T) {
	c := d.as(t, "web", nil)
	m, err := c.Metadata(t.Context())
	if succeed(t, err); m.Issuer != d.issuer || m.TokenEndpoint != d.tokenEndpoint || m.DeviceAuthorizationEndpoint == "" {
		t.Errorf("%+v", m)
	}
	other := d.as(t, "web", func(cfg *client.Config) { cfg.Issuer = d.issuer + "/" })
	if _, err := other.ClientCredentials(t.Context()); err == nil {
		t.Error("the issuer of the metadata is not compared")
	}
}

// refresh also uses the old token again. Dex rejects it with the code invalid_request. For a source, that is the end of the token.
func (d clientDex) refresh(t *testing.T, c *client.Client, o client.AuthorizationOptions) {
	before := d.signIn(t, c, o)
	source := sourceOf(t, c, client.TokenSourceConfig{Token: before})
	token, err := source.Refresh(t.Context())
	if must(t, token, err); token.RefreshToken == before.RefreshToken || token.IDClaims.Subject() != dexAlice {
		t.Error("not rotated")
	}
	again, err := source.Refresh(t.Context())
	must(t, again, err)
	_, err = c.Refresh(t.Context(), before.RefreshToken)
	refusedBy(t, err, client.ErrInvalidRequest)
	used := sourceOf(t, c, client.TokenSourceConfig{Token: before})
	_, err = used.Refresh(t.Context())
	refusedBy(t, err, client.ErrNoToken)
}

// password also uses a wrong password, which Dex rejects with the code access_denied.
func (d clientDex) password(t *testing.T) {
	c := d.as(t, "web", nil)
	token, err := c.Password(t.Context(), "alice@example.com", "any")
	if must(t, token, err); token.IDClaims.Subject() != dexAlice {
		t.Error(token)
	}
	_, err = c.Password(t.Context(), "alice@example.com", "wrong")
	refusedBy(t, err, client.ErrAccessDenied)
}

// exchange exchanges an ID token of zitadel for an access token of Dex. Dex requires a parameter of its own.
func (d clientDex) exchange(t *testing.T) {
	user := d.upstream.signIn(t, d.upstream.as(t, "web", nil), client.AuthorizationOptions{})
	c := d.as(t, "exchange", nil).WithParams(url.Values{"connector_id": {"upstream"}})
	exchange := client.TokenExchange{SubjectToken: user.IDToken, SubjectTokenType: client.TokenTypeIDToken}
	token, err := c.ExchangeToken(t.Context(), exchange)
	if must(t, token, err); token.Extra("issued_token_type") != client.TokenTypeAccessToken {
		t.Error(token.Extra("issued_token_type"))
	}
	stranger := startZitadel(t, op.AccessTokenTypeJWT).logIn(t)
	exchange.SubjectToken = stranger.IDToken
	_, err = c.ExchangeToken(t.Context(), exchange)
	refusedBy(t, err, client.ErrAccessDenied)
}

// device uses a client with a secret, which Dex reads only from the body at the device authorization endpoint.
func (d clientDex) device(t *testing.T) {
	c, started := d.startDevice(t, "web", func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost })
	_, err := c.PollDevice(t.Context(), started.DeviceCode)
	refusedBy(t, err, client.ErrAuthorizationPending)
	newBrowser(t).walk(t, started.VerificationURIComplete, alice())
	token, err := c.WaitDevice(t.Context(), started)
	if must(t, token, err); token.IDClaims.Subject() != dexAlice {
		t.Error(token)
	}
}

func (d clientDex) startDevice(t *testing.T, id string, change func(*client.Config)) (*client.Client, *client.DeviceAuthorization) {
	t.Helper()
	c := d.as(t, id, change)
	started, err := c.StartDevice(t.Context(), client.DeviceOptions{})
	succeed(t, err)
	started.Interval = time.Millisecond
	return c, started
}

func (d clientDex) introspect(t *testing.T) {
	c := d.as(t, "web", nil)
	token := d.signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "offline_access"}})
	known := wantActive(t, c, token.AccessToken, true)
	if sub, _ := known.Claim("sub"); sub != dexAlice {
		t.Error(sub)
	}
	wantActive(t, c, token.RefreshToken, true)
	next, err := c.Refresh(t.Context(), token.RefreshToken)
	must(t, next, err)
	wantActive(t, c, token.RefreshToken, false)
}

// logOut signs a user in and out again, and waits for the logout token.
func (d clientDex) logOut(t *testing.T) {
	c, b := d.as(t, "web", nil), newBrowser(t)
	token := d.signInWith(t, b, c, client.AuthorizationOptions{})
	place, err := c.LogoutURL(t.Context(), client.LogoutOptions{IDTokenHint: token.IDToken, PostLogoutRedirectURI: logoutURI, State: "s"})
	succeed(t, err)
	if back := b.walk(t, place, nil); back.Path != "/bye" || back.Query().Get("state") != "s" {
		t.Error(back)
	}
	var raw string
	select {
	case raw = <-d.loggedOut.tokens:
	case <-time.After(20 * time.Second):
		t.Fatal("no logout token came")
	}
	sid, _ := token.IDClaims.Claim("sid")
	logout, err := c.VerifyLogoutToken(t.Context(), raw)
	if succeed(t, err); logout.SessionID() == "" || logout.SessionID() != sid {
		t.Errorf("session %q, want %q", logout.SessionID(), sid)
	}
	if _, err := d.as(t, "pub", public).VerifyLogoutToken(t.Context(), raw); err == nil {
		t.Error("another client accepts the logout token")
	}
}

// callFlows calls APIs with a token of the user. The access tokens of Dex have the form of ID tokens.
func (d clientDex) callFlows() (flows []clientFlow) {
	for _, f := range frameworks {
		flows = append(flows, clientFlow{"calls: an API with the Guard, " + f.name, func(t *testing.T) {
			c := d.as(t, "web", nil)
			api := f.serve(t, d.newConsumer(t, dexAudience("web")))
			source := sourceOf(t, c, client.TokenSourceConfig{Token: d.signIn(t, c, client.AuthorizationOptions{})})
			if status := statusOf(t, nil, source, api.server.URL+"/orders"); status != http.StatusOK {
				t.Error(status)
			}
		}})
	}
	return flows
}
