package consumer_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// move is an issuer whose keys are soon to be found in another place, where they are other ones.
type move struct {
	n                 *network
	issuer, elsewhere *bearertest.Issuer
	old, renewed      string
}

func newMove() *move {
	m := &move{issuer: newIssuer(), elsewhere: newTenant("https://keys.test")}
	m.elsewhere.Rotate()
	m.elsewhere.Retire()
	m.n = newNetwork(m.issuer, m.elsewhere)
	m.old, m.renewed = lasting(m.issuer).Sign(), lasting(m.elsewhere).Set("iss", issuerURL).Sign()
	return m
}

func (m *move) start(t *testing.T, cache jwks.Config) *consumer.Consumer {
	t.Helper()
	cfg := online(m.issuer)
	cfg.HTTPClient, cfg.KeyCache = m.n.client(), cache
	return newConsumer(t, cfg)
}

// happens while requests come, and is noticed.
func (m *move) happens(t *testing.T, c *consumer.Consumer) {
	t.Helper()
	moved := bearertest.NewIssuer(bearertest.IssuerConfig{
		URL: issuerURL, Metadata: map[string]any{"jwks_uri": "https://keys.test/jwks"},
	})
	moved.SetJWKS(m.issuer.JWKS()) // the old place stays as it was
	m.n.connect(issuerURL, moved)
	for range 12 {
		_, _ = c.Verify(t.Context(), m.renewed) // the request that notices is not held
		time.Sleep(time.Minute)
	}
}

// When OnRefresh reports a fetched set, that set is in use.
func TestK24_OnRefreshReportsTheKeySetInUse(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		var c *consumer.Consumer
		var mu sync.Mutex // guards told
		m, told := newMove(), make(map[string]int)
		cache := jwks.Config{Snapshot: jwks.SnapshotFile(file), OnRefresh: func(ctx context.Context, r jwks.Refresh) {
			if r.Cause == "forced" { // of the set in the old place, which may be replaced by the time it ends
				return
			}
			began := time.Now()
			raw := map[string]string{issuerURL + "/jwks": m.old, "https://keys.test/jwks": m.renewed}[r.URL]
			if _, err := c.Verify(ctx, raw); err != nil || time.Since(began) != 0 {
				t.Errorf("verification during the report %+v took %v, error %v", r, time.Since(began), err)
			}
			mu.Lock()
			defer mu.Unlock()
			told[r.URL+" "+r.Cause]++
		}}
		c = m.start(t, cache)
		accept(t, c, m.old)
		synctest.Wait()
		c = m.start(t, cache)
		accept(t, c, m.old)
		m.happens(t, c)
		reject(t, c, m.old, consumer.ReasonUnknownKey)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []string{issuerURL + "/jwks restored", "https://keys.test/jwks requested"} {
			if told[want] != 1 {
				t.Errorf("reported %v, want one of %q", told, want)
			}
		}
	})
}

// A set that could not be read at its new URL is reported, too.
func TestK24_OnRefreshReportsARejectedKeySet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failures atomic.Int64
		m := newMove()
		c := m.start(t, jwks.Config{OnRefresh: func(_ context.Context, r jwks.Refresh) {
			if r.URL == "https://keys.test/jwks" && r.Err != nil {
				failures.Add(1)
			}
		}})
		accept(t, c, m.old)
		m.elsewhere.SetJWKS([]byte(`{"keys":[]}`))
		m.happens(t, c)
		accept(t, c, m.old)
		synctest.Wait()
		if failures.Load() == 0 {
			t.Error("OnRefresh was not called")
		}
	})
}

// slowly is a Snapshot that saves nothing, and takes its time for it.
type slowly struct{}

func (slowly) Load(context.Context) (jwks.SnapshotData, error) { return jwks.SnapshotData{}, nil }

func (slowly) Save(ctx context.Context, _ jwks.SnapshotData) error {
	<-ctx.Done()
	return errors.New("cannot be saved")
}

// delayed responds after some time.
type delayed struct {
	http.Handler
	by time.Duration
}

func (d delayed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(d.by):
		d.Handler.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}

// A set takes over however long it takes to tell of it, to save it, or to read it within KeyCache.Timeout.
func TestK24_SlowTakeover(t *testing.T) {
	t.Parallel()
	minuteLong := func(context.Context, jwks.Refresh) { time.Sleep(time.Minute) }
	for name, tt := range map[string]struct {
		cache jwks.Config
		slow  time.Duration // the delay of the response with the keys
	}{
		"OnRefresh": {jwks.Config{OnRefresh: minuteLong}, 0},
		"Save":      {jwks.Config{Snapshot: slowly{}, Timeout: 20 * time.Second}, 0},
		"fetch":     {jwks.Config{Timeout: 20 * time.Second}, 19 * time.Second},
		"all":       {jwks.Config{OnRefresh: minuteLong, Snapshot: slowly{}, Timeout: 20 * time.Second}, 19 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMove()
				c := m.start(t, tt.cache)
				accept(t, c, m.old)
				m.n.connect("https://keys.test", delayed{m.elsewhere, tt.slow})
				m.happens(t, c)
				accept(t, c, m.renewed)
				reject(t, c, m.old, consumer.ReasonUnknownKey)
				time.Sleep(2 * time.Minute)
			})
		})
	}
}

// A process that restarts in an outage serves at once, however long its OnRefresh takes.
func TestK19_RestartWithSlowOnRefresh(t *testing.T) {
	t.Parallel()
	file := keysFile(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, file)
		h.ran(t)
		h.n.fail(true)
		c := h.start(t, func(cfg *consumer.Config) {
			cfg.KeyCache.OnRefresh = func(context.Context, jwks.Refresh) { time.Sleep(time.Minute) }
		})
		wantNoWait(t, c, lasting(h.issuer).Sign())
		time.Sleep(5 * time.Minute)
	})
}
