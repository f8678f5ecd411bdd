package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// throughFilter returns a transport whose requests first reach filter, which may return a response of its own.
func (w *world) throughFilter(filter func(r *http.Request) *http.Response) *client.ResourceTransport {
	w.t.Helper()
	return w.transport(func(cfg *client.ResourceTransportConfig) {
		through := roundTrip(func(r *http.Request) (*http.Response, error) {
			if resp := filter(r); resp != nil {
				return resp, nil
			}
			return w.RoundTrip(r)
		})
		cfg.Base, cfg.Discovery.HTTPClient, cfg.Registration.Config.HTTPClient = through, &http.Client{Transport: through}, &http.Client{Transport: through}
	})
}

// A server that has lost its registrations, such as one that was restarted, gets a new one.
func TestResourceTransport_LostRegistration(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the server": false, "both": true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.lifetime = 60
			store := new(client.MemoryTokens)
			stored := func(cfg *client.ResourceTransportConfig) { cfg.Store = store }
			transport := w.transport(stored)
			w.ok(transport, "?needs=write")
			w.took()
			time.Sleep(time.Hour)
			w.unknown, w.tokens = true, make(map[string]token)
			want := []string{"as1 refresh_token", "api ", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1"}
			if restart {
				transport = w.transport(stored)
				want = []string{"api ", "as1 refresh_token", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1"}
			}
			w.ok(transport, "")
			w.want(want...)
			time.Sleep(time.Hour)
			w.ok(transport, "")
			w.want("as1 refresh_token", "api as1")
			if got := w.signIns[len(w.signIns)-1].Get("scope"); !restart && got != "read write" {
				t.Errorf("%s: the sign-in requested %q", name, got)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // the API rejects the token before it expires
		w := newWorld(t)
		transport := w.transport(nil)
		w.ok(transport, "")
		w.took()
		time.Sleep(time.Minute)
		w.unknown, w.tokens = true, make(map[string]token)
		w.ok(transport, "")
		w.want("api as1", "as1 refresh_token", "as1 register", "as1 sign-in", "as1 authorization_code", "api as1")
	})
}

// A registration that cannot be used is an error, and is not kept.
func TestResourceTransport_UnusableRegistration(t *testing.T) {
	t.Parallel()
	for method, usable := range map[string]bool{
		"private_key_jwt": false, "client_secret_jwt": false, "unknown": false,
		"none": true, "client_secret_basic": true, "client_secret_post": true, // a public client: it has no secret
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			repaired := false
			transport := w.throughFilter(func(r *http.Request) *http.Response {
				if r.URL.Path != "/register" || repaired {
					return nil
				}
				return written(201, `{"client_id":"as1-public","token_endpoint_auth_method":"`+method+`"}`, nil).Result()
			})
			status, err := w.get(transport, "")
			if usable != (status == 200) || !usable && !strings.Contains(fmt.Sprint(err), `token_endpoint_auth_method "`+method) {
				t.Errorf("%s: status %d, %v", method, status, err)
			}
			repaired = true
			time.Sleep(time.Minute)
			w.ok(transport, "")
		})
	}
}

// An API that requires something else in each response does not cause a stream of sign-ins.
func TestResourceTransport_EndlessRequirements(t *testing.T) {
	t.Parallel()
	for name, challenge := range map[string]string{
		"scopes that are not granted": `Bearer error="insufficient_scope", scope="a%d"`,
		"acr_values":                  `Bearer error="insufficient_user_authentication", acr_values="a%d"`,
		"max_age":                     `Bearer error="insufficient_user_authentication", max_age=%d`,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			count := 0
			status := http.StatusUnauthorized
			if strings.Contains(challenge, "scope=") {
				status, w.narrow = http.StatusForbidden, []string{"read"}
			}
			transport := w.throughFilter(func(r *http.Request) *http.Response {
				if r.URL.Host != "api.test" || r.Header.Get("Authorization") == "" {
					return nil
				}
				count++
				return written(status, "", map[string]string{"WWW-Authenticate": fmt.Sprintf(challenge, count)}).Result()
			})
			for range 30 {
				if _, err := w.get(transport, ""); err == nil {
					t.Errorf("%s: no error", name)
				}
			}
			if len(w.signIns) > 8 {
				t.Errorf("%s: %d sign-ins", name, len(w.signIns))
			}
			before := len(w.signIns)
			time.Sleep(31 * time.Second)
			for range 30 {
				_, _ = w.get(transport, "")
			}
			if got := len(w.signIns) - before; got != 1 {
				t.Errorf("%s: %d sign-ins after a pause", name, got)
			}
		})
	}
}

// An API that names another server each time, and tokens with a short lifetime, do not cause a stream of requests.
func TestResourceTransport_EndlessMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.noRefresh = true
		fetched := 0
		transport := w.throughFilter(func(r *http.Request) *http.Response {
			if strings.Contains(r.URL.Path, "oauth-protected-resource") {
				fetched++
				w.mu.Lock()
				w.servers = []string{fmt.Sprintf("https://as%d.test", fetched%2+1)}
				w.mu.Unlock()
			}
			return nil
		})
		w.ok(transport, "")
		w.deaf = true
		time.Sleep(time.Minute)
		for range 100 {
			_, _ = w.get(transport, "")
		}
		if fetched > 7 {
			t.Errorf("the metadata was fetched %d times", fetched)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.noRefresh, w.lifetime = true, 10
		transport := w.transport(nil)
		for range 100 {
			_, _ = w.get(transport, "")
			time.Sleep(11 * time.Second)
		}
		if most := 100*12/30 + 7; len(w.signIns) > most {
			t.Errorf("%d sign-ins, want at most %d", len(w.signIns), most)
		}
	})
}

// The scopes of a sign-in are limited, and a long list does not take long to read.
func TestResourceTransport_ManyScopes(t *testing.T) {
	t.Parallel()
	list := func(prefix string, count int) []string {
		var all []string
		for i := range count {
			all = append(all, fmt.Sprint(prefix, i))
		}
		return all
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		transport := w.transport(nil)
		for _, prefix := range []string{"a", "b", "c"} {
			w.challenge = strings.Join(list(prefix, 60), " ")
			w.tokens, w.noRefresh = make(map[string]token), true
			w.ok(transport, "")
			time.Sleep(time.Minute)
		}
		for i, signIn := range w.signIns {
			if got := len(strings.Fields(signIn.Get("scope"))); got != 60 {
				t.Errorf("sign-in %d requested %d scopes", i, got)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.narrow, w.noRefresh = list("s", 130_000), true // a second search in the list for each of them would take minutes
		transport := w.transport(nil)
		w.ok(transport, "")
		if _, err := w.get(transport, "?needs=more"); err == nil || len(err.Error()) > 500 {
			t.Errorf("got %.500v", err)
		}
		if len(w.signIns) != 1 {
			t.Errorf("%d sign-ins", len(w.signIns))
		}
	})
}

// PublicAddressesOnly also applies to the requests to the API, and to those to which it redirects.
func TestResourceTransport_PublicAddressesOnly(t *testing.T) {
	t.Parallel()
	reached := false
	internal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(internal.Close)
	for _, base := range []http.RoundTripper{nil, &http.Transport{}} {
		w := newWorld(t)
		cfg := w.config()
		cfg.Resource, cfg.Base, cfg.Discovery = internal.URL, base, client.ResourceDiscovery{PublicAddressesOnly: true}
		transport, err := client.NewResourceTransport(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.do(transport, internal.URL, nil); err == nil || reached || !strings.Contains(err.Error(), "not public") {
			t.Errorf("the server was reached: %t, error %v", reached, err)
		}
	}
}

// emptyStore returns neither a token nor an error.
type emptyStore struct{ client.CredentialStore }

func (emptyStore) Load(context.Context, string) (*client.Token, error) { return nil, nil }

func TestResourceTransport_EmptyStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	transport := w.transport(func(cfg *client.ResourceTransportConfig) { cfg.Store = emptyStore{new(client.MemoryTokens)} })
	if _, err := w.get(transport, ""); err == nil || !strings.Contains(err.Error(), "ResourceTransportConfig.Store: Load returned neither") {
		t.Error(err)
	}
}

// A server that names the pages of another one gets no code, if the other one names itself in the response (RFC 9207). That
// holds even if its own metadata says that it does not.
func TestResourceTransport_MixUp(t *testing.T) {
	t.Parallel()
	for name, iss := range map[string]string{"of the honest server": "https://as2.test", "with a slash": "https://as1.test/", "none": ""} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.iss = iss
			w.metadata["authorization_endpoint"] = "https://as2.test/authorize"
			w.metadata["authorization_response_iss_parameter_supported"] = iss == ""
			transport := w.transport(nil)
			_, err := w.get(transport, "")
			if iss == "" { // world names the server of the page then
				iss = "https://as2.test"
			}
			if log := w.took(); !errors.Is(err, client.ErrCallback) || slices.Contains(log, "as1 authorization_code") || slices.Contains(log, "as2 authorization_code") {
				t.Errorf("%s: %v, %v", name, err, log)
			}
		})
	}
}
