package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// others returns clients that must not use what the client of newClient received.
func others(t *testing.T, s *server) map[string]*client.Client {
	t.Helper()
	return map[string]*client.Client{
		"another client": newClient(t, s, func(cfg *client.Config) { cfg.ClientID = "other" }),
		"another issuer": newClient(t, s, func(cfg *client.Config) {
			cfg.Issuer = "https://other.test"
			cfg.Metadata = &oidcdiscovery.Metadata{Issuer: cfg.Issuer, TokenEndpoint: cfg.Issuer + "/token"}
		}),
	}
}

// A token in a store is used by the client that received it, and by no other that shares the store and the key.
func TestCaseX1_StoredTokensBelongToTheirClient(t *testing.T) {
	t.Parallel()
	files, _ := fileTokens(t)
	for name, store := range map[string]client.TokenStore{"memory": client.NewMemoryTokens(), "file": files} {
		own := sourceOf(t, newClient(t, says(200, good), nil), client.TokenSourceConfig{Token: first(-time.Minute), Store: store, Key: "k"})
		if _, err := own.TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept, err := store.Load(t.Context(), "k")
		if err != nil || kept.Issuer != issuerURL || kept.ClientID != "app" {
			t.Fatalf("%s: stored for issuer %q and client %q, %v", name, kept.Issuer, kept.ClientID, err)
		}
		s := says(200, good)
		grant := func(context.Context, ...string) (*client.Token, error) { return first(time.Hour), nil }
		for which, other := range others(t, s) {
			for how, cfg := range map[string]client.TokenSourceConfig{
				"load": {}, "grant": {Grant: grant}, "new sign-in": {Token: first(time.Hour)}, "new sign-in, expired": {Token: first(-time.Hour)},
			} {
				cfg.Store, cfg.Key = store, "k"
				token, err := sourceOf(t, other, cfg).TokenContext(t.Context())
				if err == nil || errors.Is(err, client.ErrNoToken) || !strings.Contains(err.Error(), "TokenSourceConfig.Key") {
					t.Errorf("%s, %s, %s: %v, %v", name, which, how, token, err)
				}
			}
			if _, err := other.TokenSource(client.TokenSourceConfig{Token: kept}); err == nil {
				t.Errorf("%s: the source of %s accepts the token", name, which)
			}
			granting := sourceOf(t, other, client.TokenSourceConfig{Grant: func(context.Context, ...string) (*client.Token, error) { return kept, nil }})
			if _, err := granting.TokenContext(t.Context()); err == nil {
				t.Errorf("%s: the source of %s accepts the token from Grant", name, which)
			}
		}
		if len(s.requests) != 0 {
			t.Errorf("%s: another client sent %v", name, s.lastForm())
		}
		if after, err := store.Load(t.Context(), "k"); err != nil || after.AccessToken != kept.AccessToken || after.Issuer != issuerURL {
			t.Errorf("%s: the stored token has changed: %v", name, err)
		}
	}
}

// A stored token contains its owner. A stored token without an owner, which the program has made itself, is used and gets
// an owner.
func TestCaseX1_StoredFormat(t *testing.T) {
	t.Parallel()
	files, folder := fileTokens(t)
	if err := files.Save(t.Context(), "k", first(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	source := sourceOf(t, newClient(t, says(200, good), nil), client.TokenSourceConfig{Store: files, Key: "k"})
	if _, err := source.TokenContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(saved(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Issuer     string    `json:"issuer"`
		ClientID   string    `json:"client_id"`
		ReceivedAt time.Time `json:"received_at"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Issuer != issuerURL || file.ClientID != "app" || file.ReceivedAt.IsZero() {
		t.Errorf("%s, %v", text, err)
	}
}

// What a sign-in leaves behind until the user comes back is good for the client that began it.
func TestCaseX1_PendingSignInsBelongToTheirClient(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	other := p.client(t, func(cfg *client.Config) { cfg.ClientID = "other" })
	jar, w := cookies(t, "k"), httptest.NewRecorder()
	pending := begin(t, c, client.AuthorizationOptions{})
	if err := jar.Save(w, browser(), pending); err != nil {
		t.Fatal(err)
	}
	taken, err := jar.Take(httptest.NewRecorder(), browser(w), pending.State)
	if err != nil || taken.ClientID != "app" || taken.Issuer != issuerURL {
		t.Fatalf("%q, %q, %v", taken.ClientID, taken.Issuer, err)
	}
	unbound := *taken
	unbound.ClientID = ""
	back := url.Values{"code": {"c"}, "state": {pending.State}, "iss": {issuerURL}}
	for name, call := range map[string]func() (*client.Token, error){
		"of another client": func() (*client.Token, error) { return other.Callback(t.Context(), taken, back) },
		"of no client":      func() (*client.Token, error) { return c.Callback(t.Context(), &unbound, back) },
	} {
		if token, err := call(); !errors.Is(err, client.ErrCallback) {
			t.Errorf("%s: %v, %v", name, token, err)
		}
	}
	if len(p.requests) != 0 {
		t.Errorf("another client sent %v", p.lastForm())
	}
}

// A device code or CIBA request of one client is not sent by another.
func TestCaseX1_PollsBelongToTheirClient(t *testing.T) {
	t.Parallel()
	start := newClient(t, says(200, deviceStarted), func(cfg *client.Config) {
		cfg.Endpoints = map[string]string{
			"device_authorization_endpoint": issuerURL + "/d", "backchannel_authentication_endpoint": issuerURL + "/b",
		}
	})
	device, err := start.StartDevice(t.Context(), client.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ciba := newClient(t, says(200, `{"auth_req_id":"r","expires_in":60}`), func(cfg *client.Config) {
		cfg.Endpoints = map[string]string{"backchannel_authentication_endpoint": issuerURL + "/b"}
	})
	asked, err := ciba.StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	s := says(200, good)
	for name, other := range others(t, s) {
		if token, err := other.WaitDevice(t.Context(), device); err == nil {
			t.Errorf("%s: WaitDevice: %v", name, token)
		}
		if token, err := other.WaitCIBA(t.Context(), asked); err == nil {
			t.Errorf("%s: WaitCIBA: %v", name, token)
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("another client sent %v", s.lastForm())
	}
}
