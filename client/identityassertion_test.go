package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// unsigned returns a JWT without a valid signature.
func unsigned(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

// assertionPair is an identity provider and the authorization server of a resource.
type assertionPair struct{ provider, server *server }

// grant returns an IdentityAssertion whose provider issues this response.
func (p *assertionPair) grant(t *testing.T, response string, change func(*client.IdentityAssertionConfig, *client.Config)) *client.IdentityAssertion {
	t.Helper()
	p.server, p.provider = says(200, good), says(200, response)
	idp := client.Config{
		Issuer: "https://idp.test", ClientID: "sso", ClientSecret: "idp-secret", HTTPClient: &http.Client{Transport: p.provider},
		Metadata: &oidcdiscovery.Metadata{Issuer: "https://idp.test", TokenEndpoint: "https://idp.test/token"},
		OnToken:  func(context.Context, *client.Token) error { return errors.New("OnToken is called with the assertion") },
	}
	cfg := client.IdentityAssertionConfig{
		Client: newClient(t, p.server, func(cfg *client.Config) { cfg.Scopes, cfg.Resource = []string{"read"}, []string{apiURL} }), Resource: apiURL,
		SubjectToken: func(context.Context) (string, error) { return "the-id-token", nil },
	}
	if change != nil {
		change(&cfg, &idp)
	}
	provider, err := client.New(idp)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Provider = provider
	a, err := client.NewIdentityAssertion(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issued returns the response of a token exchange.
func issued(assertion, issuedType, tokenType string) string {
	return `{"access_token":"` + assertion + `","issued_token_type":"` + issuedType + `","token_type":"` + tokenType + `","expires_in":300}`
}

const jagHeader = `{"alg":"ES256","typ":"oauth-id-jag+jwt"}`

func TestIdentityAssertion(t *testing.T) {
	t.Parallel()
	jag := unsigned(jagHeader, `{"aud":"`+issuerURL+`"}`)
	var p assertionPair
	a := p.grant(t, issued(jag, client.TokenTypeIDJAG, "N_A"), nil)
	token, err := a.Token(t.Context())
	if err != nil || token.AccessToken != "at" || token.Issuer != issuerURL {
		t.Fatal(token, err)
	}
	sent := p.provider.lastForm()
	if diff := cmp.Diff(url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:id-jag"},
		"subject_token": {"the-id-token"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"audience": {issuerURL}, "resource": {apiURL}, "scope": {"read"},
	}, sent); diff != "" {
		t.Error(diff)
	}
	sent = p.server.lastForm()
	if diff := cmp.Diff(url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jag}, "scope": {"read"}, "resource": {apiURL},
	}, sent); diff != "" {
		t.Error(diff)
	}
	if _, err := a.Token(t.Context(), "write", "admin"); err != nil {
		t.Fatal(err)
	}
	if got := []string{p.provider.lastForm().Get("scope"), p.server.lastForm().Get("scope")}; !cmp.Equal(got, []string{"write admin", "write admin"}) {
		t.Errorf("scopes %q", got)
	}
	source, err := newClient(t, p.server, nil).TokenSource(client.TokenSourceConfig{Grant: a.Token})
	if err != nil {
		t.Fatal(err)
	}
	if token, err := source.Token(); err != nil || token.AccessToken != "at" {
		t.Error(token, err)
	}
}

// Only an assertion for the authorization server of the resource is sent there.
func TestIdentityAssertion_WhatIsSentOn(t *testing.T) {
	t.Parallel()
	aud := `{"aud":"` + issuerURL + `"}`
	for name, test := range map[string]struct {
		response string
		ok       bool
	}{
		"assertion":                     {issued(unsigned(jagHeader, aud), client.TokenTypeIDJAG, "N_A"), true},
		"token_type in lower case":      {issued(unsigned(jagHeader, aud), client.TokenTypeIDJAG, "n_a"), true},
		"token_type Bearer":             {issued(unsigned(jagHeader, aud), client.TokenTypeIDJAG, "Bearer"), true},
		"aud in an array":               {issued(unsigned(jagHeader, `{"aud":["`+issuerURL+`"]}`), client.TokenTypeIDJAG, "N_A"), true},
		"typ with application/":         {issued(unsigned(`{"alg":"ES256","typ":"Application/OAuth-ID-JAG+JWT"}`, aud), client.TokenTypeIDJAG, "N_A"), true},
		"typ with another type":         {issued(unsigned(`{"alg":"ES256","typ":"text/oauth-id-jag+jwt"}`, aud), client.TokenTypeIDJAG, "N_A"), false},
		"access token":                  {issued(unsigned(jagHeader, aud), client.TokenTypeAccessToken, "Bearer"), false},
		"ID token":                      {issued(unsigned(jagHeader, aud), client.TokenTypeIDToken, "N_A"), false},
		"JWT":                           {issued(unsigned(jagHeader, aud), client.TokenTypeJWT, "N_A"), false},
		"no issued_token_type":          {`{"access_token":"` + unsigned(jagHeader, aud) + `","token_type":"Bearer"}`, false},
		"another typ":                   {issued(unsigned(`{"alg":"ES256","typ":"JWT"}`, aud), client.TokenTypeIDJAG, "N_A"), false},
		"no typ":                        {issued(unsigned(`{"alg":"ES256"}`, aud), client.TokenTypeIDJAG, "N_A"), false},
		"two typs":                      {issued(unsigned(`{"typ":"JWT","typ":"oauth-id-jag+jwt"}`, aud), client.TokenTypeIDJAG, "N_A"), false},
		"another audience":              {issued(unsigned(jagHeader, `{"aud":"https://other.test"}`), client.TokenTypeIDJAG, "N_A"), false},
		"another audience, by a slash":  {issued(unsigned(jagHeader, `{"aud":"`+issuerURL+`/"}`), client.TokenTypeIDJAG, "N_A"), false},
		"two audiences":                 {issued(unsigned(jagHeader, `{"aud":["`+issuerURL+`","https://other.test"]}`), client.TokenTypeIDJAG, "N_A"), false},
		"no audience":                   {issued(unsigned(jagHeader, `{}`), client.TokenTypeIDJAG, "N_A"), false},
		"two aud members":               {issued(unsigned(jagHeader, `{"aud":"x","aud":"`+issuerURL+`"}`), client.TokenTypeIDJAG, "N_A"), false},
		"opaque":                        {issued("opaque-secret", client.TokenTypeIDJAG, "N_A"), false},
		"encrypted":                     {issued("a.b.c.d.e", client.TokenTypeIDJAG, "N_A"), false},
		"payload that is not an object": {issued(unsigned(jagHeader, `[]`), client.TokenTypeIDJAG, "N_A"), false},
		"too long":                      {issued(unsigned(jagHeader, `{"aud":"`+issuerURL+`","x":"`+strings.Repeat("x", 64<<10)+`"}`), client.TokenTypeIDJAG, "N_A"), false},
		"no token":                      {`{"issued_token_type":"` + client.TokenTypeIDJAG + `","token_type":"N_A"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p assertionPair
			a := p.grant(t, test.response, nil)
			_, err := a.Token(t.Context())
			if (err == nil) != test.ok || err != nil && !errors.Is(err, client.ErrBadResponse) {
				t.Errorf("error %v", err)
			}
			if sent := len(p.server.requests) > 0; sent != test.ok {
				t.Errorf("the authorization server got %v", p.server.requests)
			}
			if err != nil && (strings.Contains(err.Error(), "the-id-token") || strings.Contains(err.Error(), "opaque-secret")) {
				t.Errorf("error %v has a token", err)
			}
		})
	}
}

func TestIdentityAssertion_Errors(t *testing.T) {
	t.Parallel()
	broken := errors.New("no session")
	var p assertionPair
	a := p.grant(t, "{}", func(cfg *client.IdentityAssertionConfig, _ *client.Config) {
		cfg.SubjectToken = func(context.Context) (string, error) { return "", broken }
	})
	if _, err := a.Token(t.Context()); !errors.Is(err, broken) || len(p.provider.requests) > 0 {
		t.Errorf("SubjectToken: %v", err)
	}
	a = p.grant(t, "{}", func(cfg *client.IdentityAssertionConfig, _ *client.Config) {
		cfg.SubjectToken = func(context.Context) (string, error) { return "", nil }
	})
	if _, err := a.Token(t.Context()); err == nil || len(p.provider.requests) > 0 {
		t.Errorf("an empty subject token: %v", err)
	}
	a = p.grant(t, "{}", nil)
	p.provider.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(400, `{"error":"invalid_grant"}`, nil)
	}
	if _, err := a.Token(t.Context()); !errors.Is(err, client.ErrInvalidGrant) || len(p.server.requests) > 0 {
		t.Errorf("the provider rejects the subject token: %v", err)
	}
	a = p.grant(t, issued(unsigned(jagHeader, `{"aud":"`+issuerURL+`"}`), client.TokenTypeIDJAG, "N_A"), nil)
	p.server.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(400, `{"error":"invalid_grant"}`, nil)
	}
	if _, err := a.Token(t.Context()); !errors.Is(err, client.ErrInvalidGrant) {
		t.Errorf("the authorization server rejects the assertion: %v", err)
	}
}

func TestNewIdentityAssertion_Faults(t *testing.T) {
	t.Parallel()
	_, err := client.NewIdentityAssertion(client.IdentityAssertionConfig{SubjectTokenType: client.TokenTypeRefreshToken})
	for _, field := range []string{"Provider", "Client", "SubjectToken ", "Resource", "SubjectTokenType"} {
		if err == nil || !strings.Contains(err.Error(), "IdentityAssertionConfig."+field) {
			t.Errorf("error %v does not name %s", err, field)
		}
	}
	c := newClient(t, says(200, good), nil)
	for _, resource := range []string{"api", "/api", "https://api.test#x", "https://api.test#"} {
		cfg := client.IdentityAssertionConfig{
			Provider: c, Client: c, Resource: resource, SubjectToken: func(context.Context) (string, error) { return "", nil },
		}
		if _, err := client.NewIdentityAssertion(cfg); err == nil {
			t.Errorf("resource %q is accepted", resource)
		}
	}
}
