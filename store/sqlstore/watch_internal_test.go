package sqlstore

import (
	"strconv"
	"testing"
	"time"
)

func TestPauseAfter(t *testing.T) {
	t.Parallel()
	for pass, want := range map[time.Duration]time.Duration{
		0:                     100 * time.Millisecond,
		time.Millisecond:      100 * time.Millisecond,
		20 * time.Millisecond: 400 * time.Millisecond,
		time.Second:           time.Second,
		time.Minute:           time.Second,
	} {
		if got := pauseAfter(pass); got != want {
			t.Errorf("after a pass of %v: %v, want %v", pass, got, want)
		}
	}
}

// While drops are delayed, the keys that wait are limited: instead of more of them, everything is dropped.
func TestWatcher_PendingKeys(t *testing.T) {
	t.Parallel()
	w := newWatcher(&Store{cfg: Config{}.withDefaults()}, nil)
	w.take(t.Context(), changes{})
	w.drop() // the first poll drops everything
	for _, tt := range []struct {
		last    int64 // the id of the last change
		pending int
		missed  bool
	}{{maxPending / 2, maxPending / 2, false}, {maxPending, maxPending, false}, {maxPending + 1, maxPending + 1, true}} {
		c := changes{highest: tt.last}
		for id := max(w.log.seen, 1); id <= tt.last; id++ { // a poll reads the last row again
			c.rows = append(c.rows, change{id: id, key: strconv.FormatInt(id, 10)})
		}
		w.take(t.Context(), c)
		if len(w.pending) != tt.pending || w.missed != tt.missed {
			t.Errorf("after change %d: %d keys wait, everything is dropped: %v, want %d and %v", tt.last, len(w.pending), w.missed, tt.pending, tt.missed)
		}
	}
	w.drop()
	if len(w.pending) > 0 || w.missed {
		t.Errorf("after the drop, %d keys wait", len(w.pending))
	}
}
