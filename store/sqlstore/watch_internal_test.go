package sqlstore

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/watching"
	"github.com/bearerkit/bearerkit/store"
	sqlitefile "github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// While drops are delayed, the keys that wait are limited: instead of more of them, everything is dropped.
func TestWatcher_PendingKeys(t *testing.T) {
	t.Parallel()
	passes, err := watching.NewPasses("sqlstore", []Cache{empty{}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWatcher(&Store{cfg: Config{}.withDefaults()}, passes)
	w.take(t.Context(), changes{})
	w.drop() // the first poll drops everything
	for _, tt := range []struct {
		last    int64 // the id of the last change
		pending int
		missed  bool
	}{{watching.MaxPending / 2, watching.MaxPending / 2, false}, {watching.MaxPending, watching.MaxPending, false}, {watching.MaxPending + 1, watching.MaxPending + 1, true}} {
		c := changes{highest: tt.last}
		for id := max(w.log.seen, 1); id <= tt.last; id++ { // a poll reads the last row again
			c.rows = append(c.rows, change{id: id, key: strconv.FormatInt(id, 10)})
		}
		w.take(t.Context(), c)
		if len(w.pending) != tt.pending || (w.purge == watching.Flood) != tt.missed {
			t.Errorf("after change %d: %d keys wait, everything is dropped: %v, want %d and %v", tt.last, len(w.pending), w.purge == watching.Flood, tt.pending, tt.missed)
		}
	}
	w.drop()
	if len(w.pending) > 0 || w.purge != watching.None {
		t.Errorf("after the drop, %d keys wait", len(w.pending))
	}
}

// After a reset, and while there are gaps, a change may become visible late. It is noticed although the wall clock has been set forward.
func TestWatcher_WallClockJumps(t *testing.T) { //nolint:paralleltest // it shifts the clock of the process
	passes, err := watching.NewPasses("sqlstore", []Cache{empty{}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWatcher(&Store{cfg: Config{}.withDefaults()}, passes)
	late, early := change{id: 1, key: "late"}, change{id: 2, key: "early"}
	w.take(t.Context(), changes{})
	w.drop()
	w.take(t.Context(), changes{highest: 2, rows: []change{early}})
	w.drop()
	clock.ShiftWall(t, 2*gapLife)
	for range 2 { // the first poll would forget the gap
		w.take(t.Context(), changes{highest: 2, rows: []change{early}})
		if w.log.hasCaughtUp() || w.purge != watching.None {
			t.Error("changes that were not visible at the reset are taken for old ones")
		}
	}
	w.take(t.Context(), changes{highest: 2, rows: []change{late, early}})
	if _, ok := w.pending["late"]; !ok {
		t.Errorf("the late change is missing in %v", w.pending)
	}
}

// A change that is read during the pause after a pass takes effect when the pause ends, and not at the next poll.
func TestWatch_DropAfterPause(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kit.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlitefile.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		cfg := Config{DB: db, Dialect: SQLite, PollInterval: 300 * time.Millisecond}
		here, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		there, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := here.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		passes := make(slow, 10)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- there.Watch(ctx, passes) }()
		if first := (<-passes).Sub(start); first != time.Second {
			t.Errorf("the first pass has ended after %v, want 1 s", first)
		}
		if err := here.Save(t.Context(), "deny:jti:a", store.Entry{}); err != nil {
			t.Fatal(err)
		}
		// The poll at 1.2 s reads the change. The pause ends at 2 s, and the pass takes a second.
		if second := (<-passes).Sub(start); second != 3*time.Second {
			t.Errorf("the second pass has ended after %v, want 3 s", second)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// slow is a cache in which each pass takes a second. It receives the times at which passes end.
type slow chan time.Time

func (s slow) Drop(func(store.Token) bool) int {
	time.Sleep(time.Second)
	s <- time.Now()
	return 0
}

// empty is a cache without tokens.
type empty struct{}

func (empty) Drop(func(store.Token) bool) int { return 0 }
