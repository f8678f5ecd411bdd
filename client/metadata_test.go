package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// metadataWith returns the metadata of issuerURL with these additional members.
func metadataWith(t *testing.T, members string) *oidcdiscovery.Metadata {
	t.Helper()
	m, err := new(oidcdiscovery.Client).Parse(issuerURL, []byte(`{"issuer":"`+issuerURL+`","jwks_uri":"`+issuerURL+`/jwks"`+members+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A fault in a member of the metadata affects only the flows that need the member, and their errors name it.
func TestCaseD2_FlowsNeedTheirMembers(t *testing.T) {
	t.Parallel()
	const endpoints = `,"token_endpoint":"` + issuerURL + `/token","authorization_endpoint":"` + issuerURL + `/authorize"`
	credentials := func(t *testing.T, c *client.Client) error {
		t.Helper()
		_, err := c.ClientCredentials(t.Context())
		return err
	}
	start := func(t *testing.T, c *client.Client) error {
		t.Helper()
		_, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
		return err
	}
	callback := func(withIssuer bool) func(*testing.T, *client.Client) error {
		return func(t *testing.T, c *client.Client) error {
			t.Helper()
			pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
			if err != nil {
				t.Fatal(err)
			}
			params := url.Values{"state": {pending.State}, "code": {"c"}}
			if withIssuer {
				params.Set("iss", issuerURL)
			}
			_, err = c.Callback(t.Context(), pending, params)
			return err
		}
	}
	tests := []struct {
		name, members string
		flow          func(*testing.T, *client.Client) error
		change        func(*client.Config)
		fault         string // a part of the error; empty: the flow works
	}{
		{name: "faulty members that the flow does not need", members: endpoints + `,"userinfo_endpoint":1,"scopes_supported":"a","code_challenge_methods_supported":"S256","id_token_signing_alg_values_supported":{},"x":1,"x":2`, flow: credentials},
		{name: "token endpoint", members: `,"token_endpoint":["https://a.test"]`, flow: credentials, fault: `member "token_endpoint" is a JSON array, expected string`},
		{name: "token endpoint is replaced", members: `,"token_endpoint":["https://a.test"]`, flow: credentials, change: func(c *client.Config) {
			c.Endpoints = map[string]string{"token_endpoint": issuerURL + "/token"}
		}},
		{name: "authorization endpoint", members: `,"authorization_endpoint":true`, flow: start, fault: `member "authorization_endpoint" is a JSON boolean, expected string`},
		{
			name: "authentication methods", members: endpoints + `,"token_endpoint_auth_methods_supported":"client_secret_post"`, flow: credentials,
			fault: `member "token_endpoint_auth_methods_supported" is a JSON string`,
		},
		{
			name: "authentication methods, not needed", members: endpoints + `,"token_endpoint_auth_methods_supported":"client_secret_post"`, flow: credentials,
			change: func(c *client.Config) { c.AuthMethod = client.AuthPost },
		},
		{
			name: "aliases", members: endpoints + `,"mtls_endpoint_aliases":{"token_endpoint":1}`, flow: credentials,
			change: func(c *client.Config) { c.MutualTLS = true }, fault: `member "mtls_endpoint_aliases.token_endpoint" is a JSON number`,
		},
		{
			name: "two aliases", members: endpoints + `,"mtls_endpoint_aliases":{"token_endpoint":"https://a.test","token_endpoint":"https://b.test"}`, flow: credentials,
			change: func(c *client.Config) { c.MutualTLS = true }, fault: `member "mtls_endpoint_aliases": duplicate member name`,
		},
		{name: "aliases, not needed", members: endpoints + `,"mtls_endpoint_aliases":[]`, flow: credentials},
		{name: "PKCE methods", members: endpoints + `,"code_challenge_methods_supported":"S256"`, flow: start, fault: `member "code_challenge_methods_supported" is a JSON string`},
		{name: "signed requests", members: endpoints + `,"require_signed_request_object":"true"`, flow: start, fault: `member "require_signed_request_object" is a JSON string`},
		{name: "pushed requests", members: endpoints + `,"require_pushed_authorization_requests":1`, flow: start, fault: `member "require_pushed_authorization_requests" is a JSON number`},
		{name: "iss in the response", members: endpoints + `,"authorization_response_iss_parameter_supported":"true"`, flow: callback(true)},
		{
			name: "no iss in the response", members: endpoints + `,"authorization_response_iss_parameter_supported":"true"`, flow: callback(false),
			fault: `member "authorization_response_iss_parameter_supported" is a JSON string, expected bool`,
		},
		{name: "null", members: endpoints + `,"authorization_response_iss_parameter_supported":null`, flow: callback(false)},
		{
			name: "algorithms", members: endpoints + `,"id_token_signing_alg_values_supported":["ES256",256]`, fault: `member "id_token_signing_alg_values_supported[1]" is a JSON number`,
			flow: func(t *testing.T, c *client.Client) error {
				t.Helper()
				_, err := c.VerifyIDToken(t.Context(), "e30.e30.e30", client.IDTokenOptions{})
				return err
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := says(http.StatusOK, good)
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.Metadata, cfg.AuthMethod, cfg.RedirectURI = metadataWith(t, tt.members), "", "https://app.test/cb"
				if tt.change != nil {
					tt.change(cfg)
				}
			})
			err := tt.flow(t, c)
			if tt.fault == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			if !errors.Is(err, client.ErrBadResponse) || errors.Is(err, client.ErrUnsupported) || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("error %v does not contain %q", err, tt.fault)
			}
			if len(s.requests) > 0 {
				t.Errorf("a request was sent to %s", s.requests[0].URL)
			}
		})
	}
}

// Calls wait for a slow server as long as DiscoveryTimeout or Timeout allows, and share one fetch.
func TestCaseD5_SlowServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		timeout, delay time.Duration
		ok             bool
	}{
		{0, 2 * time.Second, true},
		{0, 29 * time.Second, true}, // limited by Timeout
		{0, 31 * time.Second, false},
		{6 * time.Second, 5 * time.Second, true},
		{time.Minute, 59 * time.Second, true},
	} {
		t.Run(fmt.Sprint(tt.timeout, tt.delay), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var requests sync.Map
				issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL})
				slow := roundTrip(func(r *http.Request) (*http.Response, error) {
					requests.Store(r.URL.Path, true)
					select {
					case <-time.After(tt.delay):
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
					w := httptest.NewRecorder()
					issuer.ServeHTTP(w, r)
					return w.Result(), nil
				})
				c, err := client.New(client.Config{
					Issuer: issuerURL, ClientID: "app", DiscoveryTimeout: tt.timeout, HTTPClient: &http.Client{Transport: slow},
				})
				if err != nil {
					t.Fatal(err)
				}
				var calls sync.WaitGroup
				for range 10 {
					calls.Go(func() {
						if err := c.Warm(t.Context()); (err == nil) != tt.ok || !tt.ok && !errors.Is(err, client.ErrUnavailable) {
							t.Errorf("error %v", err)
						}
					})
				}
				calls.Wait()
				idToken := issuer.IDToken().Set("aud", "app").Set("azp", "app").Set("nonce", bearertest.Absent).Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
				if tt.ok { // also waits for the keys
					if _, err := c.VerifyIDToken(t.Context(), idToken, client.IDTokenOptions{}); err != nil {
						t.Error(err)
					}
				}
				paths := 0
				requests.Range(func(any, any) bool { paths++; return true })
				want := 2 // the metadata and the keys, or the two locations of the metadata
				if tt.ok && tt.delay > 3*time.Second {
					want = 3 // while the first location is slow, the second one is tried
				}
				if paths != want {
					t.Errorf("%d URLs were requested, want %d", paths, want)
				}
			})
		})
	}
}

// The metadata comes from MetadataURL, and must still be that of the issuer.
func TestCaseD6_MetadataURL(t *testing.T) {
	t.Parallel()
	const internal = "https://idp.internal"
	for name, tt := range map[string]struct {
		issuer string
		ok     bool
	}{"the issuer": {issuerURL, true}, "another issuer": {internal, false}, "slash": {issuerURL + "/", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
				if r.URL.Path == "/meta" {
					return written(200, `{"issuer":"`+tt.issuer+`","token_endpoint":"`+internal+`/token"}`, nil)
				}
				return written(200, good, nil)
			}}
			c := newClient(t, s, func(cfg *client.Config) { cfg.Metadata, cfg.MetadataURL = nil, internal+"/meta" })
			_, err := c.ClientCredentials(t.Context())
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if want := map[bool]int{true: 2, false: 1}[tt.ok]; len(s.requests) != want || s.requests[0].URL.String() != internal+"/meta" {
				t.Errorf("%d requests, want %d, first to MetadataURL", len(s.requests), want)
			}
		})
	}
}

// New checks the settings for metadata. Each error names its field.
func TestCaseD5_CaseD6_CaseW6_ConfigFaults(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*client.Config){
		"client: Config.DiscoveryTimeout is -1ns, expected 0 to 1m0s": func(c *client.Config) { c.DiscoveryTimeout = -1 },
		"client: Config.DiscoveryTimeout is 1m1s, expected 0 to 1m0s": func(c *client.Config) { c.DiscoveryTimeout = 61 * time.Second },
		"client: Config.MetadataURL must be empty if Metadata is set": func(c *client.Config) {
			c.MetadataURL, c.Metadata = "https://a.test", &oidcdiscovery.Metadata{Issuer: issuerURL}
		},
		`client: Config.MetadataURL: URL "http://a.test" is not https, and its host is not loopback (127.0.0.0/8, ::1, localhost); set InsecureAllowHTTP`: func(c *client.Config) {
			c.MetadataURL = "http://a.test"
		},
		`client: Config.AuthorizeURL: URL "http://a.test" is not https, and its host is not loopback (127.0.0.0/8, ::1, localhost); set InsecureAllowHTTP`: func(c *client.Config) {
			c.AuthorizeURL = "http://a.test"
		},
		`issuer: URL "http://a.test" is not https, and its host is not loopback (127.0.0.0/8, ::1, localhost); set InsecureAllowHTTP`: func(c *client.Config) {
			c.Issuer = "http://a.test"
		},
	} {
		cfg := client.Config{Issuer: issuerURL, ClientID: "app"}
		change(&cfg)
		if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// For origins there is no setting that allows http, and the error names none.
func TestCaseW6_OriginsAreHTTPS(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	_, err := client.NewTransport(client.TransportConfig{Source: source, Origins: []string{"http://api.test"}})
	want := `TransportConfig.Origins[0]: URL "http://api.test" is not https, and its host is not loopback (127.0.0.0/8, ::1, localhost)`
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = client.NewRPCCredentials(client.RPCCredentialsConfig{Source: source, Origins: []string{"http://127.0.0.1:1"}})
	want = `RPCCredentialsConfig.Origins[0] is "http://127.0.0.1:1", expected https: gRPC sends credentials only over TLS, also to a loopback host`
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// The harmless deviations of the metadata are logged once at level Debug.
func TestCaseD2_QuirksAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, `{"issuer":"`+issuerURL+`","token_endpoint":"`+issuerURL+`/token","scopes_supported":"a"}`)
		var log bytes.Buffer
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.Metadata = nil
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		for range 5 {
			if err := c.Warm(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // the metadata is fetched again
		}
		want := `level=DEBUG msg="deviation accepted" issuer=https://login.test quirk=wrong_type place="metadata scopes_supported" rfc="RFC 8414 section 3.2"`
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("log:\n%swant once: %s", got, want)
		}
		if len(s.requests) < 4 {
			t.Errorf("%d requests for metadata, want one each hour", len(s.requests))
		}
	})
}
