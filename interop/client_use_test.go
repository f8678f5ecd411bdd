package interop_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
)

func (p *provider) useFlows() []clientFlow {
	flows := []clientFlow{
		{"calls: many concurrent requests, one refresh", p.oneRefresh},
		{"calls: a revoked token is replaced, and the request sent again", p.replaced},
		{"command-line program (RFC 8252), query", func(t *testing.T) { p.loopback(t, "") }},
		{"command-line program (RFC 8252), form_post", func(t *testing.T) { p.loopback(t, "form_post") }},
		{"keys: key rotation of the server", newKeys},
	}
	for _, f := range frameworks {
		flows = append(flows, clientFlow{"calls: an API with the Guard, " + f.name, func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.Resource, cfg.Scopes = []string{apiExample}, []string{"api:read"} })
			api := f.serve(t, p.newConsumer(t, audience(apiExample)), scopes("api:read")...)
			source := sourceOf(t, c, client.TokenSourceConfig{Grant: c.ClientCredentials})
			if status := statusOf(t, nil, source, api.server.URL+"/orders"); status != http.StatusOK {
				t.Error(status)
			}
		}})
	}
	return flows
}

// oneRefresh checks that concurrent calls refresh once. The server treats a second refresh as theft, and later calls would fail.
func (p *provider) oneRefresh(t *testing.T) {
	requests := &countingTransport{next: http.DefaultTransport}
	c := p.as(t, "web", func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: requests} })
	token := signIn(t, c, offline())
	before := requests.of("/token")
	ended := *token
	ended.Expiry = ended.Expiry.Add(-ended.ExpiresIn())
	source := sourceOf(t, c, client.TokenSourceConfig{Token: &ended, Store: client.NewMemoryTokens(), Key: "alice"})
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			fresh, err := source.TokenContext(t.Context())
			if err != nil || fresh.AccessToken == token.AccessToken {
				t.Errorf("%v: %s", err, bodyOf(err))
			}
		})
	}
	all.Wait()
	if got := requests.of("/token") - before; got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	if status := statusOf(t, nil, source, p.issuer+"/me"); status != http.StatusOK {
		t.Error(status)
	}
}

func (p *provider) replaced(t *testing.T) {
	c := p.as(t, "web", nil)
	token := signIn(t, c, offline())
	token.AccessToken = "unknown" // like a revoked token; revoking the real one would make this server revoke the refresh token too
	source := sourceOf(t, c, client.TokenSourceConfig{Token: token})
	calls := &countingTransport{next: http.DefaultTransport}
	if status := statusOf(t, calls, source, p.issuer+"/me"); status != http.StatusOK || calls.of("/me") != 2 {
		t.Errorf("%d after %d calls", status, calls.of("/me"))
	}
	fresh, err := source.TokenContext(t.Context())
	must(t, fresh, err)
	succeed(t, c.Revoke(t.Context(), fresh.RefreshToken, "refresh_token"))
	if status := statusOf(t, calls, source, p.issuer+"/me"); status != http.StatusUnauthorized { // its refresh token was revoked, so it cannot be replaced
		t.Error(status)
	}
}

func (p *provider) loopback(t *testing.T, mode string) {
	t.Helper()
	c := p.as(t, "pub", func(cfg *client.Config) { cfg.ClientSecret, cfg.RedirectURI = "", "" })
	token, err := loopback.SignIn(t.Context(), c, loopback.Options{
		Path: "/cb", Out: io.Discard, Authorization: client.AuthorizationOptions{ResponseMode: mode},
		Open: func(_ context.Context, address string) error {
			newBrowser(t).walk(t, address, nil)
			return nil
		},
	})
	if must(t, token, err); token.IDClaims.Subject() != "alice" {
		t.Error("another user")
	}
}

// newKeys uses its own server and replaces its keys between two sign-ins.
func newKeys(t *testing.T) {
	p := startOIDCProvider(t)
	c := p.as(t, "web", nil)
	var seen []string
	for range 2 {
		token := signIn(t, c, client.AuthorizationOptions{})
		var header struct {
			KeyID string `json:"kid"`
		}
		decodeHeader(t, token.IDToken, &header)
		if slices.Contains(seen, header.KeyID) {
			t.Errorf("%s again", header.KeyID)
		}
		seen = append(seen, header.KeyID)
		p.rotate(t)
	}
}
