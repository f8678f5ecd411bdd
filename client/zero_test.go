package client_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// The zero value of a type that has a constructor returns errors. It neither panics nor grants anything.
func TestZeroValues(t *testing.T) {
	t.Parallel()
	source := new(client.TokenSource)
	if token, err := source.Token(); err == nil {
		t.Errorf("TokenSource.Token: %v", token)
	}
	if token, err := source.Refresh(t.Context()); err == nil {
		t.Errorf("TokenSource.Refresh: %v", token)
	}
	jar, pending := new(client.PendingCookies), begin(t, newProvider().client(t, nil), client.AuthorizationOptions{})
	if err := jar.Save(httptest.NewRecorder(), browser(), pending); err == nil {
		t.Error("PendingCookies.Save succeeds")
	}
	if _, err := jar.Take(httptest.NewRecorder(), browser(), pending.State); !errors.Is(err, client.ErrNotPending) {
		t.Errorf("PendingCookies.Take: %v", err)
	}
	memory := new(client.PendingMemory)
	if err := memory.Put(t.Context(), "s", pending); err == nil {
		t.Error("PendingMemory.Put succeeds")
	}
	if _, err := memory.Take(t.Context(), "s", pending.State); !errors.Is(err, client.ErrNotPending) {
		t.Errorf("PendingMemory.Take: %v", err)
	}
	stored := new(client.MemoryTokens)
	if _, err := stored.Load(t.Context(), "k"); !errors.Is(err, client.ErrNoToken) {
		t.Errorf("MemoryTokens.Load: %v", err)
	}
	if err := stored.Save(t.Context(), "k", first(0)); err != nil {
		t.Errorf("MemoryTokens.Save: %v", err)
	}
	if token, err := new(client.IdentityAssertion).Token(t.Context()); err == nil {
		t.Errorf("IdentityAssertion.Token: %v", token)
	}
	made := &client.Resource{Legacy: true, AuthorizationServers: []string{issuerURL}}
	if m, err := made.SelectServer(t.Context(), client.ServerSelection{}); err == nil {
		t.Errorf("Resource.SelectServer: %v", m)
	}
	if new(client.Introspection).Active() || new(client.UserInfo).EmailVerified() {
		t.Error("a zero value reports true")
	}
}

// The TokenType constants are not hints. A server would ignore them.
func TestHintsAreNotTokenTypes(t *testing.T) {
	t.Parallel()
	s := says(200, `{"active":true}`)
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.Metadata.RevocationEndpoint, cfg.Metadata.IntrospectionEndpoint = issuerURL+"/revoke", issuerURL+"/introspect"
	})
	if err := c.Revoke(t.Context(), "t", client.TokenTypeRefreshToken); err == nil {
		t.Error("Revoke accepts a token type as a hint")
	}
	if _, err := c.Introspect(t.Context(), "t", client.TokenTypeAccessToken); err == nil {
		t.Error("Introspect accepts a token type as a hint")
	}
	if len(s.requests) != 0 {
		t.Errorf("sent %v", s.lastForm())
	}
}
