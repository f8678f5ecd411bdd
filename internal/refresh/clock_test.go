package refresh_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// The tests in this file shift the wall clock, so they are not parallel.

func TestCaseX11_ValueAgesWhileTheMachineSleeps(t *testing.T) { //nolint:paralleltest // ShiftWall
	tests := map[string]struct {
		slept   time.Duration
		want    int  // 0: unavailable
		fetched bool // whether the sleep causes a fetch
	}{
		"not at all":            {0, 1, false},
		"as long as it is new":  {5 * time.Minute, 1, false},
		"until a fetch is due":  {9 * time.Minute, 1, true},
		"until it is stale":     {11 * time.Minute, 1, true},
		"until it is too old":   {72 * time.Hour, 0, true},
		"the clock is set back": {-72 * time.Hour, 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, o := held(t, refresh.Config[int]{})
				o.fail(errDown)
				clock.ShiftWall(t, tt.slept)
				if tt.want == 0 {
					wantUnavailable(t, v, errDown)
				} else {
					wantValue(t, v, tt.want)
				}
				synctest.Wait()
				if fetched := o.count() == 2; fetched != tt.fetched {
					t.Errorf("%d fetches; want a second one: %v", o.count(), tt.fetched)
				}
				if s := v.Stats(); s.Age != max(tt.slept, 0) || s.Held != (tt.want > 0) {
					t.Errorf("Stats: age %v, held %v; want %v, %v", s.Age, s.Held, max(tt.slept, 0), tt.want > 0)
				}
			})
		})
	}
}

// After the wall clock was set back, a value must not be served for longer than without that.
func TestCaseX11_ValueAgesAfterTheClockWasSetBack(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.fail(errDown)
		clock.ShiftWall(t, -48*time.Hour)
		pass(24*time.Hour - time.Millisecond)
		wantValue(t, v, 1)
		pass(time.Millisecond)
		wantUnavailable(t, v, errDown)
	})
}

// The wall clock is all that is known of a restored value's age at first; from then on both clocks count.
func TestCaseX11_RestoredValueAges(t *testing.T) { //nolint:paralleltest // ShiftWall
	for name, tt := range map[string]struct {
		shift, left time.Duration // left is how long the value can be served after the shift
	}{
		"after a sleep":                   {2 * time.Hour, 12 * time.Hour},
		"after the clock was set back":    {-48 * time.Hour, 14 * time.Hour},
		"after the clock was set forward": {15 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &origin{err: errDown}
				saved := time.Now().Add(-10 * time.Hour)
				v := refresh.New(refresh.Config[int]{Fetch: o.fetch, Restore: func(context.Context) (refresh.Fetched[int], time.Time, error) {
					return refresh.Fetched[int]{Value: 7}, saved, nil
				}})
				wantValue(t, v, 7)
				synctest.Wait()
				clock.ShiftWall(t, tt.shift)
				if tt.left > 0 {
					pass(tt.left - time.Millisecond)
					wantValue(t, v, 7)
					pass(time.Millisecond)
				}
				wantUnavailable(t, v, errDown)
			})
		})
	}
}

// A restored value is judged by the clock of the package too, which the test shifts before it.
func TestCaseX11_RestoredValueIsTooOldAfterASleep(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		o := &origin{err: errDown}
		saved := time.Now()
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch, Restore: func(context.Context) (refresh.Fetched[int], time.Time, error) {
			return refresh.Fetched[int]{Value: 7}, saved, nil
		}})
		clock.ShiftWall(t, 25*time.Hour)
		wantUnavailable(t, v, errDown)
	})
}

// What arrived before the sleep of the machine is not new after it.
func TestCaseX11_SleepDuringAFetch(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		go func() { _, _ = v.Get(t.Context()) }()
		pass(500 * time.Millisecond)
		clock.ShiftWall(t, 2*time.Hour)
		pass(500 * time.Millisecond)
		if s := v.Stats(); !s.Held || s.Age != 2*time.Hour+time.Second {
			t.Errorf("held %v with age %v; want true, 2h0m1s", s.Held, s.Age)
		}
		pass(10 * time.Second)
	})
}

// The timer of Run stops while the machine sleeps.
func TestCaseX11_RunNoticesASleepWithinAMinute(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{FreshFor: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = v.Run(ctx) }()
		pass(30 * time.Second)
		wantFetches(t, o, 1)
		clock.ShiftWall(t, 72*time.Hour)
		pass(time.Minute)
		wantFetches(t, o, 2)
		cancel()
		synctest.Wait()
	})
}
