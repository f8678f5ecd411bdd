package sqlstore

import (
	"strconv"
	"testing"

	"github.com/bearerkit/bearerkit/internal/watching"
	"github.com/bearerkit/bearerkit/store"
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

// empty is a cache without tokens.
type empty struct{}

func (empty) Drop(func(store.Token) bool) int { return 0 }
