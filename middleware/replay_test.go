package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

// marks is a ReplayStore that records its calls.
type marks struct {
	mu     sync.Mutex // guards all other fields
	calls  []mark
	result func(ctx context.Context) (bool, error) // nil: true
}

type mark struct {
	key, id     string
	from, until time.Time
}

// Mark implements middleware.ReplayStore.
func (m *marks) Mark(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
	m.mu.Lock()
	m.calls = append(m.calls, mark{key, id, from, until})
	m.mu.Unlock()
	if m.result == nil {
		return true, nil
	}
	return m.result(ctx)
}

// unlimited is a ReplayStore that records nothing.
type unlimited struct{}

// Mark implements middleware.ReplayStore.
func (unlimited) Mark(context.Context, string, string, time.Time, time.Time) (bool, error) {
	return true, nil
}

// returning returns a store with a constant result.
func returning(first bool, err error) *marks {
	return &marks{result: func(context.Context) (bool, error) { return first, err }}
}

// forgetful is the error of a store that has lost records.
type forgetful bool

func (f forgetful) Error() string   { return "secret-store.internal: empty" }
func (f forgetful) Forgotten() bool { return bool(f) }

// A proof is accepted once. Its jti may be used again for another URL or by another key, because it identifies a proof only
// together with them.
func TestAttack27_G7_Replay(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{})
	token := k.token()
	first := k.proof(token).Set("jti", "one").Sign()
	k.expect(get("DPoP "+token, first), accepted)
	for range 3 {
		k.expect(get("DPoP "+token, first), proofRejected)
	}
	k.expect(get("DPoP "+token, k.proof(token).Set("jti", "one").Sign()), proofRejected) // signed again
	k.expect(get("DPoP "+token, k.proof(token).Set("jti", "one").Set("iat", time.Now().Unix()-20).Sign()), proofRejected)
	k.expect(get("DPoP "+token, k.proof(token).Set("jti", "two").Sign()), accepted)

	// The same proof for another token of the same key has another ath.
	k.expect(get("DPoP "+k.token(), first), proofRejected)

	r := get("DPoP "+token, k.key.Proof("GET", ordersURL+"/7", token).Set("jti", "one").Sign())
	r.RequestURI, r.URL.Path = "/orders/7", "/orders/7"
	k.expect(r, accepted)

	k.key = bearertest.NewProofKey("ES256")
	token = k.token()
	k.expect(get("DPoP "+token, k.proof(token).Set("jti", "one").Sign()), accepted)
}

// Of many concurrent uses of one proof, exactly one is accepted.
func TestAttack27_G7_ConcurrentReplays(t *testing.T) {
	t.Parallel()
	var passed, rejected, other atomic.Int64
	k := newKeyed(t, middleware.Config{OnDecision: func(_ context.Context, d middleware.Decision) {
		switch {
		case d.Status == http.StatusOK:
			passed.Add(1)
		case d.Status == http.StatusUnauthorized && d.Reason == consumer.ReasonProof:
			rejected.Add(1)
		default:
			other.Add(1)
		}
	}})
	token := k.token()
	proof := k.proof(token).Sign()
	const uses = 1000
	var all sync.WaitGroup
	start := make(chan struct{})
	for range uses {
		all.Go(func() {
			<-start
			serve(k.handler, get("DPoP "+token, proof))
		})
	}
	close(start)
	all.Wait()
	if passed.Load() != 1 || rejected.Load() != uses-1 || other.Load() != 0 {
		t.Errorf("%d accepted, %d rejected as replays, %d others, want 1 and %d", passed.Load(), rejected.Load(), other.Load(), uses-1)
	}
}

// A store that cannot decide never lets a request pass.
func TestG7_ReplayStore(t *testing.T) {
	t.Parallel()
	unavailable := outcome{http.StatusServiceUnavailable, consumer.ReasonReplayUnavailable, nil}
	for name, test := range map[string]struct {
		first       bool
		err         error
		plain, with outcome // without and with RequireNonce
	}{
		"first use":          {true, nil, accepted, accepted},
		"used before":        {false, nil, proofRejected, proofRejected},
		"down":               {false, errors.New("secret-store.internal: connection refused"), unavailable, unavailable},
		"first and an error": {true, errors.New("secret-store.internal: no quorum"), unavailable, unavailable},
		"forgotten":          {false, forgetful(true), unavailable, nonceRequired},
		"forgotten, wrapped": {true, errors.Join(errors.New("x"), forgetful(true)), unavailable, nonceRequired},
		"not forgotten":      {false, forgetful(false), unavailable, unavailable},
		"a kit's error":      {false, &consumer.Error{Reason: consumer.ReasonExpired}, unavailable, unavailable},
		"a Refusal":          {false, &middleware.Refusal{Status: 200}, unavailable, unavailable},
		"ErrNoToken":         {false, middleware.ErrNoToken, unavailable, unavailable},
	} {
		for _, nonces := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newKeyed(t, middleware.Config{
					Optional: true,
					DPoP:     &middleware.DPoPConfig{Replays: returning(test.first, test.err), RequireNonce: nonces},
				})
				want := test.plain
				if nonces {
					want = test.with
				}
				w := k.expect(k.withNonce(k.good), want)
				if strings.Contains(w.Body.String(), "secret-store") {
					t.Error("the response contains the error of the store")
				}
				if want.Status == 503 && (w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "hello")) {
					t.Errorf("Retry-After %q, body %q", w.Header().Get("Retry-After"), w.Body)
				}
				if want.Status == 503 && !strings.Contains(refusalIn(t, k.last).Detail, "Config.DPoP.Replays") {
					t.Errorf("detail %q", refusalIn(t, k.last).Detail)
				}
			})
		}
	}
}

// The log of a store that cannot decide leads to its repair.
func TestG7_DetailsOfTheStore(t *testing.T) {
	t.Parallel()
	full := store.NewReplays(1)
	_, _ = full.Mark(t.Context(), "another key", "a", time.Now(), time.Now().Add(time.Hour))
	ofOneKey := store.NewReplays(10_000)
	lost := store.NewReplays(0)
	lost.StartAt(time.Now().Add(time.Hour))
	for want, replays := range map[string]middleware.ReplayStore{
		"is full, expected fewer requests per second, or a larger memory (Config.DPoP.MaxReplays, or the size of store.NewReplays)":    full,
		"of one key, expected fewer requests per second, or a larger memory (Config.DPoP.MaxReplays, or the size of store.NewReplays)": ofOneKey,
		"has lost records, so no proof of that time is accepted (Config.DPoP.Replays)":                                                 lost,
		"failed, is full, or did not respond in time (Config.DPoP.Replays)":                                                            returning(false, errors.New("down")),
	} {
		k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{Replays: replays}})
		if replays == ofOneKey {
			for i := range 1000 {
				_, _ = ofOneKey.Mark(t.Context(), k.key.Thumbprint(), strconv.Itoa(i), time.Now(), time.Now().Add(time.Hour))
			}
		}
		k.expect(k.good(), outcome{http.StatusServiceUnavailable, consumer.ReasonReplayUnavailable, nil})
		if got := refusalIn(t, k.last).Detail; !strings.HasSuffix(got, want) {
			t.Errorf("detail %q, want %q", got, want)
		}
	}
}

// An operator sees in the log that a store has lost records, even if the response requires a new nonce. The first request of
// a client, which has no nonce yet, is not a fault.
func TestG6_G7_LevelsOfNonceChallenges(t *testing.T) {
	t.Parallel()
	for level, replays := range map[string]middleware.ReplayStore{
		"WARN": returning(false, forgetful(true)), "DEBUG": returning(true, nil),
	} {
		var seen bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}))
		k := newKeyed(t, middleware.Config{Logger: logger, DPoP: &middleware.DPoPConfig{Replays: replays, RequireNonce: true}})
		r := k.good()
		if level == "WARN" {
			r = k.withNonce(k.good)
			seen.Reset()
		}
		k.expect(r, nonceRequired)
		if got := seen.String(); strings.Count(got, "level=") != 1 || !strings.Contains(got, "level="+level) {
			t.Errorf("log %q, want one line at level %s", got, level)
		}
	}
}

// withNonce returns a request of build whose proof has the current nonce, if the Guard requires one.
func (k *keyed) withNonce(build func() *http.Request) *http.Request {
	r := build()
	nonce := k.nonce()
	if nonce == "" {
		return r
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
	r.Header.Set("DPoP", k.proof(token).Set("nonce", nonce).Sign())
	return r
}

// nonce returns the nonce that the Guard requires, or "" if it requires none.
func (k *keyed) nonce() string {
	_, w := k.send(k.good())
	return w.Header().Get("DPoP-Nonce")
}

// A slow store is stopped, and the request is rejected with 503.
func TestG7_SlowReplayStore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration // ReplayTimeout
		request time.Duration // of the request; zero: none
		want    time.Duration
	}{
		"default":                {0, 0, time.Second},
		"configured":             {3 * time.Second, 0, 3 * time.Second},
		"shorter in the request": {3 * time.Second, time.Second / 2, time.Second / 2},
		"longer in the request":  {3 * time.Second, time.Hour, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := &marks{result: func(ctx context.Context) (bool, error) {
					<-ctx.Done()
					return false, ctx.Err()
				}}
				k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{Replays: slow, ReplayTimeout: test.timeout}})
				r := k.good()
				if test.request != 0 {
					ctx, cancel := context.WithTimeout(t.Context(), test.request)
					defer cancel()
					r = r.WithContext(ctx)
				}
				began := time.Now()
				k.expect(r, outcome{http.StatusServiceUnavailable, consumer.ReasonReplayUnavailable, nil})
				if took := time.Since(began); took != test.want {
					t.Errorf("the store was stopped after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// A client that cancels its request during the call of the store gets no response.
func TestG7_CanceledDuringMark(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	store := &marks{result: func(ctx context.Context) (bool, error) {
		cancel()
		<-ctx.Done()
		return false, ctx.Err()
	}}
	k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{Replays: store}})
	k.expect(k.good().WithContext(ctx), outcome{499, consumer.ReasonCanceled, nil})
}

// The memory rejects proofs when it is full, also those that would be accepted otherwise. It never forgets a proof.
func TestG7_MemoryFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{MaxReplays: 1}})
		first := k.good()
		k.expect(first, accepted)
		k.expect(k.good(), outcome{http.StatusServiceUnavailable, consumer.ReasonReplayUnavailable, nil})
		k.expect(first.Clone(t.Context()), proofRejected)
		time.Sleep(2*time.Minute + time.Second)
		k.expect(k.good(), accepted)
	})
}

// Only requests that pass all checks of the token, the proof and the certificate are recorded. A rule that is not met comes
// after the record.
func TestG7_MarkComesLast(t *testing.T) {
	t.Parallel()
	store := &marks{}
	k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{Replays: store, RequireNonce: true}, MTLS: &middleware.MTLSConfig{}})
	other := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	token, forged := k.token(), other.AccessToken().BoundTo(k.key).Sign()
	nonce := k.nonce()
	proof := func(token string) *bearertest.Token { return k.proof(token).Set("nonce", nonce) }
	both := k.issuer.AccessToken().BoundTo(k.key).BoundToCertificate([]byte("x")).Sign()
	for _, r := range []*http.Request{
		get("", ""),
		get("DPoP "+token, ""),
		get("DPoP "+token, "x.y.z"),
		get("DPoP "+token, k.proof(token).Sign()), // without the nonce
		get("DPoP "+token, proof(token).Set("nonce", "x").Sign()),
		get("DPoP "+token, proof(token).Set("htm", "PUT").Sign()),
		get("DPoP "+token, bearertest.NewProofKey("ES256").Proof("GET", ordersURL, token).Set("nonce", nonce).Sign()),
		get("DPoP "+token, proof(token).EditSignature(func(s []byte) []byte { s[9] ^= 1; return s }).Sign()),
		get("DPoP "+forged, proof(forged).Sign()),
		get("DPoP "+k.expired(), proof(k.expired()).Sign()),
		get("DPoP "+both, proof(both).Sign()), // without a certificate
		get("Bearer "+token, proof(token).Sign()),
		get("Bearer "+k.issuer.AccessToken().Sign(), proof(token).Sign()),
	} {
		k.send(r)
	}
	if len(store.calls) != 0 {
		t.Fatalf("%d proofs were recorded, want none", len(store.calls))
	}
	k.handler = k.guard.With(middleware.Scopes("orders:write"))(hello)
	at := time.Now()
	raw := proof(token).Set("jti", "the-jti-of-this-proof").Set("iat", at.Unix())
	if got, _ := k.send(get("DPoP "+token, raw.Sign())); got.Status != http.StatusForbidden {
		t.Fatalf("status %d, want 403", got.Status)
	}
	if len(store.calls) != 1 {
		t.Fatalf("%d proofs were recorded, want 1", len(store.calls))
	}
	m := store.calls[0]
	if m.key != k.key.Thumbprint() || m.id == "" || strings.Contains(m.id, "jti") {
		t.Errorf("key %q, id %q", m.key, m.id)
	}
	if m.from.After(at) || m.from.Before(at.Add(-2*time.Minute)) || m.until.Before(at.Add(59*time.Second)) || m.until.After(at.Add(2*time.Minute)) {
		t.Errorf("from %v to %v, at %v", m.from, m.until, at)
	}
}
