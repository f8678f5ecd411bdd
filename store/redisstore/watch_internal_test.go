package redisstore

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/watching"
	"github.com/bearerkit/bearerkit/store"
)

// empty is a cache without tokens.
type empty struct{}

func (empty) Drop(func(store.Token) bool) int { return 0 }

// idleStore returns a store whose client is never used.
func idleStore(t *testing.T) *Store {
	t.Helper()
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	s, err := New(Config{Client: client, PollInterval: time.Minute, MaxSilence: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func idleWatcher(t *testing.T, s *Store) *watcher {
	t.Helper()
	passes, err := watching.NewPasses("redisstore", []Cache{empty{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(passes.Stop)
	return newWatcher(s, passes)
}

// While drops are delayed, the keys that wait are limited: instead of more of them, everything is dropped.
func TestWatcher_PendingKeys(t *testing.T) {
	t.Parallel()
	s := idleStore(t)
	w := idleWatcher(t, s)
	for i := range watching.MaxPending + 1 {
		if w.purge != watching.None {
			t.Fatalf("after %d changes, everything must be dropped: cause %d", i, w.purge)
		}
		w.receive(fmt.Sprintf("%s %d key %d", s.shards[3].version, i+1, i))
	}
	if len(w.pending) != watching.MaxPending || w.purge != watching.Flood {
		t.Errorf("%d keys wait, cause %d, want %d and Flood", len(w.pending), w.purge, watching.MaxPending)
	}
	w.dropAll()
	if len(w.pending) > 0 || w.purge != watching.None || s.WatchStats().Purges.Flood != 1 {
		t.Errorf("after the drop, %d keys wait, cause %d, %+v", len(w.pending), w.purge, s.WatchStats())
	}
}

// Behind counts from the poll before the last one, and does not shrink while a change waits for a drop.
func TestWatcher_Behind(t *testing.T) {
	t.Parallel()
	s := idleStore(t)
	synctest.Test(t, func(t *testing.T) {
		w := idleWatcher(t, s)
		w.renewed = false
		expect := func(what string, want time.Duration) {
			t.Helper()
			if w.reportCurrent(); s.WatchStats().Behind != want {
				t.Errorf("%s: Behind is %v, want %v", what, s.WatchStats().Behind, want)
			}
		}
		w.cover(clock.Now())
		time.Sleep(time.Second)
		w.cover(clock.Now())
		expect("after two polls", time.Second)
		time.Sleep(time.Second)
		w.renewed = true
		w.cover(clock.Now())
		expect("after a new subscription", 0)
		w.renewed = false
		w.receive(s.shards[3].version + " 1 key")
		time.Sleep(time.Second)
		w.cover(clock.Now())
		w.cover(clock.Now())
		expect("a key waits", time.Second)
		w.drop()
		expect("after the drop", 0)
		w.miss(watching.Missed)
		time.Sleep(time.Second)
		w.cover(clock.Now())
		w.cover(clock.Now())
		expect("everything must be dropped", time.Second)
		w.dropAll()
		expect("after everything was dropped", 0)
	})
}

// After the client was closed, Watch waits for its next poll, and does not use the processor meanwhile.
func TestWatcher_ClosedClient(t *testing.T) {
	t.Parallel()
	s := idleStore(t)
	synctest.Test(t, func(t *testing.T) {
		w := idleWatcher(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		messages := make(chan any)
		close(messages)
		go w.run(ctx, messages)
		synctest.Wait() // returns when run waits
		cancel()
	})
}
