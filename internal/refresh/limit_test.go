package refresh_test

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// burst is the number of forced fetches that are allowed in quick succession.
const burst = 3

func TestK5_BurstAndThenOneForcedFetchPerMinForce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ cfg, interval time.Duration }{
		"default":  {0, 10 * time.Second},
		"a minute": {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, o := held(t, refresh.Config[int]{MinForce: tt.cfg, FreshFor: time.Hour})
				for n := range burst {
					wantForce(t, v, 2+n, true)
				}
				for range 100 {
					if d := took(func() { wantForce(t, v, 1+burst, false) }); d != 0 {
						t.Fatalf("waited %v for a permit", d)
					}
				}
				if s := v.Stats(); s.Forced != burst || s.Skipped != 100 {
					t.Errorf("Stats: forced %d, skipped %d; want %d, 100", s.Forced, s.Skipped, burst)
				}
				pass(tt.interval - time.Nanosecond)
				wantForce(t, v, 1+burst, false)
				pass(time.Nanosecond)
				wantForce(t, v, 2+burst, true)
				wantForce(t, v, 2+burst, false)
				pass(2 * tt.interval)
				wantForce(t, v, 3+burst, true)
				wantForce(t, v, 4+burst, true)
				wantForce(t, v, 4+burst, false)
				wantFetches(t, o, 4+burst)
			})
		})
	}
}

// However often callers force, the average stays at one fetch per MinForce.
func TestCaseX8_FloodOfForcesStaysWithinTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{FreshFor: time.Hour})
		for range 300 { // 5 minutes
			_, _, _ = v.Force(t.Context(), clock.Now(), never)
			pass(time.Second)
		}
		wantFetches(t, o, 1+burst-1+30)
	})
}

// A new value reaches a caller within MinForce, even if others use up every permit.
func TestCaseX8_UnderAttackTheNextFetchIsAtMostMinForceAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _ := held(t, refresh.Config[int]{FreshFor: time.Hour})
		last, longest := time.Now(), time.Duration(0)
		for range 600 {
			if _, fetched, _ := v.Force(t.Context(), clock.Now(), never); fetched {
				longest = max(longest, time.Since(last))
				last = time.Now()
			}
			pass(100 * time.Millisecond)
		}
		if longest != 10*time.Second {
			t.Errorf("%v between two fetches, want 10s at most", longest)
		}
	})
}

// A failed forced fetch counts, and takes the rest of the burst with it.
func TestCaseX6_FailedForceCounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minForce   time.Duration
		retryAfter time.Duration
		passed     time.Duration
		most       int
	}{
		"default, 30 s":         {0, 0, 30 * time.Second, 3},
		"30 s, 30 s":            {30 * time.Second, 0, 30 * time.Second, 1},
		"30 s, 5 min":           {30 * time.Second, 0, 5 * time.Minute, 10},
		"with a Retry-After":    {10 * time.Second, 5 * time.Second, 30 * time.Second, 3},
		"of longer than it":     {10 * time.Second, 25 * time.Second, 30 * time.Second, 2},
		"the largest, in a day": {math.MaxInt64, 0, 24 * time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, o := held(t, refresh.Config[int]{
					MinForce: tt.minForce, FreshFor: 48 * time.Hour, StaleFor: 48 * time.Hour,
					RetryAfter: func(error) time.Duration { return tt.retryAfter },
				})
				o.fail(errDown)
				for end := time.Now().Add(tt.passed); time.Now().Before(end); pass(tt.passed / 1000) {
					wantForce(t, v, 1, false)
				}
				if got := o.count() - 1; got < 1 || got > tt.most {
					t.Errorf("%d forced fetches in %v, want 1 to %d", got, tt.passed, tt.most)
				}
			})
		})
	}
}

func TestCaseX6_FailureEndsTheBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{FreshFor: time.Hour})
		o.fail(errDown)
		wantForce(t, v, 1, false)
		o.fail(nil)
		pass(10*time.Second - time.Nanosecond)
		wantForce(t, v, 1, false)
		wantFetches(t, o, 2)
		pass(time.Nanosecond)
		wantForce(t, v, 3, true)
		wantForce(t, v, 3, false)
	})
}

// The second fetch is for those who waited for the first one and got an outdated value.
func TestK5_ConcurrentForcesShareTwoFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(time.Second)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if got, fetched, err := v.Force(t.Context(), clock.Now(), never); err != nil || !fetched || got < 2 {
					t.Errorf("Force = %d, %v, %v; want a value that was fetched after the call", got, fetched, err)
				}
			})
		}
		wg.Wait()
		wantFetches(t, o, 3)
		if s := v.Stats(); s.Forced != 2 || s.Skipped != 0 {
			t.Errorf("Stats: forced %d, skipped %d; want 2, 0", s.Forced, s.Skipped)
		}
	})
}

// A usable value limits the wait to StaleWait, whether Force starts a fetch or finds one, or both.
func TestCaseX18_ForceWaitsForStaleWaitIfAValueIsHeld(t *testing.T) {
	t.Parallel()
	const staleWait = 500 * time.Millisecond
	for name, tt := range map[string]struct {
		age     time.Duration
		running bool
		slow    time.Duration
		want    time.Duration
	}{
		"fresh":                     {0, false, time.Hour, staleWait},
		"fresh, with a fetch":       {0, true, time.Hour, staleWait},
		"stale":                     {time.Hour, false, time.Hour, staleWait},
		"stale, with a fetch":       {time.Hour, true, time.Hour, staleWait},
		"fresh, two fetches of 0.4": {0, true, 400 * time.Millisecond, staleWait},
		"fast enough":               {0, false, 400 * time.Millisecond, 400 * time.Millisecond},
		"too old":                   {25 * time.Hour, false, time.Hour, 3 * time.Second},
		"too old, with a fetch":     {25 * time.Hour, true, time.Hour, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, o := held(t, refresh.Config[int]{StaleWait: staleWait})
				pass(tt.age)
				o.slow(tt.slow)
				if tt.running {
					go func() { _ = v.Refresh(t.Context()) }()
					synctest.Wait()
				}
				waited := took(func() { _, _, _ = v.Force(t.Context(), clock.Now(), never) })
				if waited != tt.want {
					t.Errorf("waited %v, want %v", waited, tt.want)
				}
				pass(10 * time.Second)
			})
		})
	}
}
