package client_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// sentBy returns the names of all methods by which the last request of s was authenticated, joined by "+".
func (s *server) sentBy() string {
	form := s.lastForm()
	var methods []string
	if strings.HasPrefix(s.requests[len(s.requests)-1].Header.Get("Authorization"), "Basic ") {
		methods = append(methods, "basic")
	}
	if form.Has("client_secret") {
		methods = append(methods, "post")
	}
	if form.Has("client_assertion") {
		methods = append(methods, "jwt")
	}
	if len(methods) == 0 && form.Get("client_id") == "app" {
		return "none"
	}
	return strings.Join(methods, "+")
}

// The list of methods is unordered. Basic is used if it is listed or if nothing is listed, and no method is used that the
// server does not offer.
func TestCaseC5_C3_MethodByMetadata(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		offered []string
		secret  string
		want    string // "": nothing is sent
	}{
		"nothing is named":         {nil, "short", "basic"},
		"an empty list":            {[]string{}, "short", "basic"},
		"basic":                    {[]string{"client_secret_basic"}, "short", "basic"},
		"post":                     {[]string{"private_key_jwt", "client_secret_post"}, "short", "post"},
		"post before basic":        {[]string{"client_secret_post", "client_secret_basic"}, "short", "basic"},
		"post before others":       {[]string{"client_secret_post", "none", "tls_client_auth", "client_secret_basic"}, "short", "basic"},
		"a JWT before post":        {[]string{"client_secret_jwt", "client_secret_post"}, longSecret, "post"},
		"a JWT is the last choice": {[]string{"client_secret_jwt", "client_secret_basic"}, longSecret, "basic"},
		"a JWT":                    {[]string{"client_secret_jwt"}, longSecret, "jwt"},
		"too short for a JWT":      {[]string{"client_secret_jwt"}, "short", ""},
		"none for a secret":        {[]string{"private_key_jwt", "tls_client_auth", "none"}, longSecret, ""},
		"another case":             {[]string{"Client_Secret_Basic"}, longSecret, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := says(200, good)
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata.TokenEndpointAuthMethodsSupported = "", test.secret, test.offered
			})
			_, err := c.ClientCredentials(t.Context())
			if test.want == "" {
				if !errors.Is(err, client.ErrUnsupported) || len(s.requests) != 0 || !strings.Contains(err.Error(), test.offered[0]) ||
					!strings.Contains(err.Error(), "Config.AuthMethod") {
					t.Errorf("error %v after %d requests, want ErrUnsupported after none", err, len(s.requests))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := s.sentBy(); got != test.want {
				t.Errorf("sent by %q, want %q", got, test.want)
			}
		})
	}
}

// allEndpoints returns metadata with all endpoints at which a client authenticates.
func allEndpoints() *oidcdiscovery.Metadata {
	return &oidcdiscovery.Metadata{
		Issuer: issuerURL, TokenEndpoint: issuerURL + "/token", PushedAuthorizationRequestEndpoint: issuerURL + "/par",
		DeviceAuthorizationEndpoint: issuerURL + "/device", BackchannelAuthenticationEndpoint: issuerURL + "/ciba",
		RevocationEndpoint: issuerURL + "/revoke", IntrospectionEndpoint: issuerURL + "/introspect",
	}
}

// authenticated returns a function for each endpoint at which a client authenticates, by the path of the endpoint. The
// function sends one request. Most of them return an error, because the response is the same at all endpoints.
func authenticated(t *testing.T, c *client.Client) map[string]func() error {
	t.Helper()
	return map[string]func() error{
		"/token":         func() error { _, err := c.ClientCredentials(t.Context()); return err },
		"/par":           func() error { _, _, err := c.PushAuthorization(t.Context(), url.Values{"scope": {"a"}}); return err },
		"/device":        func() error { _, err := c.StartDevice(t.Context(), client.DeviceOptions{}); return err },
		"/ciba":          func() error { _, err := c.StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "alice"}); return err },
		"/revoke":        func() error { return c.Revoke(t.Context(), "t", "") },
		"/introspect":    func() error { _, err := c.Introspect(t.Context(), "t", ""); return err },
		"/mfa/challenge": func() error { _, err := c.MFARequestOTP(t.Context(), "mfa", ""); return err },
	}
}

// The revocation and the introspection endpoint have lists of their own. Without one, the list of the token endpoint
// applies: a server whose token endpoint offers only post usually offers only post there too.
func TestCaseC8_MethodsOfTheEndpoint(t *testing.T) {
	t.Parallel()
	basic, post, jwt := []string{"client_secret_basic"}, []string{"client_secret_post"}, []string{"client_secret_jwt"}
	for name, test := range map[string]struct {
		token, revocation, introspection []string
		fixed                            client.AuthMethod
		want                             map[string]string // by path; "": ErrUnsupported
	}{
		"each its own":            {basic, post, jwt, "", map[string]string{"/token": "basic", "/revoke": "post", "/introspect": "jwt"}},
		"other endpoints":         {post, basic, basic, "", map[string]string{"/par": "post", "/device": "post", "/ciba": "post", "/mfa/challenge": "post"}},
		"only the token endpoint": {post, nil, nil, "", map[string]string{"/token": "post", "/revoke": "post", "/introspect": "post"}},
		"nothing at all":          {nil, nil, nil, "", map[string]string{"/token": "basic", "/revoke": "basic", "/introspect": "basic"}},
		"unordered": {
			post,
			[]string{"client_secret_post", "client_secret_basic"},
			[]string{"private_key_jwt", "client_secret_post"},
			"",
			map[string]string{"/token": "post", "/revoke": "basic", "/introspect": "post"},
		},
		"access token types": {basic, nil, []string{"Bearer", "client_secret_post"}, "", map[string]string{"/introspect": "post"}},
		"not for a secret":   {basic, []string{"private_key_jwt"}, []string{"Bearer"}, "", map[string]string{"/token": "basic", "/revoke": "", "/introspect": ""}},
		"the setting wins":   {basic, basic, jwt, client.AuthPost, map[string]string{"/token": "post", "/revoke": "post", "/introspect": "post"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := says(200, `{"active":false}`)
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata, cfg.Scopes = test.fixed, longSecret, allEndpoints(), []string{"openid"}
				cfg.Metadata.TokenEndpointAuthMethodsSupported = test.token
				cfg.Metadata.RevocationEndpointAuthMethodsSupported = test.revocation
				cfg.Metadata.IntrospectionEndpointAuthMethodsSupported = test.introspection
			})
			calls := authenticated(t, c)
			for path, want := range test.want {
				before := len(s.requests)
				err := calls[path]()
				switch {
				case want == "" && (!errors.Is(err, client.ErrUnsupported) || len(s.requests) != before):
					t.Errorf("%s: error %v, want ErrUnsupported without a request", path, err)
				case want != "" && (len(s.requests) != before+1 || s.sentBy() != want):
					t.Errorf("%s: sent by %q in %d requests, want %q in one", path, s.sentBy(), len(s.requests)-before, want)
				}
			}
		})
	}
}

// A list that cannot be used is not treated as absent: the secret could be sent in a way that the server does not offer.
func TestCaseC8_ListThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for member, paths := range map[string][]string{
		"revocation_endpoint_auth_methods_supported":    {"/revoke"},
		"introspection_endpoint_auth_methods_supported": {"/introspect"},
		"token_endpoint_auth_methods_supported":         {"/token", "/revoke", "/introspect", "/par"},
	} {
		document := `{"issuer":"` + issuerURL + `","authorization_endpoint":"` + issuerURL + `/auth","token_endpoint":"` + issuerURL +
			`/token","jwks_uri":"` + issuerURL + `/jwks","response_types_supported":["code"],"revocation_endpoint":"` + issuerURL +
			`/revoke","introspection_endpoint":"` + issuerURL + `/introspect","pushed_authorization_request_endpoint":"` + issuerURL +
			`/par","` + member + `":[7]}`
		var sent []string
		s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
			if strings.Contains(r.URL.Path, "well-known") {
				return written(200, document, nil)
			}
			sent = append(sent, r.URL.Path)
			return written(200, `{"active":false}`, nil)
		}}
		c := newClient(t, s, func(cfg *client.Config) { cfg.AuthMethod, cfg.Metadata = "", nil })
		calls := authenticated(t, c)
		for _, path := range []string{"/token", "/revoke", "/introspect", "/par"} {
			sent = nil
			err := calls[path]()
			if rejected := errors.Is(err, client.ErrBadResponse) && len(sent) == 0; rejected != slices.Contains(paths, path) {
				t.Errorf("%s, %s: error %v after %v", member, path, err, sent)
			}
		}
	}
}

// verifyHMAC checks the signature of a client assertion with a secret.
func verifyHMAC(t *testing.T, raw, secret, alg string) {
	t.Helper()
	header, _ := parts(t, raw)
	newHash := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}[alg]
	i := strings.LastIndex(raw, ".")
	mac := hmac.New(newHash, []byte(secret))
	_, _ = mac.Write([]byte(raw[:i]))
	if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); header["alg"] != alg || raw[i+1:] != want {
		t.Errorf("header %v, or a wrong signature, want %s", header, alg)
	}
}

// The algorithm for a secret is one that the endpoint lists.
func TestCaseC8_AlgorithmOfTheEndpoint(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat(longSecret, 2) // 64 bytes
	for name, test := range map[string]struct {
		token, revocation, introspection []string
		secret                           string
		want                             map[string]string
	}{
		"nothing is named":    {nil, nil, nil, secret, map[string]string{"/token": "HS256", "/revoke": "HS256"}},
		"the weakest":         {[]string{"HS512", "HS256"}, nil, nil, secret, map[string]string{"/token": "HS256", "/introspect": "HS256"}},
		"each its own":        {[]string{"HS256"}, []string{"RS256", "HS384"}, []string{"HS512"}, secret, map[string]string{"/token": "HS256", "/revoke": "HS384", "/introspect": "HS512", "/par": "HS256"}},
		"only a long hash":    {[]string{"HS512"}, nil, nil, secret, map[string]string{"/token": "HS512", "/revoke": "HS512", "/device": "HS512"}},
		"the secret is short": {[]string{"HS512"}, nil, nil, longSecret, map[string]string{"/token": "HS256"}},
		"not for a secret":    {[]string{"RS256"}, nil, nil, secret, map[string]string{"/token": "HS256"}},
	} {
		s := says(200, `{"active":false}`)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata, cfg.Scopes = client.AuthSecretJWT, test.secret, allEndpoints(), []string{"openid"}
			cfg.Metadata.TokenEndpointAuthSigningAlgValuesSupported = test.token
			cfg.Metadata.RevocationEndpointAuthSigningAlgValuesSupported = test.revocation
			cfg.Metadata.IntrospectionEndpointAuthSigningAlgValuesSupported = test.introspection
		})
		calls := authenticated(t, c)
		for path, want := range test.want {
			_ = calls[path]()
			t.Run(name+path, func(t *testing.T) { verifyHMAC(t, s.lastForm().Get("client_assertion"), test.secret, want) })
		}
	}
}

// If the Config has the URL of the endpoint, the choice of a method and of an algorithm fetches no metadata. The MFA API
// goes by the token endpoint.
func TestCaseC8_NoDiscovery(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method client.AuthMethod
		want   string
	}{"chosen": {"", "basic"}, "a JWT": {client.AuthSecretJWT, "jwt"}} {
		s := says(401, `{"error":"invalid_client"}`) // the error text uses the metadata too
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata = test.method, longSecret, nil
			cfg.Endpoints = map[string]string{
				"token_endpoint": issuerURL + "/token", "revocation_endpoint": issuerURL + "/revoke",
				"introspection_endpoint": issuerURL + "/introspect",
			}
		})
		calls := authenticated(t, c)
		for _, path := range []string{"/token", "/revoke", "/introspect", "/mfa/challenge"} {
			before := len(s.requests)
			err := calls[path]()
			last := s.requests[len(s.requests)-1].URL.Path
			if !errors.Is(err, client.ErrInvalidClient) || len(s.requests) != before+1 || last != path || s.sentBy() != test.want {
				t.Errorf("%s, %s: error %v after %d requests, the last to %s, sent by %q", name, path, err, len(s.requests)-before, last, s.sentBy())
			}
		}
	}
}
