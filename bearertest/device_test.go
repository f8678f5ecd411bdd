package bearertest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// startDevice requests a device code, and returns a function that polls.
func (p *party) startDevice(form ...string) (device map[string]any, poll func() (int, map[string]any)) {
	p.Helper()
	status, device := p.post("/device_authorization", form...)
	if status != http.StatusOK {
		p.Fatal(status, device)
	}
	return device, func() (int, map[string]any) {
		return p.post("/token", "grant_type", deviceGrant, "device_code", text(device["device_code"]))
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil).as("cli", "")
		device, poll := p.startDevice("scope", "openid orders:read", "resource", "https://orders.test")
		userCode := text(device["user_code"])
		want := map[string]any{
			"device_code": device["device_code"], "user_code": userCode, "verification_uri": "https://issuer.test/device",
			"verification_uri_complete": "https://issuer.test/device?user_code=" + userCode, "expires_in": 600.0, "interval": 5.0,
		}
		if diff := cmp.Diff(want, device); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		wait := func(seconds int, want string) {
			t.Helper()
			time.Sleep(time.Duration(seconds) * time.Second)
			status, response := poll()
			p.rejected("poll", want, status, response)
		}
		wait(0, "authorization_pending")
		wait(5, "authorization_pending")
		wait(4, "slow_down") // the interval is 10 s now
		wait(9, "slow_down") // 15 s
		wait(15, "authorization_pending")
		if diff := cmp.Diff([]string{userCode}, p.issuer.WaitingDevices()); diff != "" {
			t.Error(diff)
		}
		if !p.issuer.ApproveDevice(strings.ToLower(strings.ReplaceAll(userCode, "-", " "))) || p.issuer.ApproveDevice(userCode) || p.issuer.DenyDevice(userCode) {
			t.Error("the first decision counts, and no other")
		}
		if codes := p.issuer.WaitingDevices(); len(codes) != 0 {
			t.Error(codes)
		}
		time.Sleep(15 * time.Second)
		status, tokens := poll()
		if status != 200 || tokens["refresh_token"] == nil || p.claims(tokens["id_token"])["sub"] != "alice" {
			t.Fatal(status, tokens)
		}
		if claims := p.claims(tokens["access_token"]); claims["client_id"] != "cli" || claims["scope"] != "openid orders:read" || cmp.Diff([]any{"https://orders.test"}, claims["aud"]) != "" {
			t.Error(claims)
		}
		wait(15, "invalid_grant")
	})
}

func TestDeviceDecisions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		decide func(p *party, userCode string)
		want   string // empty: tokens
	}{
		"approved":              {func(p *party, code string) { p.issuer.ApproveDevice(code) }, ""},
		"approved in a browser": {func(p *party, code string) { p.send(http.MethodGet, p.issuer.URL()+"/device?user_code="+code, "") }, ""},
		"denied":                {func(p *party, code string) { p.issuer.DenyDevice(code) }, "access_denied"},
		"by a user who declines": {func(p *party, code string) {
			p.issuer.SetUser(bearertest.User{Error: "access_denied"})
			p.issuer.ApproveDevice(code)
		}, "access_denied"},
		"by a user who consents": {func(p *party, code string) {
			p.issuer.SetUser(bearertest.User{Error: "consent_required"})
			p.issuer.ApproveDevice(code)
		}, ""},
		"another code":            {func(p *party, _ string) { p.issuer.ApproveDevice("AAAA-AAAA") }, "authorization_pending"},
		"no code":                 {func(p *party, _ string) { p.issuer.ApproveDevice("") }, "authorization_pending"},
		"a page without a code":   {func(p *party, _ string) { p.send(http.MethodGet, p.issuer.URL()+"/device", "") }, "authorization_pending"},
		"after the end":           {func(p *party, code string) { time.Sleep(10 * time.Minute); p.issuer.ApproveDevice(code) }, "expired_token"},
		"too late to get a token": {func(p *party, code string) { p.issuer.ApproveDevice(code); time.Sleep(10 * time.Minute) }, "expired_token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newParty(t, nil)
				device, poll := p.startDevice()
				test.decide(p, text(device["user_code"]))
				status, response := poll()
				if test.want != "" {
					p.rejected(name, test.want, status, response)
				} else if status != 200 {
					t.Error(status, response)
				}
			})
		})
	}
}

func TestDeviceRequests(t *testing.T) {
	t.Parallel()
	p := newParty(t, func(cfg *bearertest.IssuerConfig) { cfg.DeviceInterval = 1500 * time.Millisecond })
	status, response := p.as("api", "of the api").post("/device_authorization")
	p.rejected("without the grant", "unauthorized_client", status, response)
	status, response = p.as("other", "").post("/device_authorization")
	p.rejected("another client", "invalid_client", status, response)
	status, response = p.post("/device_authorization", "resource", "x")
	p.rejected("resource", "invalid_target", status, response)
	device, _ := p.startDevice()
	if device["interval"] != 2.0 {
		t.Error(device)
	}
	status, response = p.as("cli", "").post("/token", "grant_type", deviceGrant, "device_code", text(device["device_code"]))
	p.rejected("of another client", "invalid_grant", status, response)
	status, response = p.post("/token", "grant_type", deviceGrant)
	p.rejected("no code", "expired_token", status, response)

	plain := bearertest.NewIssuer(bearertest.IssuerConfig{})
	if plain.ApproveDevice("AAAA-AAAA") || plain.WaitingDevices() != nil {
		t.Error("an issuer without clients has no devices")
	}
}
