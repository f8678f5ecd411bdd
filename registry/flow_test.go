package registry_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
)

func TestFlows(t *testing.T) {
	t.Parallel()
	const mfa = "http://auth0.com/oauth/grant-type/mfa-"
	tests := []struct {
		flow   registry.Flow
		texts  []string
		name   string
		grants []string
	}{
		{registry.FlowAuthorizationCode, []string{"authorizationCode"}, "Authorization Code", []string{"authorization_code"}},
		{
			registry.FlowAuthorizationCodeWithPKCE,
			[]string{"authorizationCodeWithPKCE"},
			"Authorization Code with PKCE",
			[]string{"authorization_code"},
		},
		{registry.FlowClientCredentials, []string{"clientCredentials"}, "Client Credentials", []string{"client_credentials"}},
		{registry.FlowRefreshToken, []string{"refresh_token", "refreshToken"}, "Refresh Token", []string{"refresh_token"}},
		{
			registry.FlowDeviceCode,
			[]string{"device_code", "deviceCode"},
			"Device Code",
			[]string{"urn:ietf:params:oauth:grant-type:device_code"},
		},
		{registry.FlowPassword, []string{"password"}, "Password", []string{"password"}},
		{registry.FlowPasswordMFA, []string{"passwordMfa"}, "Password MFA", []string{mfa + "otp", mfa + "oob"}},
		{
			registry.FlowOIDCAuthorizationCode,
			[]string{"oidcAuthorizationCode"},
			"OIDC Authorization Code",
			[]string{"authorization_code"},
		},
	}
	var all []registry.Flow
	for _, tt := range tests {
		all = append(all, tt.flow)
		for _, text := range tt.texts {
			if got, err := registry.ParseFlow(text); got != tt.flow || err != nil {
				t.Errorf("Parse(%q) = %q, %v", text, got, err)
			}
		}
		if string(tt.flow) != tt.texts[0] {
			t.Errorf("%q is written, want %q", tt.flow, tt.texts[0])
		}
		if got := tt.flow.Name(); got != tt.name {
			t.Errorf("%q is called %q, want %q", tt.flow, got, tt.name)
		}
		if diff := cmp.Diff(tt.grants, tt.flow.GrantTypes()); diff != "" {
			t.Errorf("grant types of %q (-want +got):\n%s", tt.flow, diff)
		}
		if !registry.ValidFlows([]registry.Flow{tt.flow}) {
			t.Errorf("%q is not valid", tt.flow)
		}
	}
	if diff := cmp.Diff(all, registry.AllFlows()); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestFlowAllIsRejectedForAClient(t *testing.T) {
	t.Parallel()
	if got, err := registry.ParseFlow("all"); got != registry.FlowAll || err != nil {
		t.Errorf("Parse: %q, %v", got, err)
	}
	for _, flows := range [][]registry.Flow{{registry.FlowAll}, {registry.FlowPassword, registry.FlowAll}, {""}, {"refreshToken"}, {"Password"}} {
		if registry.ValidFlows(flows) {
			t.Errorf("%q are valid", flows)
		}
	}
	if !registry.ValidFlows(nil) {
		t.Error("an empty set of flows is not valid")
	}
	want := []string{
		"authorization_code", "client_credentials", "http://auth0.com/oauth/grant-type/mfa-oob",
		"http://auth0.com/oauth/grant-type/mfa-otp", "password", "refresh_token",
		"urn:ietf:params:oauth:grant-type:device_code",
	}
	if diff := cmp.Diff(want, registry.FlowAll.GrantTypes()); diff != "" {
		t.Errorf("grant types of all (-want +got):\n%s", diff)
	}
	if registry.FlowAll.Name() != "" || registry.Flow("x").Name() != "" || registry.Flow("x").GrantTypes() != nil {
		t.Error("an unknown flow has a name or a grant type")
	}
}

func TestParseFlow_Unknown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "ALL", "PASSWORD", "RefreshToken", "authorization_code", " password"} {
		if got, err := registry.ParseFlow(text); got != "" || !errors.Is(err, registry.ErrUnknownFlow) {
			t.Errorf("Parse(%q) = %q, %v", text, got, err)
		}
	}
}

// The caller may change the returned lists.
func TestFlowCopies(t *testing.T) {
	t.Parallel()
	registry.AllFlows()[0] = "x"
	registry.FlowPasswordMFA.GrantTypes()[0] = "x"
	if registry.AllFlows()[0] == "x" || registry.FlowPasswordMFA.GrantTypes()[0] == "x" {
		t.Error("the caller has changed the package")
	}
}
