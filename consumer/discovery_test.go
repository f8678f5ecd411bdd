package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// pathCounter passes requests on and counts them by path.
type pathCounter struct {
	http.Handler

	mu    sync.Mutex // guards paths
	paths map[string]int
}

func countPaths(next http.Handler) *pathCounter {
	return &pathCounter{Handler: next, paths: make(map[string]int)}
}

func (c *pathCounter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.paths[r.URL.Path]++
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func (c *pathCounter) of(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paths[path]
}

// publishes serves the keys of issuer, and this text as its metadata.
func publishes(issuer *bearertest.Issuer, metadata, contentType string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			issuer.ServeHTTP(w, r)
			return
		}
		w.Header()["Content-Type"] = []string{contentType}
		_, _ = io.WriteString(w, metadata)
	})
}

// Harmless deviations of the metadata cost nothing but a quirk. Deviations that concern the issuer or the keys cost all
// tokens.
func TestCaseD1_CaseD2_CaseD3_MetadataOfRealIssuers(t *testing.T) {
	t.Parallel()
	const members = `"issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + `/jwks"`
	tests := []struct {
		name, metadata, contentType string
		quirks                      []quirk.Name // nil: the metadata is not accepted, or has none
		ok                          bool
	}{
		{name: "as specified", metadata: `{` + members + `}`, contentType: "application/json", ok: true},
		{name: "octet-stream", metadata: `{` + members + `}`, contentType: "application/octet-stream", ok: true, quirks: []quirk.Name{quirk.ContentType}},
		{name: "no Content-Type", metadata: `{` + members + `}`, ok: true, quirks: []quirk.Name{quirk.ContentType}},
		{name: "string for array", metadata: `{` + members + `,"scopes_supported":"openid"}`, contentType: "application/json", ok: true, quirks: []quirk.Name{quirk.WrongType}},
		{name: "array for object", metadata: `{` + members + `,"mtls_endpoint_aliases":[]}`, contentType: "application/json", ok: true, quirks: []quirk.Name{quirk.WrongType}},
		{name: "byte order mark", metadata: "\ufeff{" + members + `}`, contentType: "application/json", ok: true, quirks: []quirk.Name{quirk.ByteOrderMark}},
		{name: "duplicate", metadata: `{` + members + `,"x":1,"x":2}`, contentType: "application/json", ok: true, quirks: []quirk.Name{quirk.DuplicateMember}},
		{name: "all of them", metadata: "\ufeff{" + members + `,"x":1,"x":2,"claims_supported":null,"op_tos_uri":1,"op_policy_uri":"\ud800"}`, ok: true, quirks: []quirk.Name{
			quirk.ByteOrderMark, quirk.ContentType, quirk.DuplicateMember, quirk.InvalidValue, quirk.NullMember, quirk.WrongType,
		}},
		{name: "another issuer", metadata: `{"issuer":"https://other.test","jwks_uri":"` + issuerURL + `/jwks"}`, contentType: "application/json"},
		{name: "two issuers", metadata: `{` + members + `,"issuer":"` + issuerURL + `"}`, contentType: "application/json"},
		{name: "two key sets", metadata: `{` + members + `,"jwks_uri":"https://other.test/jwks"}`, contentType: "application/json"},
		{name: "two token endpoints", metadata: `{` + members + `,"token_endpoint":"https://a.test","token_endpoint":"https://b.test"}`, contentType: "application/json"},
		{name: "jwks_uri of the wrong type", metadata: `{"issuer":"` + issuerURL + `","jwks_uri":["` + issuerURL + `/jwks"]}`, contentType: "application/json"},
		{name: "HTML", metadata: `<!doctype html>`, contentType: "text/html"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer, n := newIssuer(), newNetwork()
				n.connect(issuerURL, publishes(issuer, tt.metadata, tt.contentType))
				var j journal
				cfg := online(issuer)
				cfg.HTTPClient, cfg.OnVerify = n.client(), j.write
				c := newConsumer(t, cfg)
				if !tt.ok {
					reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
					return
				}
				for range 3 {
					accept(t, c, issuer.AccessToken().Sign())
				}
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // quirks are reported after the metadata is in use, so the first verifications may miss them
				accept(t, c, issuer.AccessToken().Sign())
				var names, reported []quirk.Name
				for _, q := range c.Health().Quirks {
					names = append(names, q.Name)
				}
				for _, v := range j.read() {
					for _, q := range v.Quirks {
						reported = append(reported, q.Name)
					}
				}
				if diff := cmp.Diff(tt.quirks, names); diff != "" {
					t.Errorf("Health.Quirks (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.quirks, reported); diff != "" {
					t.Errorf("quirks of all verifications (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// One location that does not work does not hide the document at another one.
func TestCaseD4_OtherLocationIsTried(t *testing.T) {
	t.Parallel()
	const realm = issuerURL + "/realm"
	locations := []string{
		"/.well-known/oauth-authorization-server/realm", "/realm/.well-known/openid-configuration",
		"/.well-known/openid-configuration/realm", "/realm/.well-known/oauth-authorization-server",
	}
	faults := map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"503, Retry-After": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"login page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"dropped":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(dropped, "yes") },
	}
	for name, fault := range faults {
		for _, good := range locations {
			t.Run(name+good, func(t *testing.T) {
				t.Parallel()
				issuer, n := newTenant(realm), newNetwork()
				mux := http.NewServeMux()
				mux.Handle("/realm/jwks", issuer)
				mux.HandleFunc("/", fault)
				mux.HandleFunc(good, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, realm, realm+"/jwks")
				})
				n.connect(issuerURL, mux)
				cfg := online(issuer)
				cfg.HTTPClient = &http.Client{Transport: dropping{n}}
				accept(t, newConsumer(t, cfg), issuer.AccessToken().Sign())
			})
		}
	}
}

// dropped marks a response in place of which the connection breaks.
const dropped = "X-Dropped"

// dropping is a RoundTripper whose connections break.
type dropping struct{ http.RoundTripper }

func (d dropping) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(r)
	if err == nil && resp.Header.Get(dropped) != "" {
		return nil, errors.New("connection reset by peer")
	}
	return resp, err
}

// A slow issuer works with DiscoveryTimeout. Requests wait for 3 seconds and share the fetches.
func TestCaseD5_SlowIssuer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		timeout, delay time.Duration
		ok             bool
		requests       int // for the metadata, also at the second location if the first is slow, and for the keys
	}{
		{name: "default", delay: 5 * time.Second},
		{name: "too short", timeout: 4 * time.Second, delay: 5 * time.Second},
		{name: "5 s", timeout: 10 * time.Second, delay: 5 * time.Second, ok: true, requests: 3},
		{name: "50 s", timeout: time.Minute, delay: 50 * time.Second, ok: true, requests: 3},
		{name: "fast", timeout: time.Minute, delay: 100 * time.Millisecond, ok: true, requests: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer, n := newIssuer(), newNetwork()
				n.connect(issuerURL, issuer)
				n.delay(tt.delay)
				cfg := online(issuer)
				cfg.HTTPClient, cfg.DiscoveryTimeout = n.client(), tt.timeout
				c := newConsumer(t, cfg)
				raw := lasting(issuer).Sign()
				began := time.Now()
				var waiting sync.WaitGroup
				for range 100 {
					waiting.Go(func() {
						_, err := c.Verify(t.Context(), raw)
						if fast := tt.delay < time.Second; (err == nil) != fast {
							t.Errorf("after %v: error %v", time.Since(began), err)
						}
					})
				}
				waiting.Wait()
				if waited := time.Since(began); waited > 3*time.Second { // in the time of the bubble
					t.Errorf("requests waited for %v", waited)
				}
				if got := n.asked(); got > 2 {
					t.Errorf("100 requests caused %d requests to the issuer", got)
				}
				for range 200 { // until metadata and keys were fetched
					time.Sleep(time.Second)
					_, _ = c.Verify(t.Context(), raw)
				}
				if !tt.ok {
					reject(t, c, raw, consumer.ReasonKeysUnavailable)
				} else if accept(t, c, raw); n.asked() != tt.requests {
					t.Errorf("%d requests, want %d", n.asked(), tt.requests)
				}
				time.Sleep(10 * time.Minute) // fetches end
			})
		})
	}
}

// The error of a metadata request that takes too long names the setting.
func TestCaseD5_TimeoutNamesTheSetting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		n.delay(5 * time.Second)
		var log bytes.Buffer
		cfg := online(issuer)
		cfg.HTTPClient, cfg.Logger = n.client(), slog.New(slog.NewTextHandler(&log, nil))
		c := newConsumer(t, cfg)
		if err := c.Refresh(t.Context()); err == nil {
			t.Error("the issuer responds in time")
		}
		synctest.Wait()
		for _, want := range []string{"time limit of 3s exceeded", "set DiscoveryTimeout"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("log without %q:\n%s", want, &log)
			}
		}
	})
}

// The metadata of a public issuer is fetched, and refreshed, from an internal address.
func TestCaseD6_MetadataURL(t *testing.T) {
	t.Parallel()
	const internal = "https://idp.internal:8443"
	synctest.Test(t, func(t *testing.T) {
		issuer, n := newIssuer(), newNetwork()
		keysAt := "/keys/1"
		mux := http.NewServeMux()
		mux.HandleFunc("/meta", func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": issuerURL, "jwks_uri": internal + keysAt})
		})
		mux.Handle("/keys/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != keysAt {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(issuer.JWKS())
		}))
		served := countPaths(mux)
		n.connect(internal, served) // nothing is at the public address
		cfg := online(issuer)
		cfg.HTTPClient, cfg.MetadataURL = n.client(), internal+"/meta?view=1"
		c := newConsumer(t, cfg)
		accept(t, c, lasting(issuer).Sign())
		if n.asked() != 2 {
			t.Errorf("%d requests, want 2", n.asked())
		}
		keysAt = "/keys/2"
		issuer.Rotate()
		issuer.Retire()
		for range 30 { // the refresh notices it
			time.Sleep(time.Minute)
			_, _ = c.Verify(t.Context(), lasting(issuer).Sign())
		}
		accept(t, c, lasting(issuer).Sign())
		if served.of("/meta") < 2 || served.of("/keys/2") == 0 {
			t.Errorf("requests %v, want a refresh", served.paths)
		}
	})
	for name, issuerOfDocument := range map[string]string{"another issuer": internal, "slash": issuerURL + "/", "case": "https://Issuer.test", "none": ""} {
		issuer, n := newIssuer(), newNetwork()
		n.connect(internal, publishes(issuer, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuerOfDocument, internal+"/jwks"), "application/json"))
		n.connect(issuerURL, issuer) // is not used
		cfg := online(issuer)
		cfg.HTTPClient, cfg.MetadataURL = n.client(), internal+"/meta"
		c := newConsumer(t, cfg)
		if reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable); n.asked() != 1 {
			t.Errorf("%s: %d requests, want 1", name, n.asked())
		}
	}
}

// PublicAddressesOnly and the https rule apply to MetadataURL, too.
func TestCaseD6_MetadataURLAddresses(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	served := countPaths(publishes(issuer, `{"issuer":"`+issuerURL+`","jwks_uri":"`+issuerURL+`/jwks"}`, "application/json"))
	server := httptest.NewServer(served)
	t.Cleanup(server.Close)
	cfg := consumer.Config{Issuer: issuerURL, Audience: []string{audience}, MetadataURL: server.URL + "/meta", PublicAddressesOnly: true}
	c := newConsumer(t, cfg)
	reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
	if got := served.of("/meta"); got != 0 {
		t.Errorf("%d requests to a loopback address", got)
	}
	if err := c.Health().Metadata.LastError; err == nil || !strings.Contains(err.Error(), "(PublicAddressesOnly)") {
		t.Errorf("error %v does not name the setting", err)
	}
	cfg.PublicAddressesOnly = false
	_ = newConsumer(t, cfg).Warm(t.Context())
	if got := served.of("/meta"); got != 1 {
		t.Errorf("%d requests to a loopback address without PublicAddressesOnly, want 1", got)
	}
}

// The logged error of a redirect has the new location and the setting that takes it. The redirect is not followed.
func TestCaseJ11_RedirectOfMetadata(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{"same origin": issuerURL + "/v2/metadata?code=secret", "other origin": "https://b.test/v2/metadata#secret"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer, n := newIssuer(), newNetwork()
			n.connect(issuerURL, http.RedirectHandler(location, http.StatusMovedPermanently))
			n.connect("https://b.test", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
			cfg := online(issuer)
			cfg.HTTPClient = n.client()
			c := newConsumer(t, cfg)
			reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
			shown, _, _ := strings.Cut(strings.ReplaceAll(location, "#", "?"), "?")
			want := `redirects to "` + shown + `", redirects are not followed; if the metadata has moved, set MetadataURL to its new location`
			if err := c.Health().Metadata.LastError; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v does not contain %q, or contains a secret", err, want)
			}
			if n.asked() != 2 {
				t.Errorf("%d requests, want one for each location", n.asked())
			}
		})
	}
}

// The quirks of metadata that the operator supplies are reported, too.
func TestCaseD2_QuirksOfConfigMetadata(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := online(issuer)
	var err error
	cfg.Metadata, err = new(oidcdiscovery.Client).Parse(issuerURL, []byte(
		`{"issuer":"`+issuerURL+`","jwks_uri":"`+issuerURL+`/jwks","scopes_supported":"openid"}`))
	if err != nil {
		t.Fatal(err)
	}
	var seen []quirk.Quirk
	cfg.OnVerify = func(_ context.Context, v consumer.Verification) { seen = append(seen, v.Quirks...) }
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Sign())
	accept(t, c, issuer.AccessToken().Sign())
	want := []quirk.Quirk{{Name: quirk.WrongType, Place: "metadata scopes_supported", RFC: "RFC 8414 section 3.2"}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("Verification.Quirks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, c.Health().Quirks); diff != "" {
		t.Errorf("Health.Quirks (-want +got):\n%s", diff)
	}
}

// Warm waits for a slow issuer, for as long as DiscoveryTimeout allows and its context lasts.
func TestCaseD5_WarmWaitsForASlowIssuer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		timeout, keys time.Duration // DiscoveryTimeout and KeyCache.Timeout
		patience      time.Duration // of the context
		ok            bool
	}{
		"default":               {patience: time.Hour},
		"long enough":           {timeout: 6 * time.Second, patience: time.Hour, ok: true},
		"keys have less time":   {timeout: 6 * time.Second, keys: 4 * time.Second, patience: time.Hour},
		"the caller leaves":     {timeout: 6 * time.Second, patience: 500 * time.Millisecond},
		"only keys have time":   {keys: 6 * time.Second, patience: time.Hour},
		"much more than enough": {timeout: time.Minute, keys: time.Minute, patience: time.Hour, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				n := newNetwork(issuer)
				n.delay(5 * time.Second)
				cfg := online(issuer)
				cfg.HTTPClient, cfg.DiscoveryTimeout, cfg.KeyCache.Timeout = n.client(), tt.timeout, tt.keys
				c := newConsumer(t, cfg)
				ctx, cancel := context.WithTimeout(t.Context(), tt.patience)
				defer cancel()
				if err := c.Warm(ctx); (err == nil) != tt.ok {
					t.Errorf("error %v", err)
				}
				if ready := c.Health().Ready; ready != tt.ok {
					t.Errorf("ready %v, want %v", ready, tt.ok)
				}
				time.Sleep(10 * time.Minute) // fetches end
			})
		})
	}
}
