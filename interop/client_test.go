package interop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

const logoutURI = "http://127.0.0.1:9/bye"

// clientFlow is a flow of package client against a real server. run ends the test when something is not as it must be.
type clientFlow struct {
	name string
	run  func(t *testing.T)
}

// TestClient runs every flow that a server offers, and writes docs/interop.md or holds it against what was run.
func TestClient(t *testing.T) {
	t.Parallel()
	p := startScript(t, "client.mjs")
	z := startZitadel(t, op.AccessTokenTypeJWT)
	var doc document
	t.Cleanup(func() { doc.check(t) })
	for _, server := range []struct {
		name  string
		flows []clientFlow
	}{{"oidc-provider", providerFlows(p)}, {"zitadel", clientFlowsOf(z)}} {
		for _, f := range server.flows {
			t.Run(server.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				passed := false
				defer func() { doc.add(server.name, f.name, passed) }()
				f.run(t)
				passed = !t.Failed()
			})
		}
	}
}

// as makes a client of the server.
func (as authorizationServer) as(t *testing.T, id string, change func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{Issuer: as.issuer, ClientID: id, ClientSecret: secretOf(id), RedirectURI: redirectURI, Scopes: []string{"openid"}}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func public(cfg *client.Config) { cfg.ClientSecret, cfg.RedirectURI = "", "http://127.0.0.1:9/cb" }

func signingKey(t *testing.T) *client.SigningKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &client.SigningKey{Private: key, Algorithm: "ES256", ID: "own"}
}

// register makes a client of its own at oidc-provider, whose metadata m complete.
func (p *oidcProvider) register(t *testing.T, m client.ClientMetadata, key *client.SigningKey) client.Config {
	t.Helper()
	cfg := client.Config{Issuer: p.issuer, RedirectURI: redirectURI, Scopes: []string{"openid"}, Key: key}
	registrar, err := client.NewRegistrar(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if key != nil {
		jwk := bearertest.JWK(key.ID, key.Algorithm, key.Private.(*ecdsa.PrivateKey).Public())
		m.JWKS, _ = json.Marshal(map[string]any{"keys": []any{jwk}})
	}
	registration, err := registrar.Register(t.Context(), m, "")
	if err != nil {
		t.Fatalf("%v: %s", err, bodyOf(err))
	}
	return registration.Config(cfg)
}

func bodyOf(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return string(e.Body)
	}
	return ""
}

// signIn goes the way of a user through oidc-provider's own pages.
func signIn(t *testing.T, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	return signInWith(t, newBrowser(t), c, o)
}

func signInWith(t *testing.T, b browser, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	pending, err := c.AuthorizationURL(t.Context(), o)
	if err != nil {
		t.Fatalf("%v: %s", err, bodyOf(err))
	}
	back := b.follow(t, pending.URL)
	token, err := c.Callback(t.Context(), pending, back.Query())
	if err != nil {
		t.Fatalf("%v: %s, after %s", err, bodyOf(err), back)
	}
	if slices.Contains(pending.Scopes, "openid") && token.IDClaims.Subject() != "alice" {
		t.Fatal("another user")
	}
	return token
}

func must(t *testing.T, token *client.Token, err error) *client.Token {
	t.Helper()
	if err != nil {
		t.Fatalf("%v: %s", err, bodyOf(err))
	}
	return token
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	formInput  = regexp.MustCompile(`<input[^>]*>`)
	inputName  = regexp.MustCompile(`name="([^"]*)"`)
	inputValue = regexp.MustCompile(`value="([^"]*)"`)
)

// walk follows redirects and submits each form as a user would, until there is no form, or the user is sent to a place that
// nobody answers at.
func (b browser) walk(t *testing.T, start string, answers url.Values) *url.URL {
	t.Helper()
	next, chosen := newRequest(t, http.MethodGet, start, ""), false
	for range 20 {
		if next.URL.Host == "127.0.0.1:9" {
			return next.URL
		}
		resp, err := b.client.Do(next)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if location, err := resp.Location(); err == nil {
			next = newRequest(t, http.MethodGet, location.String(), "")
			continue
		}
		if resp.StatusCode >= 400 {
			t.Fatalf("%s: %s\n%s", next.URL, resp.Status, text)
		}
		action := formAction.FindSubmatch(text)
		if action == nil {
			return next.URL
		}
		if chosen { // the form is for another time
			return next.URL
		}
		target, err := next.URL.Parse(strings.ReplaceAll(string(action[1]), "&amp;", "&"))
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"login": {"alice"}, "password": {"any"}}
		for _, input := range formInput.FindAll(text, -1) {
			name, value := inputName.FindSubmatch(input), inputValue.FindSubmatch(input)
			if name != nil && value != nil {
				form.Set(string(name[1]), string(value[1]))
			}
		}
		for name, values := range answers {
			if strings.Contains(string(text), `name="`+name+`"`) { // of the button that the user chooses
				form[name], chosen = values, true
			}
		}
		next = newRequest(t, http.MethodPost, target.String(), form.Encode())
	}
	t.Fatal("the way does not end")
	return nil
}

func providerFlows(p *oidcProvider) []clientFlow {
	api := []string{"https://api.example"}
	offline := client.AuthorizationOptions{
		Scopes: []string{"openid", "offline_access", "email", "api:read"}, Prompt: []string{"consent"},
	}
	return []clientFlow{
		{"client credentials, client_secret_basic, resource", func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.Resource, cfg.Scopes = api, []string{"api:read"} })
			token, err := c.ClientCredentials(t.Context())
			if must(t, token, err); shapeOf(t, token.AccessToken) != "at+jwt RS256" || !slices.Equal(token.Scopes, []string{"api:read"}) {
				t.Error(token)
			}
		}},
		{"client credentials, client_secret_post", func(t *testing.T) {
			c := p.as(t, "post", func(cfg *client.Config) { cfg.AuthMethod, cfg.Scopes = client.AuthPost, nil })
			token, err := c.ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"client credentials, client_secret_jwt, registered", func(t *testing.T) {
			cfg := p.register(t, client.ClientMetadata{
				TokenEndpointAuthMethod: client.AuthSecretJWT, GrantTypes: []string{"client_credentials"}, ResponseTypes: []string{}, RedirectURIs: []string{},
				Extra: map[string]any{"response_types": []string{}, "redirect_uris": []string{}},
			}, nil)
			cfg.Scopes = nil
			c, err := client.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			token, err := c.ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"a wrong secret", func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.ClientSecret = "wrong" })
			if _, err := c.ClientCredentials(t.Context()); !errors.Is(err, client.ErrInvalidClient) {
				t.Error(err)
			}
		}},
		{"authorization code, PKCE, ID token, user information", func(t *testing.T) {
			c := p.as(t, "web", func(cfg *client.Config) { cfg.UseUserInfo = true })
			token := signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "email"}, MaxAge: time.Hour})
			if token.IDClaims.Claims()["email"] != "alice@example.com" || !token.IDClaims.UserInfo().EmailVerified() {
				t.Error(token.IDClaims.Claims())
			}
			if _, err := c.UserInfo(t.Context(), token.AccessToken, "bob"); !errors.Is(err, client.ErrBadAnswer) {
				t.Error(err)
			}
		}},
		{"authorization code, public client", func(t *testing.T) {
			signIn(t, p.as(t, "pub", public), client.AuthorizationOptions{})
		}},
		{"authorization code, resource", func(t *testing.T) {
			c := p.as(t, "web", nil)
			token := signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "api:read"}, Resource: api})
			if shapeOf(t, token.AccessToken) != "at+jwt RS256" {
				t.Error(shapeOf(t, token.AccessToken))
			}
		}},
		{"a code that comes twice", func(t *testing.T) {
			c := p.as(t, "web", nil)
			pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
			if err != nil {
				t.Fatal(err)
			}
			back := newBrowser(t).follow(t, pending.URL).Query()
			token, err := c.Callback(t.Context(), pending, back)
			must(t, token, err)
			if _, err := c.Callback(t.Context(), pending, back); !errors.Is(err, client.ErrInvalidGrant) {
				t.Error(err)
			}
		}},
		{"issuer in the answer (RFC 9207)", func(t *testing.T) {
			c := p.as(t, "web", nil)
			pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
			if err != nil {
				t.Fatal(err)
			}
			back := newBrowser(t).follow(t, pending.URL).Query()
			if back.Get("iss") != p.issuer {
				t.Fatal(back)
			}
			back.Set("iss", "https://evil.example")
			if _, err := c.Callback(t.Context(), pending, back); !errors.Is(err, client.ErrCallback) {
				t.Error(err)
			}
			back.Del("iss")
			if _, err := c.Callback(t.Context(), pending, back); !errors.Is(err, client.ErrCallback) {
				t.Error(err)
			}
		}},
		{"pushed authorization request (RFC 9126)", func(t *testing.T) {
			signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{Push: true})
		}},
		{"private_key_jwt, signed request (RFC 9101), pushed", func(t *testing.T) {
			cfg := p.register(t, client.ClientMetadata{
				RedirectURIs: []string{redirectURI}, TokenEndpointAuthMethod: client.AuthPrivateKeyJWT,
				Extra: map[string]any{"request_object_signing_alg": "ES256", "token_endpoint_auth_signing_alg": "ES256"},
			}, signingKey(t))
			c, err := client.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			signIn(t, c, client.AuthorizationOptions{Sign: true})
			signIn(t, c, client.AuthorizationOptions{Sign: true, Push: true})
		}},
		{"signed answer (JARM)", func(t *testing.T) {
			signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{ResponseMode: "query.jwt"})
		}},
		{"ES256 ID token, signed user information", func(t *testing.T) {
			cfg := p.register(t, client.ClientMetadata{
				RedirectURIs: []string{redirectURI},
				Extra:        map[string]any{"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256"},
			}, nil)
			cfg.UseUserInfo, cfg.SignedUserInfo, cfg.Algorithms = true, true, []string{"ES256"}
			c, err := client.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if token := signIn(t, c, client.AuthorizationOptions{}); token.IDClaims.UserInfo() == nil {
				t.Error("no user information")
			}
		}},
		{"the browser's own address of the server", func(t *testing.T) {
			elsewhere := strings.Replace(p.issuer, "127.0.0.1", "localhost", 1)
			c := p.as(t, "web", func(cfg *client.Config) { cfg.AuthorizeURL = elsewhere + "/auth" })
			pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
			if err != nil || !strings.HasPrefix(pending.URL, elsewhere) {
				t.Fatal(pending, err)
			}
			back := newBrowser(t).follow(t, pending.URL)
			token, err := c.Callback(t.Context(), pending, back.Query())
			must(t, token, err)
		}},
		{"refresh, rotated; the ID token is that of the same sign-in", func(t *testing.T) {
			c := p.as(t, "web", nil)
			token := signIn(t, c, offline)
			source, err := c.TokenSource(client.TokenSourceConfig{Token: token})
			if err != nil {
				t.Fatal(err)
			}
			next, err := source.Refresh(t.Context())
			if must(t, next, err); next.RefreshToken == token.RefreshToken || next.IDClaims == nil {
				t.Error("not rotated")
			}
			if _, err := c.Refresh(t.Context(), token.RefreshToken); !errors.Is(err, client.ErrInvalidGrant) {
				t.Error(err)
			}
		}},
		{"refresh, three processes with one token", func(t *testing.T) { p.raceProcesses(t, signIn(t, p.as(t, "web", nil), offline)) }},
		{"DPoP with nonces: code, user information, refresh", func(t *testing.T) {
			key := signingKey(t)
			c := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP, cfg.UseUserInfo = key, true })
			token := signIn(t, c, offline)
			if token.TokenType != "DPoP" || token.IDClaims.UserInfo() == nil {
				t.Fatal(token)
			}
			next, err := c.Refresh(t.Context(), token.RefreshToken)
			must(t, next, err)
			source, err := c.TokenSource(client.TokenSourceConfig{Token: next})
			if err != nil {
				t.Fatal(err)
			}
			calls := http.Client{Transport: &client.Transport{Source: source, Origins: []string{p.issuer}}}
			resp, err := calls.Do(newRequest(t, http.MethodGet, p.issuer+"/me", ""))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Error(resp.Status)
			}
		}},
		{"device code (RFC 8628)", func(t *testing.T) {
			c := p.as(t, "pub", public)
			d, err := c.StartDevice(t.Context(), client.DeviceOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.PollDevice(t.Context(), d.DeviceCode); !errors.Is(err, client.ErrAuthorizationPending) {
				t.Error(err)
			}
			newBrowser(t).walk(t, d.VerificationURIComplete, nil)
			d.Interval = time.Millisecond
			token, err := c.WaitDevice(t.Context(), d)
			if must(t, token, err); token.IDClaims.Subject() != "alice" {
				t.Error(token)
			}
		}},
		{"device code, denied", func(t *testing.T) {
			c := p.as(t, "pub", public)
			d, err := c.StartDevice(t.Context(), client.DeviceOptions{})
			if err != nil {
				t.Fatal(err)
			}
			newBrowser(t).walk(t, d.VerificationURIComplete, url.Values{"abort": {"yes"}})
			d.Interval = time.Millisecond
			if _, err := c.WaitDevice(t.Context(), d); !errors.Is(err, client.ErrAccessDenied) {
				t.Error(err)
			}
		}},
		{"CIBA, poll", func(t *testing.T) {
			c := p.as(t, "ciba", nil)
			a, err := c.StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "alice", BindingMessage: "W4SCT"})
			if err != nil {
				t.Fatalf("%v: %s", err, bodyOf(err))
			}
			a.Interval = time.Millisecond
			token, err := c.WaitCIBA(t.Context(), a)
			if must(t, token, err); token.IDClaims.Subject() != "alice" {
				t.Error(token)
			}
		}},
		{"introspection and revocation", func(t *testing.T) {
			c := p.as(t, "web", nil)
			token := signIn(t, c, offline)
			before, err := c.Introspect(t.Context(), token.RefreshToken, "refresh_token")
			if err != nil || !before.Active() {
				t.Fatal(before, err)
			}
			if err := c.Revoke(t.Context(), token.RefreshToken, "refresh_token"); err != nil {
				t.Fatal(err)
			}
			after, err := c.Introspect(t.Context(), token.RefreshToken, "refresh_token")
			if err != nil || after.Active() {
				t.Fatal(after, err)
			}
			if _, err := c.Refresh(t.Context(), token.RefreshToken); !errors.Is(err, client.ErrInvalidGrant) {
				t.Error(err)
			}
		}},
		{"logout by the client, and told by the back channel", func(t *testing.T) { p.logOut(t) }},
		{"registration and its management (RFC 7591, 7592)", func(t *testing.T) { p.manageRegistration(t) }},
	}
}

// logOut signs a user in and out again, and waits for the logout token.
func (p *oidcProvider) logOut(t *testing.T) {
	t.Helper()
	ended := make(chan *client.LogoutToken, 1)
	var receiver http.Handler
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { receiver.ServeHTTP(w, r) }))
	t.Cleanup(application.Close)
	c, err := client.New(p.register(t, client.ClientMetadata{
		RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{logoutURI}, BackchannelLogoutURI: application.URL + "/logout",
		Extra: map[string]any{"backchannel_logout_session_required": true},
	}, nil))
	if err != nil {
		t.Fatal(err)
	}
	receiver = c.BackchannelLogout(func(_ context.Context, token *client.LogoutToken) error {
		ended <- token
		return nil
	})
	b := newBrowser(t)
	token := signInWith(t, b, c, client.AuthorizationOptions{})
	place, err := c.LogoutURL(t.Context(), client.LogoutOptions{
		IDTokenHint: token.IDToken, PostLogoutRedirectURI: logoutURI, State: "s",
	})
	if err != nil {
		t.Fatal(err)
	}
	if back := b.walk(t, place, url.Values{"logout": {"yes"}}); back.Path != "/bye" || back.Query().Get("state") != "s" {
		t.Error(back)
	}
	sid, _ := token.IDClaims.Claim("sid")
	select {
	case got := <-ended:
		if got.SessionID() == "" || got.SessionID() != sid {
			t.Errorf("session %q, want %q", got.SessionID(), sid)
		}
	case <-time.After(20 * time.Second):
		t.Error("no logout token came")
	}
}

func (p *oidcProvider) manageRegistration(t *testing.T) {
	t.Helper()
	registrar, err := client.NewRegistrar(client.Config{Issuer: p.issuer})
	if err != nil {
		t.Fatal(err)
	}
	m := client.ClientMetadata{RedirectURIs: []string{redirectURI}, ClientName: "one"}
	registered, err := registrar.Register(t.Context(), m, "")
	if err != nil || registered.ClientSecret == "" {
		t.Fatal(registered, err)
	}
	m.ClientName = "two"
	updated, err := registrar.Update(t.Context(), registered, m)
	if err != nil || updated.Metadata.ClientName != "two" || updated.AccessToken == registered.AccessToken {
		t.Fatalf("%v, %v: %s", updated, err, bodyOf(err))
	}
	read, err := registrar.Read(t.Context(), updated)
	if err != nil || read.ClientSecret != registered.ClientSecret {
		t.Fatal(read, err)
	}
	if err := registrar.Delete(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	if _, err := registrar.Read(t.Context(), read); !errors.Is(err, client.ErrInvalidToken) {
		t.Error(err)
	}
	m.RedirectURIs = []string{"https://a.example/#fragment"}
	if _, err := registrar.Register(t.Context(), m, ""); !errors.Is(err, client.ErrInvalidRedirectURI) {
		t.Error(err)
	}
}

const racerIssuer = "BEARERKIT_TEST_RACER"

// raceProcesses has three processes refresh one token, which the server rotates, five times each.
func (p *oidcProvider) raceProcesses(t *testing.T, token *client.Token) {
	t.Helper()
	folder := t.TempDir()
	store, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), "alice", token); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRacer$")
			cmd.Env = append(os.Environ(), racerIssuer+"="+p.issuer, racerIssuer+"_FOLDER="+folder)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	last, err := store.Load(t.Context(), "alice")
	if err != nil || last.RefreshToken == token.RefreshToken {
		t.Fatal("nothing was refreshed", err)
	}
	again, err := p.as(t, "web", nil).Refresh(t.Context(), last.RefreshToken)
	must(t, again, err)
}

// TestRacer is one of the processes of raceProcesses, and nothing by itself.
func TestRacer(t *testing.T) {
	t.Parallel()
	issuer := os.Getenv(racerIssuer)
	if issuer == "" {
		return
	}
	store, err := client.NewFileTokens(os.Getenv(racerIssuer + "_FOLDER"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := authorizationServer{issuer: issuer}.as(t, "web", nil).TokenSource(client.TokenSourceConfig{Store: store, Key: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := source.Refresh(t.Context()); err != nil {
			t.Fatalf("%v: %s", err, bodyOf(err))
		}
	}
}

// clientFlowsOf are the flows of zitadel's example, whose login page is this test.
func clientFlowsOf(z zitadel) []clientFlow {
	login := func(t *testing.T, c *client.Client, scopes ...string) *client.Token {
		t.Helper()
		pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t)
		id := b.redirect(t, pending.URL).Query().Get("authRequestID")
		if err := z.store.CheckUsernamePassword("test-user2", "verysecure", id); err != nil {
			t.Fatal(err)
		}
		back := b.redirect(t, z.issuer+"authorize/callback?"+url.Values{"id": {id}}.Encode())
		token, err := c.Callback(t.Context(), pending, back.Query())
		return must(t, token, err)
	}
	return []clientFlow{
		{"authorization code, PKCE, ID token with at_hash, user information", func(t *testing.T) {
			c := z.as(t, "web", func(cfg *client.Config) { cfg.UseUserInfo = true })
			token := login(t, c, "openid", "profile")
			if _, there := token.IDClaims.Claim("at_hash"); !there || token.IDClaims.Subject() != "id2" {
				t.Error(token.IDClaims.Claims())
			}
		}},
		{"refresh, rotated; the ID token is that of the same sign-in", func(t *testing.T) {
			c := z.as(t, "web", nil)
			source, err := c.TokenSource(client.TokenSourceConfig{Token: login(t, c, "openid", "offline_access")})
			if err != nil {
				t.Fatal(err)
			}
			token, err := source.Refresh(t.Context())
			must(t, token, err)
		}},
		{"client credentials", func(t *testing.T) {
			token, err := z.as(t, "sid1", nil).ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"token exchange (RFC 8693)", func(t *testing.T) {
			c := z.as(t, "web", nil)
			user := login(t, c, "openid").AccessToken
			token, err := c.ExchangeToken(t.Context(), client.Exchange{
				SubjectToken: user, SubjectTokenType: client.TokenTypeAccessToken,
				ActorToken: user, ActorTokenType: client.TokenTypeAccessToken,
				RequestedTokenType: client.TokenTypeAccessToken,
			})
			if must(t, token, err); token.Extra("issued_token_type") != client.TokenTypeAccessToken {
				t.Error(token.Extra("issued_token_type"))
			}
		}},
		{"device code (RFC 8628)", func(t *testing.T) {
			c := z.as(t, "dev", nil)
			d, err := c.StartDevice(t.Context(), client.DeviceOptions{Scopes: []string{"openid"}})
			if err != nil {
				t.Fatalf("%v: %s", err, bodyOf(err))
			}
			if err := z.store.CompleteDeviceAuthorization(t.Context(), d.UserCode, "id2"); err != nil {
				t.Fatal(err)
			}
			d.Interval = time.Millisecond
			token, err := c.WaitDevice(t.Context(), d)
			if must(t, token, err); token.IDClaims.Subject() != "id2" {
				t.Error(token)
			}
		}},
		{"logout by the client", func(t *testing.T) {
			c := z.as(t, "web", nil)
			place, err := c.LogoutURL(t.Context(), client.LogoutOptions{IDTokenHint: login(t, c, "openid").IDToken})
			if err != nil {
				t.Fatal(err)
			}
			newBrowser(t).redirect(t, place)
		}},
	}
}
