package consumer_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// host is where one process after the other runs: they share a file of keys.
type host struct {
	file   string
	n      *network
	issuer *bearertest.Issuer

	mu        sync.Mutex // guards refreshes
	refreshes []jwks.Refresh
}

func newHost(t *testing.T, file string) *host {
	t.Helper()
	issuer := newIssuer()
	return &host{file: file, n: newNetwork(issuer), issuer: issuer}
}

// start returns the consumer of a new process.
func (h *host) start(t *testing.T, change func(*consumer.Config)) *consumer.Consumer {
	t.Helper()
	cfg := online(h.issuer)
	cfg.HTTPClient = h.n.client()
	cfg.KeyCache = jwks.Config{Snapshot: jwks.SnapshotFile(h.file), OnRefresh: h.tell}
	if change != nil {
		change(&cfg)
	}
	return newConsumer(t, cfg)
}

func (h *host) tell(_ context.Context, r jwks.Refresh) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refreshes = append(h.refreshes, r)
}

// told returns the calls of OnRefresh about snapshots since the last call.
func (h *host) told() (restored []jwks.Refresh) {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.refreshes {
		if r.Cause == "restored" {
			restored = append(restored, r)
		}
	}
	h.refreshes = nil
	return restored
}

// ran lets a process fetch and save the keys, and end.
func (h *host) ran(t *testing.T) {
	t.Helper()
	accept(t, h.start(t, nil), h.issuer.AccessToken().Sign())
	synctest.Wait()
	h.told()
}

// wantNoWait wants raw to be accepted at once.
func wantNoWait(t *testing.T, v consumer.Verifier, raw string) {
	t.Helper()
	began := time.Now()
	accept(t, v, raw)
	if waited := time.Since(began); waited != 0 {
		t.Errorf("waited %v", waited)
	}
}

func says(status int, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for pair := range slices.Chunk(header, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(status)
	})
}

// outages are the ways in which an issuer can be down.
var outages = map[string]func(*network){
	"refuses":  func(n *network) { n.fail(true) },
	"hangs":    func(n *network) { n.delay(time.Hour) },
	"says 500": func(n *network) { n.connect(issuerURL, says(http.StatusInternalServerError)) },
	"says 503": func(n *network) { n.connect(issuerURL, says(http.StatusServiceUnavailable, "Retry-After", "60")) },
}

func keysFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "keys.json")
}

// A process that is started while the issuer is down serves at once, with nothing but the issuer's name.
func TestK19_RestartDuringAnOutage(t *testing.T) {
	t.Parallel()
	for name, breaks := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := keysFile(t)
			synctest.Test(t, func(t *testing.T) {
				h := newHost(t, file)
				h.ran(t)
				breaks(h.n)
				for _, age := range []time.Duration{time.Minute, time.Hour, 22 * time.Hour} {
					time.Sleep(age)
					c := h.start(t, nil)
					for range 600 { // a minute of ten requests a second
						wantNoWait(t, c, lasting(h.issuer).Sign())
						reject(t, c, lasting(h.issuer).EditSignature(flipped).Sign(), consumer.ReasonSignature)
						time.Sleep(100 * time.Millisecond)
					}
					if err := c.Warm(t.Context()); err != nil {
						t.Errorf("Warm: %v", err)
					}
					if health := c.Health(); !health.Ready || health.Keys.Keys != 1 || health.Metadata.LastError == nil {
						t.Errorf("Health = %+v", health)
					}
					if told := h.told(); len(told) != 1 || told[0].Err != nil || told[0].Keys != 1 {
						t.Errorf("reported snapshots: %+v", told)
					}
				}
				time.Sleep(time.Hour)
				c := h.start(t, nil)
				reject(t, c, lasting(h.issuer).Sign(), consumer.ReasonKeysUnavailable)
				if told := h.told(); len(told) != 1 || told[0].Err == nil || c.Health().Ready {
					t.Errorf("too old, reported snapshots: %+v", told)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// Neither Warm nor Run needs the issuer then.
func TestK19_K21_WarmAndRunFromASnapshot(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		h.ran(t)
		h.n.delay(time.Hour)
		time.Sleep(time.Hour)
		began := time.Now()
		if err := h.start(t, nil).Warm(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("Warm: %v after %v", err, time.Since(began))
		}
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{h.start(t, nil)}})
		go func() { _ = g.Run(t.Context()) }()
		synctest.Wait()
		if !g.Health().Ready {
			t.Error("Run has restored nothing")
		}
		wantNoWait(t, g, lasting(h.issuer).Sign())
		h.n.delay(0)
		time.Sleep(3 * time.Minute) // the fetches that hang, and the back-off
		if health := g.Health().Members[0]; health.Keys.Age > 3*time.Minute || health.Metadata.Age > 3*time.Minute {
			t.Errorf("after the outage: %+v", health)
		}
	})
}

func TestK19_RotationDuringAnOutageIsNoticedAfterwards(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		h.ran(t)
		old := lasting(h.issuer).Sign()
		h.n.fail(true)
		time.Sleep(time.Hour)
		c := h.start(t, nil)
		accept(t, c, old)
		h.issuer.Rotate()
		h.issuer.Retire()
		renewed := lasting(h.issuer).Sign()
		reject(t, c, renewed, consumer.ReasonUnknownKey)
		h.n.fail(false)
		time.Sleep(time.Minute)
		accept(t, c, renewed)
		reject(t, c, old, consumer.ReasonUnknownKey)
		synctest.Wait()
		h.n.fail(true)
		c = h.start(t, nil)
		accept(t, c, renewed) // so it was saved
		reject(t, c, old, consumer.ReasonUnknownKey)
		time.Sleep(time.Minute)
	})
}

// The URL in a snapshot may be outdated: the metadata is fetched at once, and a new URL is used.
func TestK19_K24_URLOfASnapshotIsProvisional(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		h.ran(t)
		elsewhere := newTenant("https://keys.test")
		elsewhere.Rotate()
		elsewhere.Retire()
		h.n.connect(issuerURL, bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: issuerURL, Metadata: map[string]any{"jwks_uri": "https://keys.test/jwks"},
		}))
		time.Sleep(time.Minute)
		c := h.start(t, nil)
		old, renewed := lasting(h.issuer).Sign(), lasting(elsewhere).Set("iss", issuerURL).Sign()
		wantNoWait(t, c, old)
		time.Sleep(time.Minute)
		accept(t, c, old) // the set in the new place cannot be read: the old one serves
		if health := c.Health(); health.Metadata.LastError == nil {
			t.Errorf("Health = %+v", health)
		}

		h.n.connect("https://keys.test", elsewhere)
		for range 10 {
			time.Sleep(time.Minute)
			_, _ = c.Verify(t.Context(), renewed) // the request that notices is not held
		}
		accept(t, c, renewed)
		reject(t, c, old, consumer.ReasonUnknownKey)
		synctest.Wait()

		h.n.fail(true)
		wantNoWait(t, h.start(t, nil), renewed) // from the new place
		time.Sleep(time.Minute)
	})
}

// The first request after a restart makes the Consumer fetch from the issuer.
func TestK19_RestartFetchesInTheBackground(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		h.ran(t)
		time.Sleep(time.Hour)
		before := h.issuer.Requests()["/jwks"]
		c := h.start(t, nil)
		accept(t, c, h.issuer.AccessToken().Sign())
		synctest.Wait()
		health := c.Health()
		if health.Metadata.Age != 0 || health.Keys.Age != 0 || h.issuer.Requests()["/jwks"] != before+1 {
			t.Errorf("Health = %+v after %d fetches of keys", health, h.issuer.Requests()["/jwks"]-before)
		}
	})
}

// Two issuers that were given one file by mistake never use each other's keys, with discovery or without.
func TestK19_Attack23_SnapshotOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]*oidcdiscovery.Metadata{
		"discovered": nil, "given": {Issuer: issuerURL, JWKSURI: "https://shared.test/jwks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := keysFile(t)
			synctest.Test(t, func(t *testing.T) {
				other := bearertest.NewIssuer(bearertest.IssuerConfig{
					URL: "https://other.test", Audience: audience, Algorithms: []string{"ES256"},
					Metadata: map[string]any{"jwks_uri": "https://shared.test/jwks"},
				})
				h := newHost(t, file)
				h.n.connect("https://other.test", other)
				h.n.connect("https://shared.test", other)
				c := h.start(t, func(cfg *consumer.Config) { cfg.Issuer = "https://other.test" })
				accept(t, c, other.AccessToken().Sign())
				synctest.Wait()
				h.told()

				h.n.fail(true)
				c = h.start(t, func(cfg *consumer.Config) { cfg.Metadata = given })
				forged := other.AccessToken().Set("iss", issuerURL).Sign()
				reject(t, c, forged, consumer.ReasonKeysUnavailable)
				if told := h.told(); len(told) != 1 || told[0].Err == nil || !strings.Contains(told[0].Err.Error(), "another issuer") {
					t.Errorf("reported snapshots: %+v", told)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// What the file says of the place is held to the rules of discovery.
func TestK19_BadFilesAreReportedAndDiscoveryContinues(t *testing.T) {
	t.Parallel()
	tests := map[string]func(text string) string{
		"torn":          func(text string) string { return text[:len(text)/2] },
		"empty":         func(string) string { return "" },
		"later version": func(text string) string { return strings.Replace(text, `"version":1`, `"version":2`, 1) },
		"http":          func(text string) string { return strings.Replace(text, `"url":"https:`, `"url":"http:`, 1) },
		"no place": func(text string) string {
			return strings.Replace(text, `"url":"https://issuer.test/jwks"`, `"url":""`, 1)
		},
		"no issuer": func(text string) string {
			return strings.Replace(text, `"issuer":"https://issuer.test"`, `"issuer":""`, 1)
		},
		"no usable key":   func(text string) string { return strings.Replace(text, `"kty":"EC"`, `"kty":"EG"`, 1) },
		"a damaged point": func(text string) string { return strings.Replace(text, `"x":"`, `"x":"BBBB`, 1) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := keysFile(t)
			synctest.Test(t, func(t *testing.T) {
				h := newHost(t, file)
				h.ran(t)
				good, err := os.ReadFile(file)
				if err != nil || spoil(string(good)) == string(good) {
					t.Fatalf("the edit does not change the file: %s, %v", good, err)
				}
				if err := os.WriteFile(file, []byte(spoil(string(good))), 0o600); err != nil {
					t.Fatal(err)
				}
				h.n.fail(true)
				var log lockedBuffer
				c := h.start(t, func(cfg *consumer.Config) { cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
				reject(t, c, h.issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
				if told := h.told(); len(told) != 1 || told[0].Err == nil {
					t.Errorf("reported snapshots: %+v", told)
				}
				line, _, _ := strings.Cut(log.take(), "\n")
				wantLine(t, line, "WARN", "keys not refreshed")

				h.n.fail(false)
				time.Sleep(time.Minute)
				accept(t, c, h.issuer.AccessToken().Sign())
				if told := h.told(); len(told) != 0 {
					t.Errorf("reported again: %+v", told)
				}
				h.n.fail(true)
				wantNoWait(t, h.start(t, nil), h.issuer.AccessToken().Sign()) // the file is whole again
				time.Sleep(time.Minute)
			})
		})
	}
}

// With InsecureAllowHTTP, the URL in the file may be any that discovery may return.
func TestK19_SnapshotURLHasTheLimitsOfADiscoveredURL(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		h.issuer = newTenant("http://issuer.test")
		h.n.connect("http://issuer.test", h.issuer)
		insecure := func(cfg *consumer.Config) { cfg.InsecureAllowHTTP = true }
		accept(t, h.start(t, insecure), h.issuer.AccessToken().Sign())
		synctest.Wait()
		h.n.fail(true)
		wantNoWait(t, h.start(t, insecure), h.issuer.AccessToken().Sign())
		time.Sleep(time.Minute)
	})
}

// A set that the issuer confirms is a set of now, in the file too.
func TestK15_K19_ConfirmedSetIsSavedAsOfNow(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		var confirmed int
		h.n.connect(issuerURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/jwks" {
				w.Header().Set("ETag", `"1"`)
				if r.Header.Get("If-None-Match") == `"1"` {
					confirmed++
					w.WriteHeader(http.StatusNotModified)
					return
				}
			}
			h.issuer.ServeHTTP(w, r)
		}))
		h.ran(t)
		time.Sleep(23 * time.Hour)
		accept(t, h.start(t, nil), lasting(h.issuer).Sign())
		synctest.Wait()
		if confirmed != 1 {
			t.Errorf("%d responses of 304, want 1", confirmed)
		}
		h.n.fail(true)
		time.Sleep(23 * time.Hour)
		wantNoWait(t, h.start(t, nil), lasting(h.issuer).Sign())
		time.Sleep(time.Minute)
	})
}

func TestK19_MissingFolderIsReported(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "none", "keys.json")
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		accept(t, h.start(t, nil), h.issuer.AccessToken().Sign())
		synctest.Wait()
		if last := h.refreshes[len(h.refreshes)-1]; last.Err != nil || last.SnapshotErr == nil {
			t.Errorf("reported %+v", last)
		}
	})
}

// The place in a file is dialled under the same rule as a discovered one.
func TestK18_K19_J9_SnapshotURLAtAPrivateAddressIsNotFetched(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	issuer := newTenant("https://" + server.Listener.Addr().String())
	server.Config.Handler = issuer
	server.StartTLS()
	t.Cleanup(server.Close)
	cfg := online(issuer)
	cfg.HTTPClient = server.Client()
	cfg.KeyCache.Snapshot = jwks.SnapshotFile(keysFile(t))
	if err := newConsumer(t, cfg).Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := len(issuer.Requests())
	cfg.PublicAddressesOnly = true
	c := newConsumer(t, cfg)
	accept(t, c, issuer.AccessToken().Sign())
	if err := c.Refresh(t.Context()); err == nil || len(issuer.Requests()) != asked {
		t.Errorf("requests %v, error %v, want an error and no request", issuer.Requests(), err)
	}
}
