package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// world is the state on which a request with a cached token depends.
type world struct {
	issuer *bearertest.Issuer
	lost   error // the error of the status store
	ended  bool  // the token is revoked there
	keys   jwks.Source
	cached bool // of the last call of OnVerify
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	w.keys = w.published(t)
	return w
}

func (w *world) published(t testing.TB) jwks.Static {
	t.Helper()
	keys, err := jwks.ParseJWKS(w.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Keys implements jwks.Source.
func (w *world) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	return w.keys.Keys(ctx, kid, alg)
}

// Active implements consumer.TokenStatus.
func (w *world) Active(context.Context, consumer.StatusToken) (bool, error) { return !w.ended, w.lost }

func (w *world) guard(t testing.TB) http.Handler {
	t.Helper()
	verifier := mustConsumer(t, consumer.Config{
		Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: w, Status: w,
		OnVerify: func(_ context.Context, v consumer.Verification) { w.cached = v.Cached },
	})
	return newGuard(t, middleware.Config{Verifier: verifier}).Handler(hello)
}

var errStore = errors.New("store is down")

// A cached token is rejected as soon as a new one would be, with the same response.
func TestAttack45_CachedTokenIsRechecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(t *testing.T, w *world)
		status int
	}{
		{"nothing", func(*testing.T, *world) {}, http.StatusOK},
		{"revoked", func(_ *testing.T, w *world) { w.ended = true }, http.StatusUnauthorized},
		{"store down", func(_ *testing.T, w *world) { w.lost = errStore }, http.StatusServiceUnavailable},
		{"key gone", func(t *testing.T, w *world) {
			t.Helper()
			w.issuer.Rotate()
			w.issuer.Retire()
			w.keys = w.published(t)
		}, http.StatusUnauthorized},
		{"key replaced", func(t *testing.T, w *world) {
			t.Helper()
			w.keys = newWorld(t).keys
		}, http.StatusUnauthorized},
		{"keys lost", func(_ *testing.T, w *world) { w.keys = jwks.Static{} }, http.StatusServiceUnavailable},
		{"expired", func(*testing.T, *world) { time.Sleep(5*time.Minute + 10*time.Second) }, http.StatusUnauthorized},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				h, raw := w.guard(t), w.issuer.AccessToken().Sign()
				for range 2 {
					if answer := serve(h, request(t, raw)); answer.Code != http.StatusOK {
						t.Fatalf("a valid token got %d", answer.Code)
					}
					time.Sleep(time.Second)
				}
				if !w.cached {
					t.Fatal("the token was not cached")
				}
				test.change(t, w)
				for range 2 {
					answer := serve(h, request(t, raw))
					if answer.Code != test.status {
						t.Errorf("status %d, want %d", answer.Code, test.status)
					}
					if challenged := strings.Contains(challengeOf(answer), "invalid_token"); challenged != (test.status == 401) {
						t.Errorf("status %d with challenge %q", answer.Code, challengeOf(answer))
					}
				}
			})
		})
	}
}

// A bound token is rejected each time, also when it comes from the cache.
func TestM4_Attack26_CachedBoundTokenIsRejected(t *testing.T) {
	t.Parallel()
	for _, member := range []string{"jkt", "x5t#S256", "unheard-of"} {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				h := w.guard(t)
				raw := w.issuer.AccessToken().Set("cnf", map[string]string{member: strings.Repeat("a", 43)}).Sign()
				for n := range 3 {
					answer := serve(h, request(t, raw))
					if answer.Code != http.StatusUnauthorized || !strings.Contains(challengeOf(answer), "invalid_token") {
						t.Errorf("request %d: %d with %q", n, answer.Code, challengeOf(answer))
					}
					if strings.Contains(answer.Body.String(), "hello") {
						t.Errorf("request %d reached the handler", n)
					}
					if w.cached != (n > 0) {
						t.Errorf("request %d: cached is %v", n, w.cached)
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// discard is a ResponseWriter that allocates nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// allocations returns the allocations of one request to h, whose response must have status.
func allocations(t *testing.T, h http.Handler, r *http.Request, status int) float64 {
	t.Helper()
	w := &discard{header: make(http.Header)}
	pass := func() {
		clear(w.header)
		w.status = http.StatusOK
		h.ServeHTTP(w, r)
		if w.status != status {
			t.Fatalf("status %d, want %d", w.status, status)
		}
	}
	pass()
	return testing.AllocsPerRun(100, pass)
}

// A Guard allocates a request and a context for a request with a cached token, and nothing else.
func TestHandler_AllocationsOfACachedToken(t *testing.T) { //nolint:paralleltest // allocations are counted
	w := newWorld(t)
	guard := newGuard(t, middleware.Config{Verifier: newConsumer(t, w.issuer)})
	r := request(t, w.issuer.AccessToken().Sign())
	bare := allocations(t, nothing, r, http.StatusOK)
	hot := allocations(t, guard.Handler(nothing), r, http.StatusOK)
	t.Logf("bare %v, hot %v", bare, hot)
	if hot-bare > 2 {
		t.Errorf("a cached token costs %v allocations, want at most 2", hot-bare)
	}
}

// Tokens that are rejected without a key cost little, including the response, and cause no fetch.
func TestHandler_AllocationsOfACheapRejection(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := newWorld(t).issuer
	var fetches atomic.Int64
	verifier := mustConsumer(t, consumer.Config{
		Issuer: issuer.URL(), Audience: []string{audience},
		HTTPClient: &http.Client{Transport: countingTransport{issuer.Client().Transport, &fetches}},
	})
	h := newGuard(t, middleware.Config{Verifier: verifier}).Handler(nothing)
	good, stranger := issuer.AccessToken().Sign(), issuer.AccessToken().Set("iss", "https://other.test")
	serve(h, request(t, good))
	before := fetches.Load()
	for _, test := range []struct {
		name, token string
		ceiling     float64
	}{
		{"two parts", good[:strings.LastIndexByte(good, '.')], 10},
		{"broken signature", good + "AAA", 10}, // its length is not valid base64url; this is checked last
		{"padding", good + "=", 10},
		{"opaque", "opaque", 10},
		{"wrong issuer", stranger.Sign(), 10},
		{"wrong issuer and another header", stranger.SetHeader("kid", "other").Sign(), 12},
	} {
		got := allocations(t, h, request(t, test.token), http.StatusUnauthorized)
		t.Logf("%s: %v", test.name, got)
		if got > test.ceiling {
			t.Errorf("%s: %v allocations, want at most %v", test.name, got, test.ceiling)
		}
	}
	if n := fetches.Load() - before; n != 0 || before == 0 {
		t.Errorf("%d requests to the issuer, after %d for a good token", n, before)
	}
}

// countingTransport counts requests.
type countingTransport struct {
	http.RoundTripper
	n *atomic.Int64
}

// RoundTrip implements [http.RoundTripper].
func (c countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}
