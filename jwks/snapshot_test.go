package jwks_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// memory is a Snapshot that outlives a Remote.
type memory struct {
	mu      sync.Mutex
	data    jwks.SnapshotData
	loads   int
	saves   int
	loadErr error
	saveErr error
	slow    time.Duration
}

func (m *memory) Load(context.Context) (jwks.SnapshotData, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	return m.data, m.loadErr
}

func (m *memory) Save(ctx context.Context, data jwks.SnapshotData) error {
	select {
	case <-time.After(m.slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.saveErr == nil {
		m.data = data
	}
	return m.saveErr
}

func (m *memory) saved() int {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saves
}

// snapshotOf returns what a process leaves behind that has fetched keys.
func snapshotOf(t *testing.T, keys ...jwk) *memory {
	t.Helper()
	var i issuer
	i.says(200, keySet(keys...), "ETag", `"1"`)
	m := &memory{}
	if err := i.remote(t, jwks.Config{Snapshot: m}).Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestK19_ColdStartWhileTheIssuerIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		pass(23 * time.Hour)
		var i issuer
		i.isDown()
		r := i.remote(t, jwks.Config{Snapshot: m})
		if m.loads != 1 { // by the first process
			t.Error("New loaded the snapshot")
		}
		wantKey(t, r, "1", "RS256", rsaKey())
		wantNoKey(t, r, "2", "RS256", jwks.ErrKeyNotFound)
		if age := r.Stats().Age; age != 23*time.Hour {
			t.Errorf("age %v, want it counted from the fetch", age)
		}
		pass(time.Hour)
		wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
	})
}

func TestK19_FreshSnapshotNeedsNoFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		pass(5 * time.Minute)
		var i issuer
		i.serves(public("2", otherRSA()))
		r := i.remote(t, jwks.Config{Snapshot: m})
		wantKey(t, r, "1", "RS256", rsaKey())
		wantFetches(t, &i, 0)
		wantKey(t, r, "2", "RS256", otherRSA())
		wantFetches(t, &i, 1)
		if m.loads != 2 || m.saved() != 2 {
			t.Errorf("%d loads and %d saves, want 2 and 2", m.loads, m.saved())
		}
	})
}

func TestK19_SnapshotIsConfirmedByItsETag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		pass(time.Hour)
		var i issuer
		i.answers(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("If-None-Match") != `"1"` {
				t.Errorf("If-None-Match = %q", r.Header.Get("If-None-Match"))
			}
			return response(304, ""), nil
		})
		r := i.remote(t, jwks.Config{Snapshot: m})
		wantKey(t, r, "1", "RS256", rsaKey())
		if m.saved() != 2 || !m.data.FetchedAt.Equal(time.Now()) {
			t.Errorf("the confirmed set was not saved: %+v", m.data)
		}
	})
}

func TestK19_SnapshotIsCheckedLikeAFetchedSet(t *testing.T) {
	t.Parallel()
	tests := map[string]func(m *memory){
		"too old":       func(m *memory) { m.data.FetchedAt = time.Now().Add(-24 * time.Hour) },
		"of no time":    func(m *memory) { m.data.FetchedAt = time.Time{} },
		"another URL":   func(m *memory) { m.data.URL = "https://elsewhere.example/keys" },
		"empty":         func(m *memory) { m.data.Body = nil },
		"no usable key": func(m *memory) { m.data.Body = []byte(keySet(public("1", weakRSA()))) },
		"HTML":          func(m *memory) { m.data.Body = []byte("<html>") },
		"oversized":     func(m *memory) { m.data.Body = append(m.data.Body, strings.Repeat(" ", 512<<10)...) },
		"cannot load":   func(m *memory) { m.loadErr = errors.New("disk on fire") },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := snapshotOf(t, public("1", rsaKey()))
				spoil(m)
				var i issuer
				i.isDown()
				r := i.remote(t, jwks.Config{Snapshot: m})
				wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
				i.serves(public("1", otherRSA()))
				pass(time.Second)
				wantKey(t, r, "1", "RS256", otherRSA())
			})
		})
	}
}

func TestCaseX11_SnapshotFromTheFutureIsNotUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		m.data.FetchedAt = time.Now().Add(time.Hour)
		var i issuer
		i.isDown()
		r := i.remote(t, jwks.Config{Snapshot: m})
		wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
		m.data.FetchedAt = time.Now().Add(time.Hour)
		if _, err := jwks.Restore(t.Context(), jwks.Config{Snapshot: m}); err == nil {
			t.Error("Restore accepted it")
		}
	})
}

func TestK25_SnapshotFromTheNearFutureIsOfNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		m.data.FetchedAt = time.Now().Add(time.Minute)
		var i issuer
		i.isDown()
		r := i.remote(t, jwks.Config{Snapshot: m})
		wantKey(t, r, "1", "RS256", rsaKey())
		pass(24 * time.Hour)
		wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
	})
}

func TestK19_SnapshotContainsUsableKeysOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t,
			public("1", rsaKey()), public("2", p256()),
			public("leaked", p384()).with("d", "c2VjcmV0"), jwk{"kty": "oct", "k": "c2VjcmV0"},
		)
		if strings.Contains(string(m.data.Body), "c2VjcmV0") {
			t.Errorf("a secret was saved: %s", m.data.Body)
		}
		s, err := jwks.ParseJWKS(m.data.Body)
		if err != nil || len(s) != 2 {
			t.Errorf("saved %v, %v", s, err)
		}
		if m.data.URL != issuerURL || m.data.ETag != `"1"` || !m.data.FetchedAt.Equal(time.Now()) {
			t.Errorf("saved %+v", m.data)
		}
	})
}

func TestK19_FailedAndSlowSavesAreReportedAndDelayNoRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{saveErr: errors.New("disk full"), slow: time.Second}
		var i issuer
		i.serves(public("1", rsaKey()))
		var seen refreshes
		r := i.remote(t, jwks.Config{Snapshot: m, OnRefresh: seen.hook})
		began := time.Now()
		wantKey(t, r, "1", "RS256", rsaKey())
		if time.Since(began) != 0 {
			t.Error("the request waited for the snapshot")
		}
		pass(time.Second)
		if got := seen.last(t); got.Err != nil || !errors.Is(got.SnapshotErr, m.saveErr) || len(seen.all) != 1 {
			t.Errorf("reported %+v", seen.all)
		}
		m.slow = time.Hour
		_ = r.Refresh(t.Context())
		if got := seen.last(t); !errors.Is(got.SnapshotErr, context.DeadlineExceeded) {
			t.Errorf("reported %+v", got)
		}
	})
}

func TestK19_FailedLoadIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{loadErr: errors.New("disk on fire")}
		var i issuer
		i.serves(public("1", rsaKey()))
		var seen refreshes
		r := i.remote(t, jwks.Config{Snapshot: m, OnRefresh: seen.hook})
		wantKey(t, r, "1", "RS256", rsaKey())
		synctest.Wait()
		if first := seen.all[0]; first.Cause != "restored" || !errors.Is(first.Err, m.loadErr) || r.Stats().LastError != nil {
			t.Errorf("reported %+v", first)
		}
	})
}

// brittle is a Snapshot whose methods panic.
type brittle struct{}

func (brittle) Load(context.Context) (jwks.SnapshotData, error) { panic("load") }
func (brittle) Save(context.Context, jwks.SnapshotData) error   { panic("save") }

// Snapshots are called in goroutines of the kit, where a panic would end the process.
func TestK19_PanicOfASnapshotIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		var seen refreshes
		r := i.remote(t, jwks.Config{Snapshot: brittle{}, OnRefresh: seen.hook})
		wantKey(t, r, "1", "RS256", rsaKey())
		synctest.Wait()
		if got := seen.last(t); got.Err != nil || got.SnapshotErr == nil || len(seen.all) != 2 {
			t.Errorf("reported %+v", seen.all)
		}
	})
}
