package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// want fails the test if the requests since the last call are others.
func (w *world) want(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.took()); diff != "" {
		w.t.Error(diff)
	}
}

// ok fails the test unless a request has status 200.
func (w *world) ok(transport http.RoundTripper, query string) {
	w.t.Helper()
	if status, err := w.get(transport, query); status != 200 || err != nil {
		w.t.Fatalf("%q: status %d, %v", query, status, err)
	}
}

func TestResourceTransport_SignsIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(nil)
		w.ok(transport, "")
		w.want("api ", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1")
		w.ok(transport, "")
		w.want("api as1")
		w.lifetime = 60
		time.Sleep(2 * time.Hour)
		w.ok(transport, "")
		w.want("as1 refresh_token", "api as1")
		if got := w.signIns[0]; got.Get("scope") != "read" || got.Get("resource") != "https://api.test/mcp" {
			t.Errorf("the sign-in requested %v", got)
		}
	})
}

// Scopes accumulate: a sign-in requests those of the earlier ones, too.
func TestResourceTransport_StepsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.challenge = "base"
		transport := w.transport(nil)
		w.ok(transport, "?needs=write")
		w.want("api ", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1",
			"as1 sign-in", "as1 authorization_code", "api as1")
		w.ok(transport, "?needs=admin")
		w.ok(transport, "?needs=write")
		w.want("api as1", "as1 sign-in", "as1 authorization_code", "api as1", "api as1")
		for i, want := range []string{"base", "base write", "base write admin"} {
			if got := w.signIns[i].Get("scope"); got != want {
				t.Errorf("sign-in %d requested %q, want %q", i, got, want)
			}
		}
		w.narrow = []string{"base"}
		_, err := w.get(transport, "?needs=more")
		if e, ok := errors.AsType[*client.StepUpError](err); !ok || strings.Join(e.Scopes, " ") != "more" || strings.Join(e.Granted, " ") != "base" {
			t.Errorf("not granted: %v", err)
		}
		w.ok(transport, "?needs=admin") // with the previous token
		w.tokens, w.noRefresh, w.narrow = make(map[string]token), true, nil
		time.Sleep(time.Minute)
		w.ok(transport, "?needs=admin")
		if got := w.signIns[len(w.signIns)-1].Get("scope"); got != "base write admin" {
			t.Errorf("after the token has ended, the sign-in requested %q", got)
		}
	})
}

// An API that moves to another authorization server causes a new client and a new sign-in there. world checks that no server
// receives what another one has issued.
func TestResourceTransport_Moves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(nil)
		w.ok(transport, "")
		w.took()
		move := func(to string) {
			w.servers = []string{"https://" + to + ".test"}
			for issued := range w.tokens {
				if !strings.HasPrefix(issued, to) {
					delete(w.tokens, issued)
				}
			}
			w.noRefresh = true
			time.Sleep(time.Hour / 2)
		}
		move("as2")
		w.ok(transport, "")
		w.want("api as1", "as1 refresh_token", "as2 register", "as2 sign-in", "as2 authorization_code", "api as2")
		w.ok(transport, "")
		w.want("api as2")
		move("as1")
		w.ok(transport, "") // the client at as1 is known, its token is not
		w.want("api as2", "as1 refresh_token", "as1 sign-in", "as1 authorization_code", "api as1")
	})
}

// A client that is registered with one server is not used for another.
func TestResourceTransport_RegisteredElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(func(cfg *client.ResourceTransportConfig) {
			cfg.Clients = []client.Config{{
				Issuer: "https://as1.test", ClientID: "as1-registered", ClientSecret: "as1-secret", RedirectURI: callbackURI,
				HTTPClient: cfg.Discovery.HTTPClient,
			}}
			cfg.Registration = nil
		})
		w.ok(transport, "")
		w.want("api ", "as1 sign-in", "as1 authorization_code", "api as1")
		w.servers, w.deaf = []string{"https://as2.test"}, true
		time.Sleep(time.Minute)
		if _, err := w.get(transport, ""); !errors.Is(err, client.ErrNoClient) || !errors.Is(err, client.ErrNoServer) {
			t.Errorf("%v", err)
		}
		w.want("api as1", "as1 refresh_token", "api as1")
	})
}

func TestResourceTransport_MetadataDocument(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(func(cfg *client.ResourceTransportConfig) {
			cfg.Clients = []client.Config{{
				ClientID: "https://app.test/client.json", ClientMetadataDocument: true, RedirectURI: callbackURI, HTTPClient: cfg.Discovery.HTTPClient,
			}}
		})
		w.metadata["client_id_metadata_document_supported"] = true
		w.metadata["token_endpoint_auth_methods_supported"] = []string{"none"}
		w.ok(transport, "")
		w.want("api ", "as1 sign-in", "as1 authorization_code", "api as1")
		if got := w.signIns[0].Get("client_id"); got != "https://app.test/client.json" {
			t.Errorf("client_id is %q", got)
		}
		w.servers, w.tokens, w.noRefresh = []string{"https://as2.test"}, make(map[string]token), true
		w.metadata = make(map[string]any)
		time.Sleep(time.Minute)
		w.ok(transport, "") // this server does not support them
		w.want("api as1", "as1 refresh_token", "as2 register", "as2 sign-in", "as2 authorization_code", "api as2")
	})
}

func TestResourceTransport_Shared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(nil)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { w.ok(transport, "") })
		}
		all.Wait()
		if len(w.signIns) != 1 {
			t.Errorf("%d sign-ins", len(w.signIns))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.test/mcp", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		other := w.transport(nil)
		if _, err := statusFrom(other, r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Second)
		w.took()
		w.ok(other, "")
		w.want("api as1") // the sign-in has continued
	})
}

// The next process uses the stored token and the stored client.
func TestResourceTransport_Stored(t *testing.T) {
	t.Parallel()
	folder, err := client.NewFileTokens(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]client.CredentialStore{"memory": client.NewMemoryTokens(), "files": folder} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			stored := func(key string) func(*client.ResourceTransportConfig) {
				return func(cfg *client.ResourceTransportConfig) { cfg.Store, cfg.Key = store, key }
			}
			w.ok(w.transport(stored("alice")), "?needs=write")
			w.took()
			next := w.transport(stored("alice"))
			w.ok(next, "?needs=write")
			w.want("api ", "api as1")
			w.ok(w.transport(stored("bob")), "")
			w.want("api ", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1")
			w.tokens, w.noRefresh = make(map[string]token), true
			w.ok(w.transport(stored("alice")), "") // the stored token has ended, and the client is still known
			w.want("api ", "api as1", "as1 refresh_token", "as1 sign-in", "as1 authorization_code", "api as1")
			w.unknown = true
			time.Sleep(2 * time.Hour)
			w.tokens = make(map[string]token)
			w.ok(w.transport(stored("alice")), "")
			w.want("api ", "as1 sign-in", "as1 authorization_code", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1")
			if t.Failed() {
				t.Log(name)
			}
		})
	}
}

// An API that rejects all tokens causes one sign-in in 30 seconds.
func TestResourceTransport_RejectsAllTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deaf, w.noRefresh = true, true
		transport := w.transport(nil)
		for range 10 {
			if status, err := w.get(transport, ""); status != 401 || err != nil {
				t.Errorf("%d, %v", status, err)
			}
		}
		if len(w.signIns) != 1 {
			t.Errorf("%d sign-ins", len(w.signIns))
		}
		time.Sleep(31 * time.Second)
		if status, err := w.get(transport, ""); status != 401 || err != nil || len(w.signIns) != 2 {
			t.Errorf("later: %d, %v, %d sign-ins", status, err, len(w.signIns))
		}
	})
}

func TestResourceTransport_SignInTimeout(t *testing.T) {
	t.Parallel()
	for limit, want := range map[time.Duration]time.Duration{0: 10 * time.Minute, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			transport := w.transport(func(cfg *client.ResourceTransportConfig) {
				cfg.SignInTimeout = limit
				cfg.SignIn = func(ctx context.Context, _ *client.Client, _ client.AuthorizationOptions) (*client.Token, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
			})
			start := time.Now()
			_, err := w.get(transport, "")
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != want {
				t.Errorf("%v after %v, want %v", err, took, want)
			}
		})
	}
}

// An API that responds with 401 without a challenge may mean something else than the token. That causes one sign-in.
func TestResourceTransport_NoChallenge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.silent = true
		transport := w.transport(nil)
		w.ok(transport, "")
		w.deaf = true
		for range 10 {
			time.Sleep(time.Minute)
			if status, err := w.get(transport, ""); status != 401 || err != nil {
				t.Errorf("%d, %v", status, err)
			}
		}
		if len(w.signIns) != 2 {
			t.Errorf("%d sign-ins", len(w.signIns))
		}
	})
}

func TestResourceTransport_Failures(t *testing.T) {
	t.Parallel()
	closed := errors.New("the user closed the window")
	for name, test := range map[string]struct {
		change func(*world)
		want   error
		text   string
		pause  time.Duration
	}{
		"the user declines":      {func(w *world) { w.signInErr = closed }, closed, "sign-in at", 30 * time.Second},
		"the wrong issuer":       {func(w *world) { w.iss = "https://as2.test" }, client.ErrCallback, "iss", 30 * time.Second},
		"no metadata":            {func(w *world) { w.fail["api.test/.well-known/oauth-protected-resource/mcp"] = 404 }, nil, "metadata of the resource", 30 * time.Second},
		"metadata unavailable":   {func(w *world) { w.fail["api.test/.well-known/oauth-protected-resource/mcp"] = 503 }, client.ErrUnavailable, "", 5 * time.Second},
		"server unavailable":     {func(w *world) { w.fail["as1.test/.well-known/oauth-authorization-server"] = 503 }, client.ErrUnavailable, "", 5 * time.Second},
		"registration fails":     {func(w *world) { w.fail["as1.test/register"] = 403 }, nil, "registration at", 30 * time.Second},
		"no registration":        {func(w *world) { w.metadata["registration_endpoint"] = nil }, client.ErrNoClient, "Registration is nil or", 30 * time.Second},
		"the token is not given": {func(w *world) { w.fail["as1.test/token"] = 400 }, nil, "status 400", 30 * time.Second},
		"no PKCE":                {func(w *world) { w.metadata["code_challenge_methods_supported"] = nil }, client.ErrUnsupported, "InsecureUnlistedPKCE", 30 * time.Second},
		"no server":              {func(w *world) { w.servers = nil }, client.ErrNoServer, "", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				test.change(w)
				transport := w.transport(nil)
				_, err := w.get(transport, "")
				if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
					t.Fatalf("%v", err)
				}
				requests := w.count
				time.Sleep(test.pause - 2*time.Second)
				if _, again := w.get(transport, ""); again == nil || w.count != requests {
					t.Errorf("in the pause: %v, %d requests to the server", again, w.count-requests)
				}
				repaired := newWorld(t)
				w.mu.Lock()
				w.signInErr, w.iss, w.metadata, w.fail, w.servers = nil, "", repaired.metadata, repaired.fail, repaired.servers
				w.mu.Unlock()
				time.Sleep(3 * time.Second)
				w.ok(transport, "")
			})
		})
	}
}

// offline_access is requested only if the authorization server lists it, whatever the API says.
func TestResourceTransport_OfflineAccess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server []string
		api    []string
		no     bool
		want   string
	}{
		"listed":          {[]string{"read", "offline_access"}, []string{"read"}, false, "read offline_access"},
		"not listed":      {[]string{"read"}, []string{"read", "offline_access"}, false, "read"},
		"no list":         {nil, []string{"read", "offline_access"}, false, "read"},
		"listed by both":  {[]string{"offline_access"}, []string{"offline_access", "read"}, false, "read offline_access"},
		"not wanted":      {[]string{"offline_access"}, []string{"offline_access", "read"}, true, "read"},
		"not alone":       {[]string{"offline_access"}, nil, false, ""},
		"not alone, both": {[]string{"offline_access"}, []string{"offline_access"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.scopes, w.metadata["scopes_supported"] = test.api, test.server
				w.ok(w.transport(func(cfg *client.ResourceTransportConfig) { cfg.NoOfflineAccess = test.no }), "")
				if got := w.signIns[0].Get("scope"); got != test.want || got == "" && w.signIns[0].Has("scope") {
					t.Errorf("requested %q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestResourceTransport_UnlistedPKCE(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.metadata["code_challenge_methods_supported"] = nil
		w.ok(w.transport(func(cfg *client.ResourceTransportConfig) { cfg.InsecureUnlistedPKCE = true }), "")
		if w.signIns[0].Get("code_challenge_method") != "S256" {
			t.Error("the challenge was not sent")
		}
	})
}

// A program without a user gets a new token when the last one has expired.
func TestResourceTransport_ClientCredentials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.noRefresh = true
		transport := w.transport(func(cfg *client.ResourceTransportConfig) {
			cfg.SignIn = func(ctx context.Context, c *client.Client, o client.AuthorizationOptions) (*client.Token, error) {
				if diff := cmp.Diff([]string{"https://api.test/mcp"}, o.Resource); diff != "" {
					t.Error(diff)
				}
				return c.ClientCredentials(ctx, o.Scopes...)
			}
		})
		w.ok(transport, "")
		w.want("api ", "as1 register", "as1 client_credentials", "api as1")
		w.ok(transport, "?needs=write")
		w.want("api as1", "as1 client_credentials", "api as1")
		time.Sleep(2 * time.Hour)
		w.ok(transport, "?needs=write")
		w.want("api ", "as1 client_credentials", "api as1")
	})
}

// What comes from another origin has no effect, and no token is sent there.
func TestResourceTransport_OtherOrigins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(nil)
		w.ok(transport, "")
		w.took()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/moved", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusForbidden || len(w.signIns) != 1 {
			t.Errorf("status %d, %d sign-ins", resp.StatusCode, len(w.signIns))
		}
		if _, err := w.do(transport, "https://as2.test/x", nil); !errors.Is(err, client.ErrOrigin) {
			t.Errorf("another origin: %v", err)
		}
		for _, zero := range []*client.ResourceTransport{{}, new(client.ResourceTransport)} {
			if _, err := w.get(zero, ""); err == nil || !strings.Contains(err.Error(), "NewResourceTransport") {
				t.Errorf("the zero value: %v", err)
			}
		}
		with, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/mcp", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		with.Header.Set("Authorization", "Bearer other")
		if _, err := statusFrom(transport, with); err == nil {
			t.Error("a request with an Authorization header was sent")
		}
		w.want()
	})
}

// A body that cannot be read again is sent once. The next request has the token.
func TestResourceTransport_Stream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(nil)
		for _, want := range []int{401, 200} {
			status, err := w.do(transport, "https://api.test/mcp", io.MultiReader(strings.NewReader("stream")))
			if status != want || err != nil {
				t.Errorf("%d, %v", status, err)
			}
		}
		w.want("api ", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1")
	})
}

func TestResourceTransport_RegisteredMetadata(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server map[string]any
		change func(*client.DynamicRegistration)
		want   map[string]any // a part of the metadata; nil: the member is not sent
	}{
		"native": {nil, nil, map[string]any{
			"application_type": "native", "redirect_uris": []any{callbackURI}, "response_types": []any{"code"},
			"grant_types": []any{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "client_secret_basic",
		}},
		"a private scheme": {nil, func(d *client.DynamicRegistration) { d.Metadata.RedirectURIs = []string{"com.example.app:/cb"} }, map[string]any{"application_type": "native"}},
		"web":              {nil, func(d *client.DynamicRegistration) { d.Metadata.RedirectURIs = []string{"https://app.test/cb"} }, map[string]any{"application_type": "web"}},
		"one of each": {nil, func(d *client.DynamicRegistration) {
			d.Metadata.RedirectURIs = []string{callbackURI, "https://app.test/cb"}
		}, map[string]any{"application_type": "web"}},
		"the redirect URI of the Config": {nil, func(d *client.DynamicRegistration) {
			d.Metadata.RedirectURIs, d.Config.RedirectURI = nil, "http://localhost/other"
		}, map[string]any{"redirect_uris": []any{"http://localhost/other"}}},
		"public if possible": {
			map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "none"}},
			nil,
			map[string]any{"token_endpoint_auth_method": "none"},
		},
		"no list of methods": {map[string]any{"token_endpoint_auth_methods_supported": nil}, nil, map[string]any{"token_endpoint_auth_method": nil}},
		"no refresh tokens":  {map[string]any{"grant_types_supported": []string{"authorization_code"}}, nil, map[string]any{"grant_types": []any{"authorization_code"}}},
		"as configured": {nil, func(d *client.DynamicRegistration) {
			d.Metadata.ApplicationType, d.Metadata.GrantTypes, d.Metadata.TokenEndpointAuthMethod = "web", []string{"x"}, client.AuthPost
		}, map[string]any{"application_type": "web", "grant_types": []any{"x"}, "token_endpoint_auth_method": "client_secret_post"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				for member, value := range test.server {
					w.metadata[member] = value
				}
				w.ok(w.transport(func(cfg *client.ResourceTransportConfig) {
					if test.change != nil {
						test.change(cfg.Registration)
					}
				}), "")
				for member, want := range test.want {
					if diff := cmp.Diff(want, w.registered[0][member]); diff != "" {
						t.Errorf("%s: %s", member, diff)
					}
				}
			})
		})
	}
}

// A client whose secret has expired is registered again.
func TestResourceTransport_ExpiredSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		store := client.NewMemoryTokens()
		err := store.SaveRegistration(t.Context(), " https://as1.test https://api.test/mcp", &client.Registration{
			Issuer: "https://as1.test", ClientID: "as1-old", ClientSecret: "as1-old", SecretExpiresAt: time.Now().Add(-time.Second),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.ok(w.transport(func(cfg *client.ResourceTransportConfig) { cfg.Store = store }), "")
		w.want("api ", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1")
		r, err := store.LoadRegistration(t.Context(), " https://as1.test https://api.test/mcp")
		if err != nil || !strings.HasPrefix(r.ClientID, "as1-client") {
			t.Errorf("%v, %v", r, err)
		}
	})
}

// A token that is not from the client of the sign-in is not used.
func TestResourceTransport_ForeignToken(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]*client.Token{
		"of another issuer": {AccessToken: "as2-t1", Issuer: "https://as2.test", ClientID: "x"}, "none": nil, "without a token": {RefreshToken: "r"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			transport := w.transport(func(cfg *client.ResourceTransportConfig) {
				cfg.SignIn = func(context.Context, *client.Client, client.AuthorizationOptions) (*client.Token, error) {
					return token, nil
				}
			})
			if _, err := w.get(transport, ""); err == nil || strings.Contains(err.Error(), "as2-t1") {
				t.Errorf("%s: %v", name, err)
			}
			w.want("api ", "as1 register")
		})
	}
}

func TestNewResourceTransport_Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for want, change := range map[string]func(*client.ResourceTransportConfig){
		"Resource is required":                func(c *client.ResourceTransportConfig) { c.Resource = "" },
		"Resource or Discovery":               func(c *client.ResourceTransportConfig) { c.Resource = "http://api.test" },
		"MetadataOrigins":                     func(c *client.ResourceTransportConfig) { c.Discovery.MetadataOrigins = []string{"x"} },
		"SignIn is required":                  func(c *client.ResourceTransportConfig) { c.SignIn = nil },
		"Clients or Registration is required": func(c *client.ResourceTransportConfig) { c.Registration = nil },
		"SignInTimeout is negative":           func(c *client.ResourceTransportConfig) { c.SignInTimeout = -1 },
		"Clients[0].Issuer is required": func(c *client.ResourceTransportConfig) {
			c.Clients = []client.Config{{ClientID: "x", ClientSecret: "s"}}
		},
		"Clients[0]: client: Config.ClientID": func(c *client.ResourceTransportConfig) { c.Clients = []client.Config{{Issuer: "https://as1.test"}} },
		"ClientSecret": func(c *client.ResourceTransportConfig) {
			c.Clients = []client.Config{{ClientID: "https://a.test/c", ClientMetadataDocument: true, ClientSecret: "hidden"}}
		},
		"Base: the client's Transport is not an *http.Transport": func(c *client.ResourceTransportConfig) {
			c.Discovery = client.ResourceDiscovery{PublicAddressesOnly: true}
		},
		"an endpoint or keys":               func(c *client.ResourceTransportConfig) { c.Registration.Config.AuthorizeURL = "https://as1.test/auth" },
		"Registration.Config has an Issuer": func(c *client.ResourceTransportConfig) { c.Registration.Config.ClientSecret = "hidden" },
		"RedirectURIs[0] must be": func(c *client.ResourceTransportConfig) {
			c.Registration.Metadata.RedirectURIs = []string{"http://app.test/"}
		},
		"Config.Timeout is negative": func(c *client.ResourceTransportConfig) { c.Registration.Config.Timeout = -1 },
	} {
		cfg := w.config()
		change(&cfg)
		_, err := client.NewResourceTransport(cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func TestResourceTransport_PrintsNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	cfg.Clients = []client.Config{{Issuer: "https://as1.test", ClientID: "id", ClientSecret: "hidden"}}
	cfg.Registration.Metadata.SoftwareStatement = "hidden"
	transport, err := client.NewResourceTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{cfg, &cfg, transport, cfg.Registration, *cfg.Registration} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "hidden") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}
