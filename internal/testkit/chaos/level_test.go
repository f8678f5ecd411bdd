package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/chaos"
	"github.com/bearerkit/bearerkit/jwks"
)

// traffic sends good tokens, signed with the key of the moment, until it is stopped.
type traffic struct {
	sent, refused atomic.Int64
	stop          chan struct{}
	workers       sync.WaitGroup
}

func (w *world) traffic(t *testing.T, pause time.Duration) *traffic {
	t.Helper()
	load := &traffic{stop: make(chan struct{})}
	for worker := range 8 {
		load.workers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-load.stop:
					return
				case <-time.After(pause):
				}
				load.sent.Add(1)
				if w.askPatiently(t, w.Good().Set("jti", fmt.Sprint(worker, n)).Sign()) != http.StatusOK {
					load.refused.Add(1)
				}
			}
		})
	}
	return load
}

func (load *traffic) end() (sent, refused int64) {
	close(load.stop)
	load.workers.Wait()
	return load.sent.Load(), load.refused.Load()
}

// of is a figure: how many of how many. Of all the first digit is enough, since the others change from run to run.
func of(n, all int64) string {
	round := int64(1)
	for all/round >= 10 {
		round *= 10
	}
	if all%round == 0 {
		return fmt.Sprintf("%d of %d", n, all)
	}
	return fmt.Sprintf("%d of over %d", n, all/round*round)
}

func TestChaosLevelRotation(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		w.Fail(chaos.Slow(20*time.Millisecond), chaos.Keys)
		load := w.traffic(t, 10*time.Millisecond)
		time.Sleep(2 * w.minRefetch)
		w.Rotate() // the new key signs at once, the old one stays published
		time.Sleep(time.Second)
		sent, refused := load.end()
		promise(t, w, "rotation", refused == 0, of(refused, sent))
	})
}

func TestChaosLevelRotationEvery200ms(t *testing.T) {
	t.Parallel()
	often := func(cfg *consumer.Config) { cfg.KeyCache.MinRefetch = time.Millisecond }
	story := func(t *testing.T, w *world) {
		load := w.traffic(t, 5*time.Millisecond)
		for range 20 {
			time.Sleep(200 * time.Millisecond)
			w.Rotate()
		}
		sent, refused := load.end()
		promise(t, w, "rotation every 200 ms", refused == 0, of(refused, sent))
	}
	t.Run("virtual time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { story(t, newVirtual(t, often)) })
	})
	t.Run("sockets", func(t *testing.T) {
		t.Parallel()
		story(t, newSockets(t, often))
	})
}

func TestChaosLevelAnnouncedRotation(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		load := w.traffic(t, w.fresh/20)
		time.Sleep(w.fresh)
		w.Announce()
		w.waitForKeys(t)
		w.Rotate()
		time.Sleep(w.fresh)
		sent, refused := load.end()
		forced := w.verifier.Health().Keys.ForcedFetches
		promise(t, w, "announced rotation", refused == 0 && forced == 0,
			of(refused, sent)+fmt.Sprintf(", %d forced fetches", forced))
	})
}

// waitForKeys lets traffic cause a fetch of keys that begins after the call. Over sockets the time for that is unknown:
// of two that end after the call, the second has begun after it.
func (w *world) waitForKeys(t *testing.T) {
	t.Helper()
	if w.virtual {
		time.Sleep(2 * w.fresh)
		return
	}
	for range 2 {
		last := w.verifier.Health().Keys.LastSuccess
		for polls := 0; !w.verifier.Health().Keys.LastSuccess.After(last); polls++ {
			if polls == 3000 {
				t.Error("keys are not fetched any more")
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func TestChaosLevelWithdrawnKey(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		var old []string
		for n := range 100 {
			old = append(old, w.Good().Set("jti", fmt.Sprint(n)).Sign())
			w.want(t, http.StatusOK, "before", old[n])
		}
		w.Rotate()
		w.Retire()
		if err := w.verifier.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		var passed int64
		for _, raw := range old {
			if w.ask(t, raw) == http.StatusOK {
				passed++
			}
		}
		promise(t, w, "withdrawn key", passed == 0, of(passed, 100))
	})
}

func TestChaosLevelOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("sends thousands of requests")
	}
	t.Parallel()
	virtually1(t, func(t *testing.T, w *world) {
		w.want(t, http.StatusOK, "before", w.Good().Sign())
		w.Stop()
		var sent, refused, unavailable int64
		for range 24*60 - 1 {
			time.Sleep(time.Minute)
			sent++
			if w.ask(t, w.Good().Sign()) != http.StatusOK {
				refused++
			}
		}
		promise(t, w, "outage", refused == 0, fmt.Sprintf("%d of %d", refused, sent))
		time.Sleep(time.Minute)
		for range 100 {
			time.Sleep(time.Second)
			if w.ask(t, w.Good().Sign()) == http.StatusServiceUnavailable {
				unavailable++
			}
		}
		promise(t, w, "outage past StaleFor", unavailable == 100, of(unavailable, 100))
	})
}

// virtually1 runs a scenario in virtual time only: over sockets it would need too much time, or too many requests.
func virtually1(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newVirtual(t, nil)) })
}

func TestChaosLevelFloods(t *testing.T) {
	if testing.Short() {
		t.Skip("sends thousands of requests")
	}
	t.Parallel()
	const flood = 10_000
	virtually1(t, func(t *testing.T, w *world) {
		good := w.Good().Sign()
		w.want(t, http.StatusOK, "before", good)
		time.Sleep(w.minRefetch)
		flooded := func(token func(n int) string, verifier consumer.Verifier) (fetches int) {
			before := w.Asked(chaos.Keys) + w.Asked(chaos.Metadata)
			api := world{Issuer: w.Issuer, api: newGuard(t, verifier).Handler(hello), patience: w.patience}
			for n := range flood {
				api.want(t, http.StatusUnauthorized, "forged", token(n))
			}
			return w.Asked(chaos.Keys) + w.Asked(chaos.Metadata) - before
		}
		draft := w.Good()
		kids := flooded(func(n int) string { return draft.SetHeader("kid", fmt.Sprint("kid-", n)).Sign() }, w.verifier)
		promise(t, w, "random kids", kids <= 3, fmt.Sprint(kids))
		time.Sleep(3 * w.minRefetch) // until all permits have returned
		signatures := flooded(func(n int) string { return forgedAt(good, n) }, w.verifier)
		promise(t, w, "bad signatures", signatures <= 1, fmt.Sprint(signatures))

		var resolved int
		resolve := func(context.Context, string) (*consumer.Consumer, error) { resolved++; return nil, nil }
		group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{w.verifier}, Resolve: resolve})
		if err != nil {
			t.Fatal(err)
		}
		draft = w.Good()
		issuers := flooded(func(n int) string { return draft.Set("iss", fmt.Sprint("https://", n, ".test")).Sign() }, group)
		promise(t, w, "random issuers", issuers == 0 && resolved == flood, fmt.Sprint(issuers))
		w.want(t, http.StatusOK, "after", good)
	})
}

// forgedAt is raw with another signature for each n.
func forgedAt(raw string, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.LastIndexByte(raw, '.') + 1
	signature := []byte(raw[at:])
	for i := range 3 {
		signature[i] = letters[(strings.IndexByte(letters, signature[i])+1+n>>(5*i))%64]
	}
	return raw[:at] + string(signature)
}

func TestChaosLevelColdStart(t *testing.T) {
	t.Parallel()
	virtually1(t, func(t *testing.T, w *world) {
		w.Stop()
		var sent, unavailable int64
		for range 600 { // ten minutes: the longest back-off is reached
			time.Sleep(time.Second)
			sent++
			if w.ask(t, w.Good().Sign()) == http.StatusServiceUnavailable {
				unavailable++
			}
		}
		promise(t, w, "cold start, issuer down", unavailable == sent, fmt.Sprintf("%d of %d", unavailable, sent))
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		for w.ask(t, w.Good().Sign()) != http.StatusOK {
			time.Sleep(time.Second)
		}
		promise(t, w, "cold start, issuer back", time.Since(back) <= time.Minute, "at most 1 min: a back-off step")
	})
}

// TestChaosLevelDeadline: no request waits longer than its own deadline, and a canceled request does not end the fetch.
func TestChaosLevelDeadline(t *testing.T) {
	t.Parallel()
	virtually1(t, func(t *testing.T, w *world) {
		w.Fail(chaos.Slow(time.Second), chaos.Metadata)
		var left int64
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			start := time.Now()
			if w.askWithin(ctx, t, w.Good().Sign()) != http.StatusServiceUnavailable || time.Since(start) > 10*time.Millisecond {
				left++
			}
			cancel()
		}
		promise(t, w, "deadline", left == 0, of(left, 10))
		w.want(t, http.StatusOK, "the next request", w.Good().Sign())
		fetches := w.Asked(chaos.Metadata)
		promise(t, w, "cancelled requests", fetches <= 2, fmt.Sprintf("%d request for metadata", fetches))
	})
}

func TestChaosLevelRestart(t *testing.T) {
	t.Parallel()
	snapshot := jwks.SnapshotFile(filepath.Join(t.TempDir(), "keys.json"))
	virtually1(t, func(t *testing.T, w *world) {
		cfg := w.config()
		cfg.KeyCache.Snapshot = snapshot
		first := world{Issuer: w.Issuer, api: newGuard(t, newConsumer(t, cfg)).Handler(hello), patience: w.patience}
		first.want(t, http.StatusOK, "before", w.Good().Sign())
		synctest.Wait()
		time.Sleep(23 * time.Hour)

		w.Fail(chaos.Hang)
		second := world{Issuer: w.Issuer, api: newGuard(t, newConsumer(t, cfg)).Handler(hello), patience: w.patience}
		start := time.Now()
		status := second.ask(t, w.Good().Sign())
		promise(t, w, "restart", status == http.StatusOK && time.Since(start) == 0, fmt.Sprintf("%d, no wait", status))

		time.Sleep(2 * time.Hour)
		third := world{Issuer: w.Issuer, api: newGuard(t, newConsumer(t, cfg)).Handler(hello), patience: w.patience}
		status = third.ask(t, w.Good().Sign())
		promise(t, w, "restart past StaleFor", status == http.StatusServiceUnavailable, fmt.Sprint(status))
	})
}

// TestChaosLevelStorm leaves nothing behind: synctest fails if a goroutine outlives the story, and the heap is measured.
func TestChaosLevelStorm(t *testing.T) { //nolint:paralleltest // the heap is measured
	if testing.Short() {
		t.Skip("sends thousands of requests")
	}
	var before, after runtime.MemStats
	w := newSockets(t, nil)
	good := w.Good().Sign()
	w.want(t, http.StatusOK, "before", good)
	draft, n := w.Good(), 0
	storm := func(requests int) {
		for range requests {
			n++
			raw := forgedAt(good, n)
			if n%2 == 0 {
				raw = draft.Set("jti", fmt.Sprint(n)).SetHeader("kid", fmt.Sprint("kid-", n)).Sign()
			}
			w.want(t, http.StatusUnauthorized, "forged", raw)
		}
	}
	storm(5_000) // fills what is bounded
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	storm(30_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	promise(t, w, "memory", grown < 512<<10, "less than 512 KiB more")
	promise(t, w, "goroutines", runtime.NumGoroutine() <= goroutines+1, "as before")
}
