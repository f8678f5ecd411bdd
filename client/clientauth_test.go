package client_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const longSecret = "0123456789abcdef0123456789abcdef"

// Each method puts the credentials in one place. The id of a public client is in the body.
func TestC3_OnePlace(t *testing.T) {
	t.Parallel()
	const assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	key := newKey(t)
	for method, want := range map[client.AuthMethod]url.Values{
		client.AuthNone:          {"client_id": {"app"}},
		client.AuthBasic:         {},
		client.AuthPost:          {"client_id": {"app"}, "client_secret": {longSecret}},
		client.AuthSecretJWT:     {"client_id": {"app"}, "client_assertion_type": {assertion}},
		client.AuthPrivateKeyJWT: {"client_id": {"app"}, "client_assertion_type": {assertion}},
		client.AuthTLS:           {"client_id": {"app"}},
		client.AuthSelfSignedTLS: {"client_id": {"app"}},
	} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			for name, post := range map[string]client.PostType{"form": client.PostForm, "JSON": client.PostJSON} {
				s := says(200, good)
				c := newClient(t, s, func(cfg *client.Config) {
					cfg.AuthMethod, cfg.ClientSecret, cfg.Key, cfg.PostType = method, longSecret, key, post
				})
				if _, err := c.ClientCredentials(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := s.requests[0].Header.Get("Authorization") != ""; got != (method == client.AuthBasic) {
					t.Errorf("%s: Authorization: %v", name, got)
				}
				if post == client.PostJSON {
					continue
				}
				form := s.lastForm()
				form.Del("grant_type")
				if form.Has("client_assertion") != want.Has("client_assertion_type") {
					t.Errorf("sent %v", form)
				}
				form.Del("client_assertion")
				if diff := cmp.Diff(want, form); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// RFC 6749, Section 2.3.1: the id and the secret are encoded before they are joined.
func TestC4_BasicEncoding(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"AZaz09-_.~": "AZaz09-_.~", "a b": "a+b", "a+b": "a%2Bb", "a:b": "a%3Ab", "a%b": "a%25b", "ä": "%C3%A4", "a&=/b": "a%26%3D%2Fb",
	} {
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) { cfg.ClientID, cfg.ClientSecret = "https://app.test", secret })
		if _, err := c.ClientCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.requests[0].Header.Get("Authorization"), "Basic "))
		if string(sent) != "https%3A%2F%2Fapp.test:"+want {
			t.Errorf("%s: sent %s", secret, sent)
		}
	}
	_, err := client.New(client.Config{Issuer: issuerURL, ClientID: "a:b", ClientSecret: "s", BasicEncoding: client.BasicRaw})
	if err == nil || !strings.Contains(err.Error(), "ClientID") {
		t.Errorf("a colon in a raw id: %v", err)
	}
}

func TestC27_SecretJWT(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.AuthMethod, cfg.ClientSecret, cfg.AssertionAudience = client.AuthSecretJWT, longSecret, issuerURL+"/token"
	})
	if _, err := c.ClientCredentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	assertion := s.lastForm().Get("client_assertion")
	header, claims := parts(t, assertion)
	if header["alg"] != "HS256" || claims["aud"] != issuerURL+"/token" || claims["iss"] != "app" || claims["sub"] != "app" {
		t.Errorf("%v %v", header, claims)
	}
	keys, err := jwks.Secret([]byte(longSecret), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	server, err := consumer.New(consumer.Config{Issuer: "app", Audience: []string{issuerURL + "/token"}, Keys: keys, Algorithms: []string{"HS256"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.Verify(t.Context(), assertion)
	if fault, ok := errors.AsType[*consumer.Error](err); err != nil && (!ok || fault.Reason != consumer.ReasonType && fault.Reason != consumer.ReasonClaims) {
		t.Errorf("error %v, want only that it is not an access token", err)
	}
	_, err = client.New(client.Config{Issuer: issuerURL, ClientID: "app", ClientSecret: "short", AuthMethod: client.AuthSecretJWT})
	if err == nil {
		t.Error("a short secret is accepted")
	}
}

// Each attempt has its own assertion, also if the server requires a nonce in between.
func TestC27_AssertionForEachAttempt(t *testing.T) {
	t.Parallel()
	seen := make(map[any]bool)
	s := &server{answer: func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
		_, claims := parts(t, form.Get("client_assertion"))
		if seen[claims["jti"]] {
			t.Errorf("jti %v was sent twice", claims["jti"])
		}
		seen[claims["jti"]] = true
		if lifetime := claims["exp"].(float64) - claims["iat"].(float64); lifetime <= 0 || lifetime > 60 {
			t.Errorf("its lifetime is %v s", lifetime)
		}
		if _, proof := parts(t, r.Header.Get("DPoP")); proof["nonce"] != "n" {
			return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": "n"})
		}
		return written(200, `{"access_token":"at","token_type":"DPoP"}`, nil)
	}}
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.AuthMethod, cfg.Key, cfg.DPoP = client.AuthPrivateKeyJWT, newKey(t), newKey(t)
	})
	if _, err := c.ClientCredentials(t.Context()); err != nil || len(seen) != 2 {
		t.Errorf("%v after %d requests", err, len(seen))
	}
}

// Concurrent requests that all get a nonce are all sent again with it.
func TestC26_NonceOfConcurrentRequests(t *testing.T) {
	t.Parallel()
	const n = 8
	arrived, all := make(chan struct{}, n), make(chan struct{})
	go func() {
		for range n {
			<-arrived
		}
		close(all)
	}()
	s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if _, claims := parts(t, r.Header.Get("DPoP")); claims["nonce"] == nil {
			arrived <- struct{}{}
			<-all // everybody has sent without one
			return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": "n"})
		}
		return written(200, `{"access_token":"at","token_type":"DPoP"}`, nil)
	}}
	c := newClient(t, s, func(cfg *client.Config) { cfg.DPoP = newKey(t) })
	errs := make(chan error, n)
	for range n {
		go func() { _, err := c.ClientCredentials(t.Context()); errs <- err }()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestAuthFaults(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]client.Config{
		"HTTPClient":   {MutualTLS: true},
		"Endpoints":    {Endpoints: map[string]string{"token_endpont": issuerURL + "/token"}},
		"ClientSecret": {AuthMethod: client.AuthPost},
		"Key":          {AuthMethod: client.AuthPrivateKeyJWT},
	} {
		cfg.Issuer, cfg.ClientID = issuerURL, "app"
		if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), "Config."+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Both TLS methods, and MutualTLS with another method, use the endpoints for clients with a certificate.
func TestC3_TLSAliases(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*client.Config){
		"tls":         func(cfg *client.Config) { cfg.AuthMethod = client.AuthTLS },
		"self-signed": func(cfg *client.Config) { cfg.AuthMethod = client.AuthSelfSignedTLS },
		"bound":       func(cfg *client.Config) { cfg.MutualTLS = true },
	} {
		s := says(200, `{"active":false}`)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.Metadata = &oidcdiscovery.Metadata{
				Issuer: issuerURL, TokenEndpoint: issuerURL + "/token", IntrospectionEndpoint: issuerURL + "/introspect",
				MTLSEndpointAliases: map[string]string{"introspection_endpoint": "https://mtls.login.test/introspect"},
			}
			change(cfg)
		})
		if _, err := c.Introspect(t.Context(), "t", ""); err != nil || s.requests[0].URL.Host != "mtls.login.test" {
			t.Errorf("%s: request to %s, error %v", name, s.requests[0].URL, err)
		}
		_, _ = c.ClientCredentials(t.Context())
		if s.requests[1].URL.String() != issuerURL+"/token" { // which has no alias
			t.Errorf("%s: request to %s", name, s.requests[1].URL)
		}
	}
}
