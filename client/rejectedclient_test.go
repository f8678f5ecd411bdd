package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// AudienceEndpoint makes the called endpoint the audience: at each endpoint its own URL, with a certificate that of the
// alias. Any other value is used at every endpoint.
func TestCaseC6_AssertionAudience(t *testing.T) {
	t.Parallel()
	paths := []string{"/token", "/par", "/device", "/ciba", "/revoke", "/introspect", "/mfa/challenge"}
	for name, test := range map[string]struct {
		audience string
		change   func(*client.Config)
		want     func(path string) string
	}{
		"the issuer":   {"", nil, func(string) string { return issuerURL }},
		"a fixed one":  {issuerURL + "/token", nil, func(string) string { return issuerURL + "/token" }},
		"the endpoint": {client.AudienceEndpoint, nil, func(path string) string { return issuerURL + path }},
		"of the configured": {
			client.AudienceEndpoint,
			func(cfg *client.Config) {
				cfg.Endpoints = map[string]string{"token_endpoint": "https://own.test/token?p=1"}
			},
			func(path string) string {
				return map[bool]string{true: "https://own.test/token?p=1", false: issuerURL + path}[path == "/token"]
			},
		},
		"of the alias": {
			client.AudienceEndpoint,
			func(cfg *client.Config) {
				cfg.MutualTLS = true
				cfg.Metadata.MTLSEndpointAliases = map[string]string{
					"token_endpoint": "https://mtls.test/token", "pushed_authorization_request_endpoint": "https://mtls.test/par",
				}
			},
			func(path string) string {
				return map[bool]string{true: "https://mtls.test" + path, false: issuerURL + path}[path == "/token" || path == "/par"]
			},
		},
	} {
		for _, method := range []client.AuthMethod{client.AuthPrivateKeyJWT, client.AuthSecretJWT} {
			s := says(200, `{"active":false}`)
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret, cfg.Key, cfg.AssertionAudience = method, longSecret, newKey(t), test.audience
				cfg.Metadata, cfg.Scopes = allEndpoints(), []string{"openid"}
				if test.change != nil {
					test.change(cfg)
				}
			})
			calls := authenticated(t, c)
			for _, path := range paths {
				_ = calls[path]()
				if _, claims := parts(t, s.lastForm().Get("client_assertion")); claims["aud"] != test.want(path) {
					t.Errorf("%s, %s, %s: aud %v, want %s", name, method, path, claims["aud"], test.want(path))
				}
			}
			_, _ = c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"})
			if u := s.requests[len(s.requests)-1].URL.String(); u != issuerURL+"/mfa/associate" {
				t.Errorf("associate: request to %s", u)
			}
		}
	}
}

// The error for a rejected client says how it authenticated, and which fields change that.
func TestCaseC6_RejectedClient(t *testing.T) {
	t.Parallel()
	invalid := `{"error":"invalid_client"}`
	for name, test := range map[string]struct {
		status int
		body   string
		change func(*client.Config)
		want   []string // nil: the text has nothing about the method
	}{
		"private_key_jwt": {
			401, invalid, func(cfg *client.Config) { cfg.AuthMethod, cfg.Key = client.AuthPrivateKeyJWT, newKey(t) },
			[]string{"private_key_jwt", `audience "` + issuerURL + `"`, `"ES256"`, `"key-1"`, "Config.AuthMethod", "Config.AssertionAudience", "Config.Key"},
		},
		"the endpoint": {
			400, invalid,
			func(cfg *client.Config) {
				cfg.AuthMethod, cfg.Key, cfg.AssertionAudience = client.AuthPrivateKeyJWT, newKey(t), client.AudienceEndpoint
			},
			[]string{`audience "` + issuerURL + `/token"`},
		},
		"client_secret_jwt": {
			401, invalid, func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret = client.AuthSecretJWT, longSecret },
			[]string{"client_secret_jwt", `audience "` + issuerURL + `"`, "Config.AssertionAudience"},
		},
		"AssertionSource": {
			401, invalid,
			func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret = "", ""
				cfg.AssertionSource = func(context.Context) (string, error) { return platformToken(1, nil), nil }
			},
			[]string{"private_key_jwt", "Config.AssertionSource", "Config.AuthMethod is empty", "aud"},
		},
		"basic": {
			401, invalid, nil, []string{"client_secret_basic", "form-urlencoded", "Config.AuthMethod", "Config.BasicEncoding", "Config.ClientIDInBody"},
		},
		"basic, raw": {401, invalid, func(cfg *client.Config) { cfg.BasicEncoding = client.BasicRaw }, []string{"unchanged"}},
		"post":       {401, invalid, func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost }, []string{"client_secret_post", "Config.AuthMethod"}},
		"chosen": {
			401, invalid,
			func(cfg *client.Config) {
				cfg.AuthMethod, cfg.Metadata.TokenEndpointAuthMethodsSupported = "", []string{"client_secret_post"}
			},
			[]string{"client_secret_post", "Config.AuthMethod is empty"},
		},
		"none": {401, invalid, func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret = "", "" }, []string{"no credential", "Config.ClientSecret", "Config.Key"}},
		"TLS":  {401, invalid, func(cfg *client.Config) { cfg.AuthMethod = client.AuthTLS }, []string{"tls_client_auth", "Config.AuthMethod"}},
		"a method that is not listed": {
			401, invalid,
			func(cfg *client.Config) {
				cfg.Metadata.TokenEndpointAuthMethodsSupported = []string{"client_secret_post", "private_key_jwt"}
			},
			[]string{`token_endpoint_auth_methods_supported lists only ["client_secret_post" "private_key_jwt"]`},
		},
		"an algorithm that is not listed": {
			401, invalid,
			func(cfg *client.Config) {
				cfg.AuthMethod, cfg.Key = client.AuthPrivateKeyJWT, newKey(t)
				cfg.Metadata.TokenEndpointAuthSigningAlgValuesSupported = []string{"RS256", "PS256"}
			},
			[]string{`algorithms ["RS256" "PS256"]`},
		},
		"status 200":                    {200, invalid, nil, []string{"client_secret_basic"}},
		"another code":                  {401, `{"error":"unauthorized_client"}`, nil, []string{"client_secret_basic"}},
		"a code of one server":          {200, `{"error":"incorrect_client_credentials"}`, nil, []string{"client_secret_basic"}},
		"a code of another server":      {200, `{"ok":false,"error":"bad_client_secret"}`, nil, []string{"client_secret_basic"}},
		"401 without a code":            {401, ``, nil, []string{"client_secret_basic"}},
		"the grant":                     {400, `{"error":"invalid_grant"}`, nil, nil},
		"the request":                   {400, `{"error":"invalid_request"}`, nil, nil},
		"403 of a proxy":                {403, `forbidden`, nil, nil},
		"an outage":                     {503, ``, nil, nil},
		"an endpoint of the Config":     {401, invalid, func(cfg *client.Config) { cfg.Endpoints = map[string]string{"token_endpoint": issuerURL + "/own"} }, []string{"client_secret_basic"}},
		"a list that is long and wrong": {401, invalid, func(cfg *client.Config) { cfg.Metadata.TokenEndpointAuthMethodsSupported = make([]string, 50) }, []string{`"" …]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := says(test.status, test.body)
			c := newClient(t, s, test.change)
			_, err := c.ClientCredentials(t.Context())
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Status != test.status {
				t.Fatalf("error %v", err)
			}
			if test.want == nil && strings.Contains(err.Error(), "client authenticated") {
				t.Errorf("error %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) || !strings.Contains(e.Error(), want) {
					t.Errorf("error %v, want it to contain %s", err, want)
				}
			}
			for _, secret := range []string{longSecret, "s e/c:r+e~t", "s+e%2F", s.lastForm().Get("client_assertion"), "YXBwOnM"} {
				if text := err.Error() + fmt.Sprintf("%+v %#v", err, err); secret != "" && strings.Contains(text, secret) {
					t.Errorf("the error contains a credential: %s", text)
				}
			}
			if len(s.requests) != 1 {
				t.Errorf("%d requests, want 1", len(s.requests))
			}
		})
	}
}

// The text is the same at every endpoint at which a client authenticates.
func TestCaseC6_RejectedAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	s := says(401, `{"error":"invalid_client"}`)
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.AuthMethod, cfg.Key, cfg.AssertionAudience = client.AuthPrivateKeyJWT, newKey(t), client.AudienceEndpoint
		cfg.Metadata, cfg.Scopes = allEndpoints(), []string{"openid"}
	})
	calls := authenticated(t, c)
	calls["/mfa/associate"] = func() error {
		_, err := c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"})
		return err
	}
	for path, call := range calls {
		err := call()
		if !errors.Is(err, client.ErrInvalidClient) || !strings.Contains(err.Error(), `private_key_jwt; the assertion had the audience "`+issuerURL+path+`"`) {
			t.Errorf("%s: %v", path, err)
		}
	}
	basic := newClient(t, s, nil)
	_, err := basic.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"})
	if err == nil || !strings.Contains(err.Error(), "client_secret_post") { // the header has the MFA token
		t.Errorf("associate with Basic: %v", err)
	}
}
