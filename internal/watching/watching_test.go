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

func TestNewPasses(t *testing.T) {
	t.Parallel()
	good, missing := new(cache), (*cache)(nil)
	for name, test := range map[string]struct {
		caches []watching.Cache
		want   string
	}{
		"none":              {nil, "name: Watch needs at least one cache"},
		"nil":               {[]watching.Cache{nil}, "name: cache 0 of Watch is nil"},
		"a nil pointer":     {[]watching.Cache{good, missing}, "name: cache 1 of Watch is nil"},
		"a nil func":        {[]watching.Cache{good, dropFunc(nil)}, "name: cache 1 of Watch is nil"},
		"one":               {[]watching.Cache{good}, ""},
		"the same one more": {[]watching.Cache{good, good}, ""},
	} {
		text := ""
		passes, err := watching.NewPasses("name", test.caches)
		if err != nil {
			text = err.Error()
		}
		if text != test.want || (passes == nil) != (err != nil) {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
}

// dropFunc is a cache that is a function.
type dropFunc func(match func(store.Token) bool) int

func (f dropFunc) Drop(match func(store.Token) bool) int { return f(match) }

func newPasses(t *testing.T, caches ...watching.Cache) *watching.Passes {
	t.Helper()
	p, err := watching.NewPasses("name", caches)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// token is a token that has only a jti.
type token string

func (t token) ID() string             { return string(t) }
func (token) Issuer() string           { return "https://as.example.com" }
func (token) Subject() string          { return "" }
func (token) IssuedAt() time.Time      { return time.Time{} }
func (token) Expiry() time.Time        { return time.Time{} }
func (token) Claim(string) (any, bool) { return nil, false }

// Each cache receives the function that finds the tokens of the keys, or nil for all tokens.
func TestPasses_Drop(t *testing.T) {
	t.Parallel()
	var all, matches int
	counting := dropFunc(func(match func(store.Token) bool) int {
		switch {
		case match == nil:
			all++
		case match(token("denied")) && !match(token("other")):
			matches++
		}
		return 2
	})
	three := cache(3)
	p := newPasses(t, counting, &three, counting)
	if removed := p.Drop(map[string]struct{}{store.TokenKey("denied"): {}}); removed != 7 || matches != 2 || all != 0 {
		t.Errorf("Drop: removed %d, want 7; %d caches received a matcher, want 2", removed, matches)
	}
	if removed := p.DropAll(); removed != 7 || all != 2 {
		t.Errorf("DropAll: removed %d, want 7; %d caches received nil, want 2", removed, all)
	}
}

// The pause begins at the end of the pass over all caches, and depends on how long that took.
func TestPasses_Pause(t *testing.T) {
	t.Parallel()
	for takes, want := range map[time.Duration]time.Duration{
		0:                     100 * time.Millisecond,
		10 * time.Millisecond: 400 * time.Millisecond,
		time.Second:           time.Second,
	} {
		t.Run(takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := dropFunc(func(func(store.Token) bool) int { time.Sleep(takes); return 0 })
				p := newPasses(t, slow, slow)
				if p.Paused() {
					t.Error("there is a pause before the first pass")
				}
				p.DropAll()
				end := time.Now()
				if !p.Paused() {
					t.Error("there is no pause after a pass")
				}
				p.Schedule()
				if <-p.Due(); time.Since(end) != want || p.Paused() {
					t.Errorf("the next pass is due after %v, want %v; paused: %v", time.Since(end), want, p.Paused())
				}
			})
		})
	}
}

// A scheduled pass is due once, at the end of the pause. Repeated calls of Schedule neither delay it nor make it due twice.
func TestPasses_Schedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		three := cache(3)
		p := newPasses(t, &three)
		expect := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			due := false
			select {
			case <-p.Due():
				due = true
			default:
			}
			if due != want {
				t.Errorf("%s: due is %v, want %v", what, due, want)
			}
		}
		expect("before Schedule", false)
		p.Schedule()
		p.Schedule()
		expect("without a pause", true)
		expect("again", false)
		p.DropAll()
		for range 10 { // changes that arrive every 9 ms
			p.Schedule()
			expect("during the pause", false)
			time.Sleep(9 * time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		expect("after the pause", true)
		p.Schedule()
		p.Stop()
		time.Sleep(time.Second)
		expect("after Stop", false)
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
		second.Read()
		want.LastSuccess, want.ConsecutiveFailures, want.LastError = time.Now(), 0, nil
		check("the store can be read again", want)
		second.Failed(down)
		want.Failures, want.ConsecutiveFailures, want.LastError = 3, 1, down
		check("one more failure", want)
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
