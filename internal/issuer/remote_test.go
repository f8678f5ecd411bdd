package issuer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	home  = "https://issuer.test"
	moved = "https://keys.test"
)

// network serves hosts in memory and counts the requests.
type network struct {
	mu       sync.Mutex // guards what follows
	hosts    map[string]http.Handler
	requests map[string]int // by host and path
}

func newNetwork() *network {
	return &network{hosts: make(map[string]http.Handler), requests: make(map[string]int)}
}

// connect makes handler serve origin; nil disconnects it.
func (n *network) connect(origin string, handler http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[origin] = handler
}

func (n *network) count(url string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests[url]
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	origin := r.URL.Scheme + "://" + r.URL.Host
	n.requests[origin+r.URL.Path]++
	handler := n.hosts[origin]
	n.mu.Unlock()
	if handler == nil {
		return nil, errors.New("network is down")
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func newIssuer(metadata map[string]any) *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: home, Algorithms: []string{"ES256"}, Metadata: metadata})
}

func newRemote(t *testing.T, n *network, change func(*issuer.Config)) *issuer.Remote {
	t.Helper()
	cfg := issuer.Config{Issuer: home, Keys: jwks.Config{HTTPClient: &http.Client{Transport: n}}}
	if change != nil {
		change(&cfg)
	}
	r, err := issuer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func hasKey(t *testing.T, r *issuer.Remote, kid string) bool {
	t.Helper()
	_, err := r.Keys(t.Context(), kid, "ES256")
	if err != nil && !errors.Is(err, jwks.ErrKeyNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestOneDocumentForMetadataAndKeys(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.connect(home, newIssuer(nil))
	r := newRemote(t, n, nil)
	m, err := r.Metadata(t.Context())
	if err != nil || m.Issuer != home {
		t.Fatalf("metadata %v, error %v", m, err)
	}
	if n.count(home+"/jwks") != 0 {
		t.Error("the keys were fetched before the first call of Keys")
	}
	if !hasKey(t, r, "es256-1") || hasKey(t, r, "other") {
		t.Error("es256-1 must be found, and other must not")
	}
	if got := n.count(home + "/.well-known/oauth-authorization-server"); got != 1 {
		t.Errorf("%d requests for metadata, want 1", got)
	}
	if s := r.Stats(); s.Keys.Keys != 1 || s.LastSuccess.IsZero() || s.LastError != nil {
		t.Errorf("stats %+v", s)
	}
}

// A new key set takes over only after it was read. Until then, the old one and its metadata stay in use.
func TestOldKeysStayUntilTheNewOnesAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.connect(home, newIssuer(nil))
		var failures []error
		r := newRemote(t, n, func(cfg *issuer.Config) {
			cfg.FreshFor = time.Minute
			cfg.OnFailure = func(_ context.Context, err error) { failures = append(failures, err) }
		})
		if !hasKey(t, r, "es256-1") {
			t.Fatal("no key at the first place")
		}
		n.connect(home, newIssuer(map[string]any{"jwks_uri": moved + "/jwks"})) // which is not there yet
		time.Sleep(2 * time.Minute)
		for range 100 {
			if !hasKey(t, r, "es256-1") {
				t.Fatal("the old key was dropped")
			}
			time.Sleep(time.Second)
		}
		m, err := r.Metadata(t.Context())
		if err != nil || m.JWKSURI != home+"/jwks" {
			t.Errorf("jwks_uri %v, error %v; want the old one", m, err)
		}
		synctest.Wait() // OnFailure runs in the goroutine of a fetch
		if len(failures) == 0 || r.Stats().LastError == nil {
			t.Error("the failed move was not reported")
		}

		elsewhere := bearertest.NewIssuer(bearertest.IssuerConfig{URL: moved, Algorithms: []string{"ES256"}})
		elsewhere.Rotate()
		elsewhere.Retire()
		n.connect(moved, elsewhere)
		time.Sleep(2 * time.Minute) // longer than the back-off
		_, _ = r.Metadata(t.Context())
		synctest.Wait()
		if hasKey(t, r, "es256-1") || !hasKey(t, r, "es256-2") {
			t.Error("the new key set has not taken over")
		}
		if err := r.Stats().LastError; err != nil {
			t.Error(err)
		}
	})
}

func TestMetadataWithoutKeySet(t *testing.T) {
	t.Parallel()
	for _, required := range []bool{false, true} {
		n := newNetwork()
		n.connect(home, newIssuer(map[string]any{"jwks_uri": nil}))
		r := newRemote(t, n, func(cfg *issuer.Config) { cfg.KeysRequired = required })
		_, err := r.Metadata(t.Context())
		if (err != nil) != required {
			t.Errorf("required %v: metadata error %v", required, err)
		}
		_, err = r.Keys(t.Context(), "es256-1", "ES256")
		if !errors.Is(err, jwks.ErrUnavailable) || !errors.Is(err, issuer.ErrNoKeySet) {
			t.Errorf("required %v: key error %v", required, err)
		}
		if err := r.Warm(t.Context()); !errors.Is(err, issuer.ErrNoKeySet) {
			t.Errorf("required %v: Warm error %v", required, err)
		}
	}
}

func TestGivenMetadata(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.connect(home, newIssuer(nil))
	given := &oidcdiscovery.Metadata{Issuer: home, JWKSURI: home + "/jwks"}
	r := newRemote(t, n, func(cfg *issuer.Config) { cfg.Metadata = given })
	if m, err := r.Metadata(t.Context()); m != given || err != nil {
		t.Errorf("metadata %v, error %v", m, err)
	}
	if err := r.Refresh(t.Context()); err != nil || !hasKey(t, r, "es256-1") {
		t.Errorf("no key after Refresh, error %v", err)
	}
	if got := len(n.requests); got != 1 {
		t.Errorf("requests %v, want only those for the keys", n.requests)
	}
	given = &oidcdiscovery.Metadata{Issuer: home}
	if _, err := issuer.New(issuer.Config{Issuer: home, Metadata: given, KeysRequired: true}); !errors.Is(err, issuer.ErrNoKeySet) {
		t.Errorf("New error %v", err)
	}
}

func TestNewReportsFaultsOfConfigKeys(t *testing.T) {
	t.Parallel()
	for _, given := range []*oidcdiscovery.Metadata{nil, {Issuer: home, JWKSURI: home + "/jwks"}} {
		if _, err := issuer.New(issuer.Config{Issuer: home, Metadata: given, Keys: jwks.Config{MaxKeys: -1}}); err == nil {
			t.Errorf("metadata %v: no error", given)
		}
	}
}

func TestWithoutMetadata(t *testing.T) {
	t.Parallel()
	r := newRemote(t, newNetwork(), nil)
	if _, err := r.Metadata(t.Context()); !errors.Is(err, issuer.ErrUnavailable) {
		t.Errorf("Metadata error %v", err)
	}
	if _, err := r.Keys(t.Context(), "a", "ES256"); !errors.Is(err, jwks.ErrUnavailable) {
		t.Errorf("Keys error %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newRemote(t, newNetwork(), nil).Keys(canceled, "a", "ES256"); !errors.Is(err, context.Canceled) {
		t.Errorf("Keys error %v after the caller has left", err)
	}
}
