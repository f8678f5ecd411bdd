package interop_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

func (p *provider) tokenFlows() []clientFlow {
	return []clientFlow{
		{"introspection and revocation of a refresh token", p.revokeRefresh},
		{"introspection and revocation of an access token", p.revokeAccess},
		{"revocation of an unsupported token type", func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.Resource, cfg.Scopes = []string{apiExample}, nil })
			token, err := c.ClientCredentials(t.Context())
			must(t, token, err)
			refusedBy(t, c.Revoke(t.Context(), token.AccessToken, ""), client.ErrUnsupportedTokenType)
		}},
	}
}

func (p *provider) revokeRefresh(t *testing.T) {
	c := p.as(t, "web", nil)
	token := signIn(t, c, offline())
	wantActive(t, c, token.RefreshToken, true)
	succeed(t, c.Revoke(t.Context(), token.RefreshToken, "refresh_token"))
	wantActive(t, c, token.RefreshToken, false)
	_, err := c.Refresh(t.Context(), token.RefreshToken)
	refusedBy(t, err, client.ErrInvalidGrant)
}

func (p *provider) revokeAccess(t *testing.T) {
	c := p.as(t, "web", nil)
	token := signIn(t, c, client.AuthorizationOptions{})
	known := wantActive(t, c, token.AccessToken, true)
	if sub, _ := known.Claim("sub"); sub != "alice" {
		t.Error(sub)
	}
	succeed(t, c.Revoke(t.Context(), token.AccessToken, ""))
	wantActive(t, c, token.AccessToken, false)
	succeed(t, c.Revoke(t.Context(), token.AccessToken, "")) // which is unknown by now
	_, err := c.UserInfo(t.Context(), token.AccessToken, "alice")
	refusedBy(t, err, client.ErrInvalidToken)
}

func wantActive(t *testing.T, c *client.Client, token string, active bool) *client.Introspection {
	t.Helper()
	known, err := c.Introspect(t.Context(), token, "")
	if succeed(t, err); known.Active() != active {
		t.Fatalf("active: %v, want %v", known.Active(), active)
	}
	return known
}

func (p *provider) sessionFlows() []clientFlow {
	return []clientFlow{
		{"logout by the client, with back-channel logout", p.logOut},
		{"registration and management (RFC 7591, RFC 7592)", p.manageRegistration},
		{"registration with an initial access token", func(t *testing.T) {
			registrar, err := client.NewRegistrationEndpoint(client.Config{Issuer: p.strict})
			if err != nil {
				t.Fatal(err)
			}
			m := client.ClientMetadata{RedirectURIs: []string{redirectURI}}
			registered, err := registrar.Register(t.Context(), m, "may-register")
			if succeed(t, err); registered.ClientID == "" {
				t.Error("no client")
			}
			_, err = registrar.Register(t.Context(), m, "may-not")
			refusedBy(t, err, client.ErrInvalidToken)
		}},
	}
}

// logOut signs a user in and out again, and waits for the logout token, which can be used once. It denies the access token of the user,
// which an API has in its cache.
func (p *provider) logOut(t *testing.T) {
	ended, posted := make(chan *client.LogoutToken, 2), make(chan url.Values, 1)
	var receiver http.Handler
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receiver.ServeHTTP(w, r)
		posted <- r.PostForm
	}))
	t.Cleanup(application.Close)
	c := newClient(t, p.register(t, client.ClientMetadata{
		RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{logoutURI}, BackchannelLogoutURI: application.URL + "/logout",
		Extra: map[string]any{"backchannel_logout_session_required": true},
	}, nil))
	storage := store.NewMemory(10)
	api := denyingAPI(t, storage, consumer.Config{Issuer: p.issuer, Audience: []string{apiExample}})
	var err error
	receiver, err = ssf.LogoutHandler(ssf.LogoutConfig{
		Client: c, Storage: storage, TokenLifetime: time.Hour,
		OnLogout: func(_ context.Context, token *client.LogoutToken) error {
			ended <- token
			return nil
		},
	})
	succeed(t, err)
	b := newBrowser(t)
	token := signInWith(t, b, c, client.AuthorizationOptions{Scopes: []string{"openid", "api:read"}, Resource: []string{apiExample}})
	if got := callAPI(t, api, token.AccessToken); got != http.StatusOK {
		t.Fatalf("before the logout, the API responds with %d", got)
	}
	place, err := c.LogoutURL(t.Context(), client.LogoutOptions{
		IDTokenHint: token.IDToken, PostLogoutRedirectURI: logoutURI, State: "s",
	})
	succeed(t, err)
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
		t.Fatal("no logout token came")
	}
	if got := callAPI(t, api, token.AccessToken); got != http.StatusUnauthorized {
		t.Errorf("after the logout, the API responds with %d", got)
	}
	form := <-posted
	if status := postForm(t, receiver, form); status != http.StatusBadRequest {
		t.Errorf("the same logout token again: %d", status)
	}
	stranger := p.as(t, "web", nil).BackchannelLogout(func(context.Context, *client.LogoutToken) error { return nil })
	if status := postForm(t, stranger, form); status != http.StatusBadRequest {
		t.Errorf("another client's logout token: %d", status)
	}
	if status := postForm(t, stranger, url.Values{"logout_token": {token.IDToken}}); status != http.StatusBadRequest {
		t.Errorf("an ID token: %d", status)
	}
	again := begin(t, c, client.AuthorizationOptions{Prompt: []string{"none"}}) // the session has ended there, too
	_, err = c.Callback(t.Context(), again, b.comeBack(t, again.URL))
	refusedBy(t, err, client.ErrorCode("login_required"))
}

func postForm(t *testing.T, h http.Handler, form url.Values) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, newRequest(t, http.MethodPost, "http://"+nobody+"/logout", form.Encode()))
	return w.Code
}

func (p *provider) manageRegistration(t *testing.T) {
	registrar, err := client.NewRegistrationEndpoint(client.Config{Issuer: p.issuer})
	if err != nil {
		t.Fatal(err)
	}
	m := client.ClientMetadata{RedirectURIs: []string{redirectURI}, ClientName: "one"}
	registered, err := registrar.Register(t.Context(), m, "")
	if succeed(t, err); registered.ClientSecret == "" {
		t.Fatal("no secret")
	}
	m.ClientName = "two"
	updated, err := registrar.Update(t.Context(), registered, m)
	succeed(t, err)
	if updated.Metadata.ClientName != "two" || updated.AccessToken == registered.AccessToken {
		t.Fatal(updated.Metadata.ClientName)
	}
	_, err = registrar.Read(t.Context(), registered) // its access token was replaced
	refusedBy(t, err, client.ErrInvalidToken)
	read, err := registrar.Read(t.Context(), updated)
	if succeed(t, err); read.ClientSecret != registered.ClientSecret {
		t.Fatal("another secret")
	}
	signIn(t, newClient(t, read.Config(client.Config{Issuer: p.issuer, RedirectURI: redirectURI, Scopes: []string{"openid"}})), client.AuthorizationOptions{})
	succeed(t, registrar.Delete(t.Context(), read))
	_, err = registrar.Read(t.Context(), read)
	refusedBy(t, err, client.ErrInvalidToken)
	m.RedirectURIs = []string{"https://a.example/#fragment"}
	_, err = registrar.Register(t.Context(), m, "")
	refusedBy(t, err, client.ErrInvalidRedirectURI)
}
