package watching_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/watching"
	"github.com/bearerkit/bearerkit/store"
)

// cache returns its value from each call of Drop.
type cache int

func (c *cache) Drop(func(store.Token) bool) int { return int(*c) }

func TestCheckCaches(t *testing.T) {
	t.Parallel()
	good, missing := new(cache), (*cache)(nil)
	for name, test := range map[string]struct {
		caches []watching.Cache
		want   string
	}{
		"none":              {nil, "name: Watch needs at least one cache"},
		"nil":               {[]watching.Cache{nil}, "name: cache 0 of Watch is nil"},
		"a nil pointer":     {[]watching.Cache{good, missing}, "name: cache 1 of Watch is nil"},
		"one":               {[]watching.Cache{good}, ""},
		"the same one more": {[]watching.Cache{good, good}, ""},
	} {
		text := ""
		if err := watching.CheckCaches("name", test.caches); err != nil {
			text = err.Error()
		}
		if text != test.want {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		two, three := cache(2), cache(3)
		removed, next := watching.Drop([]watching.Cache{&two, &three}, nil)
		if removed != 5 || next != time.Now().Add(100*time.Millisecond) {
			t.Errorf("removed %d, next pass in %v", removed, time.Until(next))
		}
	})
}

// The statistics have the counts of all calls, and the worst state of the running ones.
func TestRecorder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r watching.Recorder
		check := func(what string, want store.WatchStats) {
			t.Helper()
			if diff := cmp.Diff(want, r.Stats(), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		check("no call", store.WatchStats{})
		first := r.Begin()
		time.Sleep(time.Second)
		check("before the first read", store.WatchStats{Running: 1, Behind: time.Second})
		began := clock.Now()
		first.Read()
		read := time.Now()
		first.Removed(7, watching.Started)
		first.Current(began)
		time.Sleep(2 * time.Second)
		check("after a read", store.WatchStats{
			Running: 1, Behind: 2 * time.Second, LastSuccess: read, Removed: 7, Purges: store.Purges{Started: 1},
		})
		second, down := r.Begin(), errors.New("down")
		second.Failed(down)
		second.Failed(down)
		first.Changed(3)
		first.Removed(2, watching.None)
		first.Removed(-1, watching.Flood) // of a wrong implementation of Drop
		want := store.WatchStats{
			Running: 2, Behind: 2 * time.Second, LastSuccess: read, Failures: 2, ConsecutiveFailures: 2, LastError: down,
			Changes: 3, Removed: 9, Purges: store.Purges{Started: 1, Flood: 1},
		}
		check("two calls", want)
		second.End()
		want.Running, want.ConsecutiveFailures = 1, 0
		check("one has ended", want)
		first.End()
		want.Running, want.Behind = 0, 0
		check("both have ended", want)
	})
}

// Each cause has its own count.
func TestRecorder_Causes(t *testing.T) {
	t.Parallel()
	for cause, want := range map[watching.Cause]store.Purges{
		watching.None:        {},
		watching.Started:     {Started: 1},
		watching.Interrupted: {Interrupted: 1},
		watching.Flood:       {Flood: 1},
		watching.Missed:      {Missed: 1},
		watching.Silent:      {Silent: 1},
		watching.Lost:        {Lost: 1},
	} {
		var r watching.Recorder
		r.Begin().Removed(0, cause)
		if got := r.Stats().Purges; got != want {
			t.Errorf("cause %d: %+v, want %+v", cause, got, want)
		}
	}
}
