package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// line is the connection to an issuer. It counts requests and can be down or slow.
type line struct {
	issuer *bearertest.Issuer
	asked  atomic.Int64
	down   atomic.Bool
	takes  time.Duration
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	l.asked.Add(1)
	select {
	case <-time.After(l.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if l.down.Load() {
		return nil, errors.New("secret-host: connection refused")
	}
	return l.issuer.Client().Transport.RoundTrip(r)
}

func newLine(takes time.Duration) *line {
	return &line{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{}), takes: takes}
}

func (l *line) consumer(t *testing.T) *consumer.Consumer {
	t.Helper()
	return mustConsumer(t, consumer.Config{
		Issuer: l.issuer.URL(), Audience: []string{audience}, HTTPClient: &http.Client{Transport: l},
	})
}

// state is a custom source.
type state bool

func (s state) Health() consumer.Health {
	return consumer.Health{
		Issuer: "https://secret.example", Ready: bool(s), Metadata: consumer.MetadataHealth{LastError: errors.New("secret")},
	}
}

func probe(t *testing.T, h http.Handler, method string) *httptest.ResponseRecorder {
	t.Helper()
	return serve(h, httptest.NewRequestWithContext(t.Context(), method, "/readyz", nil))
}

const (
	isReady  = "{\"ready\":true}\n"
	notReady = "{\"ready\":false}\n"
)

func TestReadiness_Responses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		method  string
		sources []middleware.HealthSource
		status  int
		body    string
	}{
		{"ready", "GET", []middleware.HealthSource{state(true)}, 200, isReady},
		{"not ready", "GET", []middleware.HealthSource{state(false)}, 503, notReady},
		{"all ready", "GET", []middleware.HealthSource{state(true), state(true)}, 200, isReady},
		{"the first is not", "GET", []middleware.HealthSource{state(false), state(true)}, 503, notReady},
		{"the last is not", "GET", []middleware.HealthSource{state(true), state(false)}, 503, notReady},
		{"HEAD, ready", "HEAD", []middleware.HealthSource{state(true)}, 200, ""},
		{"HEAD, not ready", "HEAD", []middleware.HealthSource{state(false)}, 503, ""},
		{"POST", "POST", []middleware.HealthSource{state(true)}, 405, ""},
		{"OPTIONS", "OPTIONS", []middleware.HealthSource{state(true)}, 405, ""},
		{"nothing to ask", "GET", nil, 503, notReady},
		{"nil among them", "GET", []middleware.HealthSource{state(true), nil}, 503, notReady},
		{"nil pointer among them", "GET", []middleware.HealthSource{state(true), (*consumer.Consumer)(nil)}, 503, notReady},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := probe(t, middleware.Readiness(test.sources...), test.method)
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, test.status, test.body)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
			if got := w.Header().Get("Content-Type"); test.status != 405 && got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			if got := w.Header().Get("Allow"); (got == "GET, HEAD") != (test.status == 405) {
				t.Errorf("Allow %q", got)
			}
		})
	}
}

// A process that receives no requests before it is ready becomes ready through probes.
func TestReadiness_FetchesTheKeysOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(time.Millisecond)
		h := middleware.Readiness(l.consumer(t))
		for range 3 {
			if w := probe(t, h, "GET"); w.Code != 200 || w.Body.String() != isReady {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		}
		if asked := l.asked.Load(); asked != 2 { // the metadata and the keys
			t.Errorf("the issuer received %d requests, want 2", asked)
		}
	})
}

// A probe responds before it times out, and the fetch that it started serves the next one.
func TestReadiness_SlowIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(2 * time.Second)
		h := middleware.Readiness(l.consumer(t))
		var took []time.Duration
		for range 10 {
			began := time.Now()
			w := probe(t, h, "GET")
			took = append(took, time.Since(began))
			if w.Code == 200 {
				break
			}
			time.Sleep(time.Second)
		}
		if w := probe(t, h, "GET"); w.Code != 200 || l.asked.Load() != 2 {
			t.Errorf("%d after %d requests to the issuer", w.Code, l.asked.Load())
		}
		for _, d := range took {
			if d > 500*time.Millisecond {
				t.Errorf("probes took %v", took)
			}
		}
	})
}

// Probes must not increase the load on the issuer.
func TestReadiness_ProbesCauseNoFetchStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(100 * time.Millisecond)
		l.down.Store(true)
		h := middleware.Readiness(l.consumer(t))
		for range 60 {
			var probes sync.WaitGroup
			for range 20 {
				probes.Go(func() {
					if w := probe(t, h, "GET"); w.Code != 503 || w.Body.String() != notReady {
						t.Errorf("%d %q", w.Code, w.Body)
					}
				})
			}
			probes.Wait()
			time.Sleep(10 * time.Second)
		}
		// 1200 probes in ten minutes. The back-off is random and at most a minute, and an attempt sends two requests.
		if asked := l.asked.Load(); asked < 2 || asked > 110 {
			t.Errorf("the issuer received %d requests", asked)
		}
		l.down.Store(false)
		time.Sleep(time.Minute)
		if w := probe(t, h, "GET"); w.Code != 200 {
			t.Errorf("%d when the issuer is back", w.Code)
		}
	})
}

// While one probe waits, the others respond at once.
func TestReadiness_OneProbeWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Readiness(newLine(time.Minute).consumer(t))
		var waiting atomic.Int64
		var probes sync.WaitGroup
		for range 20 {
			waiting.Add(1)
			probes.Go(func() {
				defer waiting.Add(-1)
				probe(t, h, "GET")
			})
		}
		synctest.Wait()
		if n := waiting.Load(); n != 1 {
			t.Errorf("%d probes wait, want 1", n)
		}
		probes.Wait()
		time.Sleep(time.Minute) // the fetch ends
	})
}

// Probes do not refresh keys that are usable. An outage of the issuer makes the process unready only when the keys are too
// old to be used.
func TestReadiness_WhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(0)
		c := l.consumer(t)
		h, never := middleware.Readiness(c), middleware.Readiness(c, state(false))
		if w := probe(t, h, "GET"); w.Code != 200 {
			t.Fatalf("%d at first", w.Code)
		}
		l.down.Store(true)
		for range 23 {
			time.Sleep(time.Hour)
			probe(t, never, "GET") // calls Warm only of sources that are not ready
			if w := probe(t, h, "GET"); w.Code != 200 || l.asked.Load() != 2 {
				t.Fatalf("%d after %d requests to the issuer", w.Code, l.asked.Load())
			}
		}
		time.Sleep(time.Hour)
		if w := probe(t, h, "GET"); w.Code != 503 {
			t.Errorf("%d with keys that are too old", w.Code)
		}
		l.down.Store(false)
		time.Sleep(time.Minute)
		if w := probe(t, h, "GET"); w.Code != 200 {
			t.Errorf("%d when the issuer is back", w.Code)
		}
	})
}

func TestReadiness_Group(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up, down := newLine(0), newLine(0)
		down.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://down.example"})
		down.down.Store(true)
		g, err := consumer.NewGroup(consumer.GroupConfig{
			Consumers: []*consumer.Consumer{up.consumer(t), down.consumer(t)},
		})
		if err != nil {
			t.Fatal(err)
		}
		h := middleware.Readiness(g)
		if w := probe(t, h, "GET"); w.Code != 503 || strings.Contains(w.Body.String(), "down.example") {
			t.Errorf("one is down: %d %q", w.Code, w.Body)
		}
		down.down.Store(false)
		time.Sleep(time.Minute)
		if w := probe(t, h, "GET"); w.Code != 200 {
			t.Errorf("both are up: %d", w.Code)
		}
		if asked := up.asked.Load(); asked != 2 {
			t.Errorf("the issuer that is up received %d requests, want 2", asked)
		}
	})
}

// A canceled probe does not block others.
func TestReadiness_CallerGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Readiness(newLine(time.Minute).consumer(t))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		w := serve(h, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
		if w.Code != 503 || time.Since(began) != 0 {
			t.Errorf("%d after %v", w.Code, time.Since(began))
		}
		time.Sleep(time.Minute) // the fetch ends
	})
}

// waking is a source that becomes ready while Warm runs.
type waking struct{ awake atomic.Bool }

func (s *waking) Health() consumer.Health { return consumer.Health{Ready: s.awake.Load()} }

func (s *waking) Warm(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestReadiness_WhileAnotherProbeWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var source waking
		h := middleware.Readiness(&source)
		var first *httptest.ResponseRecorder
		go func() { first = probe(t, h, "GET") }()
		synctest.Wait()
		if w := probe(t, h, "GET"); w.Code != 503 {
			t.Errorf("%d before", w.Code)
		}
		source.awake.Store(true)
		if w := probe(t, h, "GET"); w.Code != 200 {
			t.Errorf("%d after", w.Code)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if first == nil || first.Code != 200 {
			t.Errorf("the first got %+v", first)
		}
	})
}

func TestReadiness_CopiesTheSources(t *testing.T) {
	t.Parallel()
	sources := []middleware.HealthSource{state(true)}
	h := middleware.Readiness(sources...)
	sources[0] = state(false)
	if w := probe(t, h, "GET"); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}
