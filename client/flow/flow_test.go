package flow_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client/flow"
)

func TestFlows(t *testing.T) {
	t.Parallel()
	const mfa = "http://auth0.com/oauth/grant-type/mfa-"
	tests := []struct {
		flow   flow.Flow
		texts  []string
		name   string
		grants []string
	}{
		{flow.AuthorizationCode, []string{"authorizationCode"}, "Authorization Code", []string{"authorization_code"}},
		{
			flow.AuthorizationCodeWithPKCE,
			[]string{"authorizationCodeWithPKCE"},
			"Authorization Code with PKCE",
			[]string{"authorization_code"},
		},
		{flow.ClientCredentials, []string{"clientCredentials"}, "Client Credentials", []string{"client_credentials"}},
		{flow.RefreshToken, []string{"refresh_token", "refreshToken"}, "Refresh Token", []string{"refresh_token"}},
		{
			flow.DeviceCode,
			[]string{"device_code", "deviceCode"},
			"Device Code",
			[]string{"urn:ietf:params:oauth:grant-type:device_code"},
		},
		{flow.Password, []string{"password"}, "Password", []string{"password"}},
		{flow.PasswordMFA, []string{"passwordMfa"}, "Password MFA", []string{mfa + "otp", mfa + "oob"}},
		{
			flow.OIDCAuthorizationCode,
			[]string{"oidcAuthorizationCode"},
			"OIDC Authorization Code",
			[]string{"authorization_code"},
		},
	}
	var all []flow.Flow
	for _, tt := range tests {
		all = append(all, tt.flow)
		for _, text := range tt.texts {
			if got, err := flow.Parse(text); got != tt.flow || err != nil {
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
		if !flow.Valid([]flow.Flow{tt.flow}) {
			t.Errorf("%q is not valid", tt.flow)
		}
	}
	if diff := cmp.Diff(all, flow.Values()); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestAllIsNoFlowOfAClient(t *testing.T) {
	t.Parallel()
	if got, err := flow.Parse("all"); got != flow.All || err != nil {
		t.Errorf("Parse: %q, %v", got, err)
	}
	for _, flows := range [][]flow.Flow{{flow.All}, {flow.Password, flow.All}, {""}, {"refreshToken"}, {"Password"}} {
		if flow.Valid(flows) {
			t.Errorf("%q are valid", flows)
		}
	}
	if !flow.Valid(nil) {
		t.Error("no flows are not valid")
	}
	want := []string{
		"authorization_code", "client_credentials", "http://auth0.com/oauth/grant-type/mfa-oob",
		"http://auth0.com/oauth/grant-type/mfa-otp", "password", "refresh_token",
		"urn:ietf:params:oauth:grant-type:device_code",
	}
	if diff := cmp.Diff(want, flow.All.GrantTypes()); diff != "" {
		t.Errorf("grant types of all (-want +got):\n%s", diff)
	}
	if flow.All.Name() != "" || flow.Flow("x").Name() != "" || flow.Flow("x").GrantTypes() != nil {
		t.Error("what is no flow has a name or a grant type")
	}
}

func TestParse_Unknown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "ALL", "PASSWORD", "RefreshToken", "authorization_code", " password"} {
		if got, err := flow.Parse(text); got != "" || !errors.Is(err, flow.ErrUnknown) {
			t.Errorf("Parse(%q) = %q, %v", text, got, err)
		}
	}
}

// What is handed out belongs to the caller.
func TestCopies(t *testing.T) {
	t.Parallel()
	flow.Values()[0] = "x"
	flow.PasswordMFA.GrantTypes()[0] = "x"
	if flow.Values()[0] == "x" || flow.PasswordMFA.GrantTypes()[0] == "x" {
		t.Error("the caller has changed the package")
	}
}
