package testing

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
)

// newIssuer returns an authorization server that knows the programs of the shop, and the user Alice.
func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{
		Clients: []bearertest.Client{
			{ID: "site", Secret: "secret of the site", RedirectURIs: []string{"https://shop.test/auth/callback"}},
			{ID: "cli", RedirectURIs: []string{"http://127.0.0.1/callback"}},
		},
		Users: []bearertest.User{{Subject: "alice", Claims: map[string]any{"name": "Alice"}}},
	})
}

func newClient(t *testing.T, issuer *bearertest.Issuer, cfg client.Config) *client.Client {
	t.Helper()
	cfg.Issuer, cfg.HTTPClient = issuer.URL(), issuer.Client()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSiteOf(t *testing.T, issuer *bearertest.Issuer) http.Handler {
	t.Helper()
	site, err := newSite(newClient(t, issuer, client.Config{
		ClientID:     "site",
		ClientSecret: "secret of the site",
		RedirectURI:  "https://shop.test/auth/callback",
		Scopes:       []string{"openid", "orders:read"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// openAccount opens the page of the user in a browser, and returns the status and the text of the page at which the browser arrives.
func openAccount(t *testing.T, browser *http.Client) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.test/account", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(page)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	browser := issuer.Browser("https://shop.test", newSiteOf(t, issuer))

	status, page := openAccount(t, browser) // redirects to the issuer, and back
	if status != http.StatusOK || page != "account of Alice" {
		t.Errorf("status %d, %s", status, page)
	}
}

func TestSignInIsDenied(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	issuer.SetUser(bearertest.User{Error: "access_denied"})
	browser := issuer.Browser("https://shop.test", newSiteOf(t, issuer))

	status, page := openAccount(t, browser)
	if status != http.StatusForbidden {
		t.Errorf("status %d, %s", status, page)
	}
}

func TestSignInDuringAnOutage(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	browser := issuer.Browser("https://shop.test", newSiteOf(t, issuer))

	issuer.FailNext("/token", bearertest.Respond(http.StatusServiceUnavailable, ""))
	if status, page := openAccount(t, browser); status != http.StatusServiceUnavailable {
		t.Errorf("status %d, %s", status, page)
	}
	if status, page := openAccount(t, browser); status != http.StatusOK {
		t.Errorf("afterwards: status %d, %s", status, page)
	}
}

// TestLoopback signs in the user of a command-line program. The redirect URI is on a socket of this machine.
func TestLoopback(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newClient(t, issuer, client.Config{ClientID: "cli", Scopes: []string{"openid"}})
	token, err := loopback.SignIn(t.Context(), c, loopback.Options{
		Out: io.Discard,
		Open: func(ctx context.Context, address string) error {
			redirected, err := issuer.Visit(ctx, address)
			if err != nil {
				return err
			}
			go visit(ctx, redirected)
			return nil
		},
	})
	if err != nil || token.IDClaims.Subject() != "alice" {
		t.Error(token, err)
	}
}

// visit requests a page, and ignores its text.
func visit(ctx context.Context, address string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return
	}
	response, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = response.Body.Close()
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		c := newClient(t, issuer, client.Config{ClientID: "cli", Scopes: []string{"openid"}})
		var screen bytes.Buffer
		var token *client.Token
		var err error
		go func() { token, err = connectDevice(t.Context(), c, &screen) }()

		synctest.Wait() // the device has requested a code, and waits for the user
		code := issuer.WaitingDevices()[0]
		if !strings.Contains(screen.String(), code) {
			t.Errorf("the screen does not show the code %s: %s", code, &screen)
		}
		issuer.ApproveDevice(code)  // or DenyDevice
		time.Sleep(5 * time.Second) // the interval at which the device polls
		synctest.Wait()
		if err != nil || token.IDClaims.Subject() != "alice" {
			t.Error(token, err)
		}
	})
}
