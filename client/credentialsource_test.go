package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

var platform = sync.OnceValue(func() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://platform.test", Algorithms: []string{"RS256"}})
})

// platformToken returns a JWT that a platform issued for a workload. serial makes it different from others.
func platformToken(serial int, claims map[string]any) string {
	token := platform().Token("JWT", map[string]any{
		"iss": "https://platform.test", "sub": "system:serviceaccount:orders:worker", "aud": []string{"api://AzureADTokenExchange"},
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": strconv.Itoa(serial),
	})
	for name, value := range claims {
		token.Set(name, value)
	}
	return token.Sign()
}

// The source is called for each request at each endpoint, and its result is sent unchanged.
func TestCaseC1_AssertionSource(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*client.Config){
		"AuthMethod is empty":       func(*client.Config) {},
		"AuthPrivateKeyJWT":         func(cfg *client.Config) { cfg.AuthMethod = client.AuthPrivateKeyJWT },
		"Key signs request objects": func(cfg *client.Config) { cfg.Key = newKey(t) },
		"the server lists a method": func(cfg *client.Config) { cfg.Metadata.TokenEndpointAuthMethodsSupported = []string{"private_key_jwt"} },
		"the server lists another": func(cfg *client.Config) {
			cfg.Metadata.TokenEndpointAuthMethodsSupported = []string{"client_secret_basic"}
		},
		"JSON":                       func(cfg *client.Config) { cfg.PostType = client.PostJSON },
		"ClientIDInBody":             func(cfg *client.Config) { cfg.ClientIDInBody = true },
		"the endpoint is configured": func(cfg *client.Config) { cfg.Endpoints = map[string]string{"token_endpoint": issuerURL + "/token"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, calls, last := says(200, `{"active":false}`), 0, ""
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata, cfg.Scopes = "", "", allEndpoints(), []string{"openid"}
				cfg.AssertionSource = func(context.Context) (string, error) {
					calls++
					last = platformToken(calls, nil)
					return last, nil
				}
				change(cfg)
			})
			for path, call := range authenticated(t, c) {
				before, sent := calls, len(s.requests)
				_ = call()
				if calls != before+1 || len(s.requests) != sent+1 {
					t.Fatalf("%s: %d calls of the source and %d requests, want one of each", path, calls-before, len(s.requests)-sent)
				}
				if name == "JSON" {
					continue
				}
				form := s.lastForm()
				if form.Get("client_assertion") != last || form.Get("client_id") != "app" || s.sentBy() != "jwt" ||
					form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
					t.Errorf("%s: sent %v", path, form)
				}
			}
		})
	}
}

// A request that is repeated with a DPoP nonce has a new assertion.
func TestCaseC1_C27_AssertionSourceForEachAttempt(t *testing.T) {
	t.Parallel()
	var sent []string
	s := &server{answer: func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
		sent = append(sent, form.Get("client_assertion"))
		if _, proof := parts(t, r.Header.Get("DPoP")); proof["nonce"] != "n" {
			return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": "n"})
		}
		return written(200, `{"access_token":"at","token_type":"DPoP"}`, nil)
	}}
	calls := 0
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.AuthMethod, cfg.ClientSecret, cfg.DPoP = "", "", newKey(t)
		cfg.AssertionSource = func(context.Context) (string, error) { calls++; return platformToken(calls, nil), nil }
	})
	if _, err := c.ClientCredentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if calls != 2 || len(sent) != 2 || sent[0] == sent[1] {
		t.Errorf("%d calls of the source for %d requests, want 2 for 2", calls, len(sent))
	}
}

// notJWTs returns texts that are not a signed JWT in compact serialization. All contain "s3cret".
func notJWTs() map[string]string {
	valid := platformToken(1, map[string]any{"sub": "s3cret"})
	segments := strings.Split(valid, ".")
	return map[string]string{
		"a word":                   "s3cret",
		"three words":              "s3cret.s3cret.s3cret",
		"no signature":             segments[0] + "." + segments[1] + ".", // s3cret is encoded in the payload
		"encrypted":                valid + ".s3cret.s3cret",
		"a line end inside":        segments[0] + ".\n" + segments[1] + ".s3cret",
		"a space before":           " " + segments[0] + ".s3cret." + segments[2],
		"padding":                  segments[0] + "=.s3cret." + segments[2],
		"base64, not base64url":    segments[0] + ".s3cret+/." + segments[2],
		"a payload that is a text": segments[0] + ".InMzY3JldCI." + segments[2],
		"a header that is a text":  "InMzY3JldCI." + segments[1] + "." + segments[2],
		"JSON":                     `{"access_token":"s3cret"}`,
		"too long":                 segments[0] + "." + strings.Repeat("s3cret", 4<<10) + "." + segments[2],
		"a header value":           "Bearer s3cret." + segments[1] + "." + segments[2],
	}
}

// leaks reports whether text contains a part of the secret: the word itself, or ten characters in a row.
func leaks(text, secret string) bool {
	if strings.Contains(text, "s3cret") {
		return true
	}
	for i := 0; i+10 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+10]) {
			return true
		}
	}
	return false
}

// An assertion that is not a JWT is not sent, and no error contains a part of it.
func TestCaseC1_NotAnAssertion(t *testing.T) {
	t.Parallel()
	cases := notJWTs()
	cases["empty"] = ""
	for name, raw := range cases {
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret = "", ""
			cfg.AssertionSource = func(context.Context) (string, error) { return raw, nil }
		})
		_, err := c.ClientCredentials(t.Context())
		if err == nil || len(s.requests) != 0 || !strings.Contains(err.Error(), "Config.AssertionSource") || leaks(err.Error(), raw) {
			t.Errorf("%s: error %v after %d requests", name, err, len(s.requests))
		}
	}
}

// An error of a source reaches the caller, and nothing is sent.
func TestCaseC1_C3_ErrorOfASource(t *testing.T) {
	t.Parallel()
	cause := errors.New("the vault is sealed")
	fails := func(context.Context) (string, error) { return "s3cret", cause }
	for field, change := range map[string]func(*client.Config){
		"AssertionSource": func(cfg *client.Config) { cfg.AssertionSource = fails },
		"SecretSource":    func(cfg *client.Config) { cfg.SecretSource = fails },
	} {
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata, cfg.Scopes = "", "", allEndpoints(), []string{"openid"}
			change(cfg)
		})
		for path, call := range authenticated(t, c) {
			err := call()
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), "Config."+field) || leaks(err.Error(), "s3cret") || len(s.requests) != 0 {
				t.Errorf("%s, %s: error %v after %d requests", field, path, err, len(s.requests))
			}
		}
		if _, err := c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"}); !errors.Is(err, cause) || len(s.requests) != 0 {
			t.Errorf("%s, associate: error %v after %d requests", field, err, len(s.requests))
		}
	}
}

// The ctx of a source ends after Config.Timeout, and an error of a source that matches ErrUnavailable does not end a poll.
func TestCaseC1_C3_SlowAndUnavailableSources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		waits := func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
		for field, change := range map[string]func(*client.Config){
			"AssertionSource": func(cfg *client.Config) { cfg.AssertionSource = waits },
			"SecretSource":    func(cfg *client.Config) { cfg.SecretSource = waits },
		} {
			c := newClient(t, says(200, good), func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret, cfg.Timeout = "", "", 7*time.Second
				change(cfg)
			})
			start := time.Now()
			_, err := c.ClientCredentials(t.Context())
			if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != 7*time.Second {
				t.Errorf("%s: error %v after %v", field, err, waited)
			}
		}
		s, calls := says(200, good), 0
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.ClientSecret = ""
			cfg.SecretSource = func(context.Context) (string, error) {
				if calls++; calls < 3 {
					return "", client.ErrUnavailable
				}
				return "secret", nil
			}
		})
		token, err := c.WaitDevice(t.Context(), &client.DeviceAuthorization{
			Issuer: c.Issuer(), ClientID: c.ClientID(), DeviceCode: "d", ExpiresIn: time.Hour, Interval: time.Second,
		})
		if err != nil || token.AccessToken != "at" || calls != 3 || len(s.requests) != 1 {
			t.Errorf("%v, error %v after %d calls and %d requests", token, err, calls, len(s.requests))
		}
	})
}

// The file is read for each request, and in the forms in which platforms write it.
func TestCaseC1_AssertionFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, test := range map[string]struct{ issuer, subject, end string }{
		"Entra workload identity": {"https://oidc.prod-aks.example/1/", "system:serviceaccount:orders:worker", ""},
		"Kubernetes":              {"https://kubernetes.default.svc.cluster.local", "system:serviceaccount:orders:worker", ""},
		"GitHub Actions":          {"https://token.actions.githubusercontent.com", "repo:example/orders:ref:refs/heads/main", "\n"},
		"a Windows line end":      {"https://platform.test", "worker", "\r\n"},
	} {
		path := filepath.Join(folder, name)
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret, cfg.AssertionSource = "", "", client.AssertionFile(path)
		})
		for serial := range 3 {
			want := platformToken(serial, map[string]any{
				"iss": test.issuer, "sub": test.subject, "kubernetes.io": map[string]any{"pod": map[string]any{"name": "worker-0"}},
			})
			write(t, path, want+test.end)
			if _, err := c.ClientCredentials(t.Context()); err != nil || s.lastForm().Get("client_assertion") != want {
				t.Errorf("%s: error %v, or another assertion", name, err)
			}
		}
	}
}

// Kubernetes replaces a symbolic link, so that a reader never reads a part of a token.
func TestCaseC1_AssertionFileBehindALink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	link := filepath.Join(folder, "token")
	source := client.AssertionFile(link)
	for serial := range 2 {
		path := filepath.Join(folder, strconv.Itoa(serial))
		want := platformToken(serial, nil)
		write(t, path, want)
		_ = os.Remove(link)
		if err := os.Symlink(path, link); err != nil {
			if os.Getenv("BEARERKIT_REQUIRE_SERVICES") == "1" {
				t.Fatal(err)
			}
			t.Skip("this system does not create symbolic links:", err)
		}
		if got, err := source(t.Context()); got != want || err != nil {
			t.Errorf("error %v, or another assertion", err)
		}
	}
}

// Errors name the file and contain nothing of it.
func TestCaseC1_C3_CredentialFileErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "credential file")
	for name, content := range notJWTs() {
		write(t, path, content)
		got, err := client.AssertionFile(path)(t.Context())
		if got != "" || err == nil || !strings.Contains(err.Error(), strconv.Quote(path)) || leaks(err.Error(), content) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, path := range map[string]string{"a folder": folder, "nothing": filepath.Join(folder, "absent"), "no path": ""} {
		for kind, source := range map[string]func(context.Context) (string, error){
			"AssertionFile": client.AssertionFile(path), "SecretFile": client.SecretFile(path),
		} {
			if _, err := source(t.Context()); err == nil || !strings.Contains(err.Error(), kind+" "+strconv.Quote(path)) {
				t.Errorf("%s, %s: error %v", kind, name, err)
			}
		}
	}
	for _, path := range []string{folder, os.DevNull} { // like a pipe, which could block forever
		if _, err := client.AssertionFile(path)(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if _, err := client.AssertionFile(filepath.Join(folder, "absent"))(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want os.ErrNotExist", err)
	}
	for name, content := range map[string]string{
		"empty": "", "only a line end": "\n", "too long": strings.Repeat("s3cret", 4<<10),
	} {
		write(t, path, content)
		got, err := client.SecretFile(path)(t.Context())
		if got != "" || err == nil || !strings.Contains(err.Error(), strconv.Quote(path)) || leaks(err.Error(), content) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCaseC3_SecretFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	for content, want := range map[string]string{
		"one": "one", "two\n": "two", "three\r\n": "three", " four ": " four ", "five\n\n": "five\n",
		strings.Repeat("s", 16<<10): strings.Repeat("s", 16<<10),
	} {
		write(t, path, content)
		if got, err := client.SecretFile(path)(t.Context()); got != want || err != nil {
			t.Errorf("%.10q: got %.10q, error %v", content, got, err)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A secret that changes is used in each place that has a secret.
func TestCaseC3_SecretSource(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method  client.AuthMethod
		offered []string
		want    string
	}{
		"basic":            {client.AuthBasic, nil, "basic"},
		"post":             {client.AuthPost, nil, "post"},
		"JWT":              {client.AuthSecretJWT, nil, "jwt"},
		"nothing is named": {"", nil, "basic"},
		"post is listed":   {"", []string{"client_secret_post"}, "post"},
		"JWT is listed":    {"", []string{"client_secret_jwt"}, "jwt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, calls := says(200, `{"active":false}`), 0
			current := func() string { return longSecret + strconv.Itoa(calls) }
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret, cfg.Metadata, cfg.Scopes = test.method, "", allEndpoints(), []string{"openid"}
				cfg.Metadata.TokenEndpointAuthMethodsSupported = test.offered
				cfg.SecretSource = func(context.Context) (string, error) { calls++; return current(), nil }
			})
			for path, call := range authenticated(t, c) {
				before := calls
				_ = call()
				if calls != before+1 || s.sentBy() != test.want {
					t.Fatalf("%s: sent by %q after %d calls of the source", path, s.sentBy(), calls-before)
				}
				_, password, _ := s.requests[len(s.requests)-1].BasicAuth()
				switch form := s.lastForm(); test.want {
				case "basic":
					if password != current() {
						t.Errorf("%s: another secret was sent", path)
					}
				case "post":
					if form.Get("client_secret") != current() {
						t.Errorf("%s: another secret was sent", path)
					}
				default:
					verifyHMAC(t, form.Get("client_assertion"), current(), "HS256")
				}
			}
			before := calls
			_, _ = c.MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "otp"})
			if calls != before+1 {
				t.Errorf("associate: %d calls of the source", calls-before)
			}
		})
	}
}

// A secret that cannot be used is not sent.
func TestCaseC3_UnusableSecret(t *testing.T) {
	t.Parallel()
	for secret, method := range map[string]client.AuthMethod{"": client.AuthBasic, "s3cret": client.AuthSecretJWT} {
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret = method, ""
			cfg.SecretSource = func(context.Context) (string, error) { return secret, nil }
		})
		if _, err := c.ClientCredentials(t.Context()); err == nil || !strings.Contains(err.Error(), "Config.SecretSource") ||
			strings.Contains(err.Error(), "s3cret") || len(s.requests) != 0 {
			t.Errorf("%q: error %v after %d requests", secret, err, len(s.requests))
		}
	}
}

// A client whose credential comes from a function is not a public client.
func TestCaseC1_C3_NotAPublicClient(t *testing.T) {
	t.Parallel()
	text := func(context.Context) (string, error) { return "x", nil }
	for name, change := range map[string]func(*client.Config){
		"SecretSource":    func(cfg *client.Config) { cfg.SecretSource = text },
		"AssertionSource": func(cfg *client.Config) { cfg.AssertionSource = text },
	} {
		c := newProvider().client(t, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret = "", ""
			change(cfg)
		})
		if _, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{InsecureNoPKCE: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The credential of a new registration replaces a source for another client.
func TestCaseC3_RegistrationReplacesTheSource(t *testing.T) {
	t.Parallel()
	source := func(context.Context) (string, error) { return "old", nil }
	cfg := client.Config{Issuer: issuerURL, SecretSource: source}
	registered := &client.Registration{ClientID: "new", ClientSecret: "new"}
	if got := registered.Config(cfg); got.SecretSource != nil || got.ClientSecret != "new" {
		t.Error("SecretSource is still set")
	}
	registered.ClientSecret = ""
	if got := registered.Config(cfg); got.SecretSource == nil {
		t.Error("SecretSource was removed, although the registration has no secret")
	}
}

// New reports settings that contradict each other.
func TestCaseC1_C3_ConfigFaults(t *testing.T) {
	t.Parallel()
	text := func(context.Context) (string, error) { return "x", nil }
	for name, test := range map[string]struct {
		cfg  client.Config
		want string // empty: no fault
	}{
		"two secrets":              {client.Config{ClientSecret: "s", SecretSource: text}, "Config.SecretSource must be nil"},
		"no secret":                {client.Config{AuthMethod: client.AuthPost}, "Config.ClientSecret or Config.SecretSource is required"},
		"no key":                   {client.Config{AuthMethod: client.AuthPrivateKeyJWT}, "Config.Key or Config.AssertionSource is required"},
		"a secret for a key":       {client.Config{AuthMethod: client.AuthPrivateKeyJWT, Key: newKey(t), SecretSource: text}, "Config.SecretSource is not used"},
		"a secret for nothing":     {client.Config{AuthMethod: client.AuthNone, SecretSource: text}, "Config.SecretSource is not used"},
		"an assertion for basic":   {client.Config{AuthMethod: client.AuthBasic, ClientSecret: "s", AssertionSource: text}, "Config.AssertionSource is not used"},
		"an assertion for nothing": {client.Config{AuthMethod: client.AuthNone, AssertionSource: text}, "Config.AssertionSource is not used"},
		"an assertion and secret":  {client.Config{AuthMethod: client.AuthSecretJWT, ClientSecret: longSecret, AssertionSource: text}, "Config.AssertionSource is not used"},
		"an audience for a source": {client.Config{AssertionSource: text, AssertionAudience: client.AudienceEndpoint}, "Config.AssertionAudience must be empty"},
		"HS256 with a source":      {client.Config{SecretSource: text, Algorithms: []string{"HS256"}}, "Config.Keys is required with SecretSource"},
		"a source of secrets":      {client.Config{SecretSource: text}, ""},
		"secrets as HMAC keys":     {client.Config{SecretSource: text, AuthMethod: client.AuthSecretJWT}, ""},
		"a source of assertions":   {client.Config{AssertionSource: text, AuthMethod: client.AuthPrivateKeyJWT}, ""},
		"assertions and a key":     {client.Config{AssertionSource: text, Key: newKey(t)}, ""},
		"both sources":             {client.Config{AssertionSource: text, SecretSource: text}, ""},
	} {
		test.cfg.Issuer, test.cfg.ClientID = issuerURL, "app"
		_, err := client.New(test.cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// With a secret and an assertion, the metadata decides. Each endpoint may have its own list.
func TestCaseC8_SecretAndAssertion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*client.Config)
		m      oidcdiscovery.Metadata
		want   map[string]string
	}{
		"nothing is named": {
			func(cfg *client.Config) { cfg.Key = newKey(t) }, oidcdiscovery.Metadata{}, map[string]string{"/token": "jwt", "/introspect": "jwt"},
		},
		"private_key_jwt is listed": {
			func(cfg *client.Config) { cfg.Key = newKey(t) },
			oidcdiscovery.Metadata{TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "private_key_jwt"}},
			map[string]string{"/token": "jwt", "/revoke": "jwt"},
		},
		"only a secret is listed": {
			func(cfg *client.Config) { cfg.Key = newKey(t) },
			oidcdiscovery.Metadata{TokenEndpointAuthMethodsSupported: []string{"client_secret_post"}},
			map[string]string{"/token": "post"},
		},
		"an endpoint without assertions": {
			func(cfg *client.Config) {
				cfg.AssertionSource = func(context.Context) (string, error) { return platformToken(1, nil), nil }
			},
			oidcdiscovery.Metadata{
				TokenEndpointAuthMethodsSupported:         []string{"private_key_jwt"},
				IntrospectionEndpointAuthMethodsSupported: []string{"client_secret_basic"},
			},
			map[string]string{"/token": "jwt", "/introspect": "basic", "/revoke": "jwt"},
		},
		"no method fits": {
			func(cfg *client.Config) { cfg.Key = newKey(t) },
			oidcdiscovery.Metadata{TokenEndpointAuthMethodsSupported: []string{"tls_client_auth"}},
			map[string]string{"/token": "jwt"},
		},
	} {
		s := says(200, `{"active":false}`)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.Metadata = "", allEndpoints()
			cfg.Metadata.TokenEndpointAuthMethodsSupported = test.m.TokenEndpointAuthMethodsSupported
			cfg.Metadata.IntrospectionEndpointAuthMethodsSupported = test.m.IntrospectionEndpointAuthMethodsSupported
			test.change(cfg)
		})
		calls := authenticated(t, c)
		for path, want := range test.want {
			if _ = calls[path](); s.sentBy() != want {
				t.Errorf("%s, %s: sent by %q, want %q", name, path, s.sentBy(), want)
			}
		}
	}
}

// A server that repeats a credential in its error does not get it into the text of the error.
func TestCaseC1_C3_RepeatedCredential(t *testing.T) {
	t.Parallel()
	assertion := platformToken(1, nil)
	for name, change := range map[string]func(*client.Config){
		"basic": func(cfg *client.Config) { cfg.AuthMethod = client.AuthBasic },
		"post":  func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost },
		"JWT":   func(cfg *client.Config) { cfg.AuthMethod = client.AuthSecretJWT },
		"assertion": func(cfg *client.Config) {
			cfg.SecretSource, cfg.AssertionSource = nil, func(context.Context) (string, error) { return assertion, nil }
		},
		"key": func(cfg *client.Config) { cfg.SecretSource, cfg.Key = nil, newKey(t) },
	} {
		var sent []string
		s := &server{answer: func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
			_, password, _ := r.BasicAuth()
			sent = []string{password, form.Get("client_secret"), form.Get("client_assertion")}
			return written(401, `{"error":"invalid_client","error_description":"got `+strings.Join(sent, " ")+`"}`, nil)
		}}
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.ClientSecret, cfg.AuthMethod = "", ""
			cfg.SecretSource = func(context.Context) (string, error) { return longSecret, nil }
			change(cfg)
		})
		_, err := c.ClientCredentials(t.Context())
		e, ok := errors.AsType[*client.Error](err)
		if !ok || !strings.Contains(e.Description, "got ") {
			t.Fatalf("%s: error %v", name, err)
		}
		for _, credential := range sent {
			if credential != "" && (leaks(err.Error(), credential) || leaks(e.Error(), credential)) {
				t.Errorf("%s: the error contains the credential: %v", name, err)
			}
		}
	}
}

// A server may know the secret although the request has only an assertion that is signed with it. The error text does not
// repeat it, wherever the secret comes from.
func TestCaseC3_C7_SecretThatWasNotSent(t *testing.T) {
	t.Parallel()
	const secret = "correct horse battery staple, and a few more words"
	for name, change := range map[string]func(*client.Config){
		"ClientSecret": func(cfg *client.Config) { cfg.ClientSecret = secret },
		"SecretSource": func(cfg *client.Config) {
			cfg.SecretSource = func(context.Context) (string, error) { return secret, nil }
		},
	} {
		c := newClient(t, says(401, `{"error":"invalid_client","error_description":"not signed with `+secret+`"}`), func(cfg *client.Config) {
			cfg.ClientSecret, cfg.AuthMethod = "", client.AuthSecretJWT
			change(cfg)
		})
		_, err := c.ClientCredentials(t.Context())
		_, mfa := c.MFAAssociate(t.Context(), "mt", client.MFAAssociation{Type: "otp"})
		for _, err := range []error{err, mfa} {
			if !errors.Is(err, client.ErrInvalidClient) || leaks(err.Error(), "horse battery") || !strings.Contains(err.Error(), "omitted") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
