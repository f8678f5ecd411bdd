package chaos_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/chaos"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// world is an issuer and an API that is guarded for its tokens.
type world struct {
	*chaos.Issuer
	api      http.Handler
	verifier *consumer.Consumer
	guard    *middleware.Guard

	fresh, stale, minRefetch, patience time.Duration // patience is that of requests
	virtual                            bool
}

// everywhere runs a scenario twice: in virtual time with the kit's defaults, and over sockets with short times.
func everywhere(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("virtual time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { story(t, newVirtual(t, nil)) })
	})
	t.Run("sockets", func(t *testing.T) {
		t.Parallel()
		story(t, newSockets(t, nil))
	})
}

func newVirtual(t *testing.T, change func(*consumer.Config)) *world {
	t.Helper()
	w := &world{
		fresh: 10 * time.Minute, stale: 24 * time.Hour, minRefetch: 10 * time.Second, patience: 10 * time.Second, virtual: true,
	}
	w.build(t, chaos.Memory, change)
	return w
}

func newSockets(t *testing.T, change func(*consumer.Config)) *world {
	t.Helper()
	w := &world{
		fresh: 200 * time.Millisecond, stale: 5 * time.Minute, minRefetch: 20 * time.Millisecond, patience: 20 * time.Second,
	}
	w.build(t, chaos.Loopback, func(cfg *consumer.Config) {
		cfg.KeyCache = jwks.Config{FreshFor: w.fresh, StaleFor: w.stale, MinRefetch: w.minRefetch}
		cfg.HTTPClient.Timeout = 1500 * time.Millisecond // of each fetch
		if change != nil {
			change(cfg)
		}
	})
	return w
}

func (w *world) build(t *testing.T, network chaos.Network, change func(*consumer.Config)) {
	t.Helper()
	algorithm := "ES256"
	if strconv.IntSize == 32 {
		algorithm = "EdDSA" // without assembly, it is much faster than ES256
	}
	issuer, err := chaos.New(bearertest.IssuerConfig{Algorithms: []string{algorithm}}, network)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	w.Issuer = issuer
	cfg := w.config()
	if change != nil {
		change(&cfg)
	}
	w.verifier = newConsumer(t, cfg)
	w.guard = newGuard(t, w.verifier)
	w.api = w.guard.Handler(hello)
}

// config is what an API says of the issuer, and no more.
func (w *world) config() consumer.Config {
	return consumer.Config{Issuer: w.URL(), Audience: []string{"https://api.test"}, HTTPClient: w.Client()}
}

func newConsumer(t *testing.T, cfg consumer.Config) *consumer.Consumer {
	t.Helper()
	cfg.Logger = logscan.Logger()
	c, err := consumer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newGuard(t *testing.T, v consumer.Verifier) *middleware.Guard {
	t.Helper()
	g, err := middleware.New(middleware.Config{Verifier: v, Logger: logscan.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

// ask sends a request with a token and returns the answer's status. An answer of the kind that nobody should ever get
// fails the test: a 503 that does not say when to come back, a 401 without a challenge, a 5xx of another kind.
func (w *world) ask(t *testing.T, raw string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), w.patience)
	defer cancel()
	return w.askWithin(ctx, t, raw)
}

func (w *world) askWithin(ctx context.Context, t *testing.T, raw string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if raw != "" {
		logscan.Token(raw)
		r.Header.Set("Authorization", "Bearer "+raw)
	}
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	logscan.Response(recorder.Result(), recorder.Body.String())
	header := recorder.Header()
	switch code := recorder.Code; {
	case code == http.StatusServiceUnavailable && (header.Get("Retry-After") == "" || header.Get("WWW-Authenticate") != ""),
		code == http.StatusUnauthorized && header.Get("WWW-Authenticate") == "",
		code >= 500 && code != http.StatusServiceUnavailable:
		t.Errorf("status %d with header %v", code, header)
	}
	return recorder.Code
}

// askPatiently asks with a valid token whose key may be new. Over sockets, a busy machine can take longer for a fetch than
// a request waits for it, so askPatiently repeats a request that was rejected. In virtual time, the first response counts.
func (w *world) askPatiently(t *testing.T, raw string) int {
	t.Helper()
	status := w.ask(t, raw)
	for n := 0; n < 100 && !w.virtual && status == http.StatusUnauthorized; n++ {
		time.Sleep(50 * time.Millisecond)
		status = w.ask(t, raw)
	}
	return status
}

func (w *world) want(t *testing.T, status int, what, raw string) {
	t.Helper()
	if got := w.ask(t, raw); got != status {
		t.Errorf("%s: %d, want %d", what, got, status)
	}
}

// wantRefused sends what is refused at any time: no fault of the issuer makes a bad token good, or turns it into a 503
// when it can be told without keys.
func (w *world) wantRefused(t *testing.T, keysHeld bool) {
	t.Helper()
	good := w.Good()
	for what, raw := range map[string]string{
		"no token":        "",
		"malformed":       "a.b.c",
		"another issuer":  w.Good().Set("iss", "https://other.test").Sign(),
		"wrong algorithm": w.Good().Algorithm("HS256").Sign(),
		"wrong audience":  w.Good().Set("aud", "https://other.test").Sign(),
		"expired":         w.LastingFor(-time.Hour).Sign(),
	} {
		w.want(t, http.StatusUnauthorized, what, raw)
	}
	status := http.StatusServiceUnavailable
	if keysHeld {
		status = http.StatusUnauthorized
	}
	for what, raw := range map[string]string{
		"forged":      forged(good.Sign()),
		"unknown key": w.Good().SetHeader("kid", "unknown").Sign(),
	} {
		w.want(t, status, what, raw)
	}
}

// forged is raw with another signature of the same form.
func forged(raw string) string {
	i := len(raw) - 10
	c := byte('A')
	if raw[i] == c {
		c = 'B'
	}
	return raw[:i] + string(c) + raw[i+1:]
}

// healed is the time after which a request finds the issuer again, whatever happened: the longest back-off.
func (w *world) waitForBackoff() {
	if w.virtual {
		time.Sleep(time.Minute)
	}
}

// eventually sends requests until one is accepted. In virtual time the first response counts. Over sockets, a back-off of a
// few seconds takes an unknown time.
func (w *world) eventually(t *testing.T, what string, raw func() string) {
	t.Helper()
	w.waitForBackoff()
	var got int
	for range 300 {
		if got = w.ask(t, raw()); got == http.StatusOK {
			return
		}
		if w.virtual {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s: status %d in the end, want 200", what, got)
}
