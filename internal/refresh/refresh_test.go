package refresh_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

func TestK1_FreshValueIsServedWithoutAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		pass(7 * time.Minute) // of 10, and refreshing ahead begins after 7.2 at the earliest
		wantValue(t, v, 1)
		wantFetches(t, o, 1)
	})
}

//nolint:paralleltest // testing.AllocsPerRun counts the allocations of the whole process
func TestK1_FreshValueCostsNoAllocation(t *testing.T) {
	v := refresh.New(refresh.Config[int]{Fetch: (&origin{}).fetch})
	wantValue(t, v, 1)
	if n := testing.AllocsPerRun(100, func() { wantValue(t, v, 1) }); n != 0 {
		t.Errorf("Get of a fresh value allocates %v times", n)
	}
}

func TestK2_OneFetchAheadDelaysNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(time.Second)
		pass(9 * time.Minute)
		for range 10 {
			if d := took(func() { wantValue(t, v, 1) }); d != 0 {
				t.Errorf("a request waited for %v", d)
			}
		}
		wantFetches(t, o, 2)
		pass(time.Second)
		wantValue(t, v, 2)
		pass(7 * time.Minute)
		wantValue(t, v, 2)
		wantFetches(t, o, 2)
	})
}

func TestK2_FailedFetchAheadIsRetriedAfterTheBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.fail(errDown)
		pass(9 * time.Minute)
		wantValue(t, v, 1)
		wantFetches(t, o, 2)
		o.fail(nil)
		pass(time.Second) // the longest first back-off
		wantValue(t, v, 1)
		wantFetches(t, o, 3)
		wantValue(t, v, 3)
	})
}

func TestK3_ExpiredValueWaitsForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(2 * time.Second)
		pass(10 * time.Minute)
		if d := took(func() { wantValue(t, v, 2) }); d != 2*time.Second {
			t.Errorf("waited %v for a fetch of 2s", d)
		}
	})
}

func TestK3_ExpiredValueIsServedWhenTheNextOutlastsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{MaxWait: time.Second})
		o.slow(2 * time.Second)
		pass(10 * time.Minute)
		if d := took(func() { wantValue(t, v, 1) }); d != time.Second {
			t.Errorf("waited %v, want MaxWait", d)
		}
		pass(time.Second)
		wantValue(t, v, 2)
		wantFetches(t, o, 2)
	})
}

func TestK3_StaleWaitAppliesToOldValuesOnly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ cfg, want time.Duration }{"none": {-1, 0}, "shorter": {time.Second, time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &origin{delay: 2 * time.Second}
				v := refresh.New(refresh.Config[int]{Fetch: o.fetch, StaleWait: tt.cfg})
				if d := took(func() { wantValue(t, v, 1) }); d != 2*time.Second {
					t.Errorf("without a value, waited %v for a fetch of 2s", d)
				}
				pass(10 * time.Minute)
				if d := took(func() { wantValue(t, v, 1) }); d != tt.want {
					t.Errorf("with an old value, waited %v, want %v", d, tt.want)
				}
				pass(2 * time.Second)
				wantValue(t, v, 2)
				wantFetches(t, o, 2)
			})
		})
	}
}

// Together, and not each of them, requests give a fetch StaleWait.
func TestK3_StaleWaitCountsFromTheBeginningOfTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{StaleWait: 500 * time.Millisecond})
		o.slow(3 * time.Second)
		pass(10 * time.Minute)
		go func() { wantValue(t, v, 1) }()
		pass(300 * time.Millisecond)
		for _, want := range []time.Duration{200 * time.Millisecond, 0, 0} {
			if d := took(func() { wantValue(t, v, 1) }); d != want {
				t.Errorf("waited %v, want %v", d, want)
			}
		}
		pass(3 * time.Second)
		wantValue(t, v, 2)
		wantFetches(t, o, 2)
	})
}

func TestK3_ExpiredValueIsServedWhenTheCallersTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(2 * time.Second)
		pass(10 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := v.Get(ctx)
		if got != 1 || err != nil {
			t.Errorf("Get = %d, %v; want the old value", got, err)
		}
		pass(time.Second)
	})
}

func TestK3_ExpiredValueIsServedAtOnceWhileTheBackoffHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{RetryAfter: func(error) time.Duration { return time.Minute }})
		o.fail(errDown)
		o.slow(time.Second)
		pass(10 * time.Minute)
		wantValue(t, v, 1)
		for range 100 {
			if d := took(func() { wantValue(t, v, 1) }); d != 0 {
				t.Fatalf("waited %v during the backoff", d)
			}
		}
		wantFetches(t, o, 2)
	})
}

func TestK4_TooOldIsUnavailable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg    refresh.Config[int]
		usable time.Duration
	}{
		"default":               {usable: 24 * time.Hour},
		"StaleFor":              {cfg: refresh.Config[int]{StaleFor: time.Hour}, usable: time.Hour},
		"no stale":              {cfg: refresh.Config[int]{StaleFor: -1}, usable: 10 * time.Minute},
		"StaleFor < FreshFor":   {cfg: refresh.Config[int]{StaleFor: time.Minute}, usable: time.Minute},
		"no stale and FreshFor": {cfg: refresh.Config[int]{StaleFor: -1, FreshFor: time.Hour}, usable: time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, o := held(t, tt.cfg)
				o.fail(errDown)
				pass(tt.usable - time.Millisecond)
				wantValue(t, v, 1)
				pass(time.Millisecond)
				wantUnavailable(t, v, errDown)
				pass(time.Minute)
				o.fail(nil)
				wantValue(t, v, o.count()+1)
			})
		})
	}
}

func TestK5_FetchThatBeganEarlierIsNotEnough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		enough  int // the value that satisfies the caller
		want    int
		fetched bool
		fetches int
		waited  time.Duration
	}{
		"it brings what was asked for": {2, 2, false, 2, time.Second},
		"it brings what was before":    {3, 3, true, 3, 2500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, o := held(t, refresh.Config[int]{})
				o.slow(1500 * time.Millisecond)
				go func() { _ = v.Refresh(t.Context()) }()
				pass(500 * time.Millisecond)
				waited := took(func() {
					got, fetched, err := v.Force(t.Context(), clock.Now(), func(n int) bool { return n == tt.enough })
					if err != nil || got != tt.want || fetched != tt.fetched {
						t.Errorf("Force = %d, %t, %v; want %d, %t", got, fetched, err, tt.want, tt.fetched)
					}
				})
				if waited != tt.waited {
					t.Errorf("waited %v, want %v", waited, tt.waited)
				}
				wantFetches(t, o, tt.fetches)
			})
		})
	}
}

func TestK5_K8_CallsThatGetAnOutdatedValueShareTheNextFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(time.Second)
		go func() { _ = v.Refresh(t.Context()) }()
		synctest.Wait()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { wantForce(t, v, 3, true) })
		}
		wg.Wait()
		wantFetches(t, o, 3)
		if s := v.Stats(); s.Forced != 1 || s.Skipped != 0 {
			t.Errorf("Stats: forced %d, skipped %d; want 1, 0", s.Forced, s.Skipped)
		}
	})
}

func TestK5_WaitForTwoFetchesIsLimitedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{MaxWait: 3 * time.Second})
		o.slow(2500 * time.Millisecond)
		go func() { _ = v.Refresh(t.Context()) }()
		synctest.Wait()
		if d := took(func() { wantForce(t, v, 2, false) }); d != 3*time.Second {
			t.Errorf("waited %v, want MaxWait", d)
		}
		pass(3 * time.Second)
		wantFetches(t, o, 3)
	})
}

func TestRefreshBeginsAfterTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(2 * time.Second)
		go func() { _ = v.Refresh(t.Context()) }()
		pass(time.Second)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantValue(t, v, 3)
		wantFetches(t, o, 3)
	})
}

func TestK5_K8_ForceSatisfiedByTheRunningFetchKeepsItsPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(time.Second)
		pass(9 * time.Minute)
		wantValue(t, v, 1) // starts a fetch ahead
		got, fetched, err := v.Force(t.Context(), clock.Now(), func(n int) bool { return n == 2 })
		if err != nil || got != 2 || fetched {
			t.Errorf("Force = %d, %t, %v; want 2, false", got, fetched, err)
		}
		wantFetches(t, o, 2)
		wantForce(t, v, 3, true)
		wantFetches(t, o, 3)
	})
}

func TestK5_ForceNeverWaitsLongerThanGet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{MaxWait: time.Second})
		o.slow(2 * time.Second)
		if d := took(func() { wantForce(t, v, 1, false) }); d != time.Second {
			t.Errorf("waited %v, want MaxWait", d)
		}
		pass(time.Second)
	})
}

func never(int) bool { return false }

func wantForce(t *testing.T, v *refresh.Value[int], want int, fetched bool) {
	t.Helper()
	got, ok, err := v.Force(t.Context(), clock.Now(), never)
	if err != nil || got != want || ok != fetched {
		t.Errorf("Force = %d, %t, %v; want %d, %t", got, ok, err, want, fetched)
	}
}

func TestK8_OneFetchManyWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { wantValue(t, v, 1) })
		}
		wg.Wait()
		wantFetches(t, o, 1)
	})
}

func TestK8_EachWaiterHasItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: 2 * time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		var wg sync.WaitGroup
		wg.Go(func() { wantValue(t, v, 1) })
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			d := took(func() {
				_, err := v.Get(ctx)
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, refresh.ErrUnavailable) {
					t.Errorf("Get: %v, want the caller's own deadline", err)
				}
			})
			if d != time.Second {
				t.Errorf("waited %v under a deadline of 1s", d)
			}
		})
		wg.Wait()
		wantFetches(t, o, 1)
	})
}

func TestK8_NobodyWaitsLongerThanMaxWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: 2 * time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch, MaxWait: time.Second})
		d := took(func() {
			if _, err := v.Get(t.Context()); !errors.Is(err, refresh.ErrUnavailable) {
				t.Errorf("Get: %v, want ErrUnavailable", err)
			}
		})
		if d != time.Second {
			t.Errorf("waited %v, want MaxWait", d)
		}
		pass(time.Second)
		wantValue(t, v, 1)
	})
}

// A request that has waited elsewhere waits only for the rest.
// Wait waits for a whole fetch if there is no usable value. With one it waits like Get.
func TestCaseD5_WaitOutlastsGet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch, Timeout: 20 * time.Second, StaleWait: time.Second})
		o.slow(10 * time.Second)
		wait := func(ctx context.Context) (value int, waited time.Duration, err error) {
			waited = took(func() { value, err = v.Wait(ctx) })
			return value, waited, err
		}
		brief, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, waited, err := wait(brief); !errors.Is(err, context.DeadlineExceeded) || waited != 2*time.Second {
			t.Errorf("error %v after %v", err, waited)
		}
		if value, waited, err := wait(t.Context()); value != 1 || err != nil || waited != 8*time.Second {
			t.Errorf("value %d, error %v after %v", value, err, waited)
		}
		pass(time.Hour) // stale
		if value, waited, err := wait(t.Context()); value != 1 || err != nil || waited != time.Second {
			t.Errorf("stale value %d, error %v after %v", value, err, waited)
		}
		pass(time.Minute)
		wantFetches(t, o, 2)
		pass(24 * time.Hour) // too old
		o.fail(errDown)
		if _, waited, err := wait(t.Context()); !errors.Is(err, refresh.ErrUnavailable) || !errors.Is(err, errDown) || waited != 10*time.Second {
			t.Errorf("error %v after %v", err, waited)
		}
	})
}

func TestCaseX18_WaitCountsFromTheRequest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ before, want time.Duration }{
		"no wait before": {0, 3 * time.Second},
		"2 s":            {2 * time.Second, time.Second},
		"3 s":            {3 * time.Second, 0},
		"4 s":            {4 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := refresh.New(refresh.Config[int]{Fetch: (&origin{delay: time.Hour}).fetch})
				request := clock.Now()
				pass(tt.before)
				if d := took(func() { _, _ = v.GetAt(t.Context(), request) }); d != tt.want {
					t.Errorf("GetAt waited %v, want %v", d, tt.want)
				}
				pass(time.Minute)
				request = clock.Now()
				pass(tt.before)
				if d := took(func() { _, _, _ = v.Force(t.Context(), request, never) }); d != tt.want {
					t.Errorf("Force waited %v, want %v", d, tt.want)
				}
				pass(time.Minute)
			})
		})
	}
}

func TestK9_Attack38_CanceledStarterDoesNotEndTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: 2 * time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := v.Get(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Get: %v, want context.Canceled", err)
		}
		if d := took(func() { wantValue(t, v, 1) }); d != time.Second {
			t.Errorf("the second caller waited %v, want the second second of the same fetch", d)
		}
		wantFetches(t, o, 1)
	})
}

func TestK9_FetchHasItsOwnTimeoutAndTheStartersValues(t *testing.T) {
	type key struct{}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := refresh.New(refresh.Config[int]{
			Timeout: time.Second,
			Fetch: func(ctx context.Context, _ int) (refresh.Fetched[int], error) {
				if ctx.Value(key{}) != "starter" {
					t.Error("Fetch did not receive the values of the caller's context")
				}
				<-ctx.Done()
				return refresh.Fetched[int]{}, ctx.Err()
			},
		})
		ctx := context.WithValue(t.Context(), key{}, "starter")
		d := took(func() {
			_, err := v.Get(ctx)
			if !errors.Is(err, refresh.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Get: %v, want ErrUnavailable for the fetch's timeout", err)
			}
		})
		if d != time.Second {
			t.Errorf("the fetch took %v, want Timeout", d)
		}
	})
}

func TestK16_RetryAfterIsHonoredWithinBounds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ asked, honoured time.Duration }{
		"asked":    {90 * time.Second, 90 * time.Second},
		"too long": {24 * time.Hour, 5 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &origin{err: errDown}
				v := refresh.New(refresh.Config[int]{
					Fetch:      o.fetch,
					RetryAfter: func(error) time.Duration { return tt.asked },
				})
				wantUnavailable(t, v, errDown)
				o.fail(nil)
				pass(tt.honoured - time.Millisecond)
				wantUnavailable(t, v, errDown)
				wantFetches(t, o, 1)
				pass(time.Millisecond)
				wantValue(t, v, 2)
			})
		})
	}
}

func TestK17_ReplicasSpreadTheirFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const replicas = 100
		o := &origin{}
		values := make([]*refresh.Value[int], replicas)
		for i := range values {
			values[i] = refresh.New(refresh.Config[int]{Fetch: o.fetch})
			wantValue(t, values[i], i+1)
		}
		var spread []int
		pass(7 * time.Minute)
		for at := 7 * time.Minute; at <= 9*time.Minute; at += 20 * time.Second {
			for i, v := range values {
				if _, err := v.Get(t.Context()); err != nil {
					t.Fatalf("replica %d: %v", i, err)
				}
			}
			synctest.Wait()
			spread = append(spread, o.count())
			pass(20 * time.Second)
		}
		if first, last := spread[0], spread[len(spread)-1]; first != replicas || last != 2*replicas {
			t.Errorf("fetches over time: %v, want none before 72%% and all by 88%%", spread)
		}
		if middle := spread[len(spread)/2]; middle == replicas || middle == 2*replicas {
			t.Errorf("fetches over time: %v, want them spread", spread)
		}
	})
}

func TestK20_Attack39_FirstFailureIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{err: errDown}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		wantUnavailable(t, v, errDown)
		o.fail(nil)
		pass(time.Second)
		wantValue(t, v, 2)
		if s := v.Stats(); s.ConsecutiveFailures != 0 || s.LastError != nil {
			t.Errorf("Stats after a success: %+v", s)
		}
	})
}

func TestK20_FetchesDuringAnOutageFollowTheBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{err: errDown}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		for range 36_000 { // an hour of ten requests a second
			wantUnavailable(t, v, errDown)
			pass(100 * time.Millisecond)
		}
		// The back-off is a minute at most and half a minute on average.
		if n := o.count(); n < 60 || n > 300 {
			t.Errorf("%d fetches in an hour of outage", n)
		}
	})
}

func TestK20_Attack39_PanicIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		v := refresh.New(refresh.Config[int]{Fetch: func(context.Context, int) (refresh.Fetched[int], error) {
			if fetches++; fetches == 1 {
				panic("out of order")
			}
			return refresh.Fetched[int]{Value: fetches}, nil
		}})
		if _, err := v.Get(t.Context()); !errors.Is(err, refresh.ErrUnavailable) {
			t.Errorf("Get: %v, want ErrUnavailable", err)
		}
		pass(time.Second)
		wantValue(t, v, 2)
	})
}

func TestK20_FetchThatEndsItsGoroutineIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		v := refresh.New(refresh.Config[int]{Fetch: func(context.Context, int) (refresh.Fetched[int], error) {
			if fetches++; fetches == 1 {
				runtime.Goexit()
			}
			return refresh.Fetched[int]{Value: fetches}, nil
		}})
		if err := v.Refresh(t.Context()); err == nil {
			t.Error("Refresh: no error")
		}
		pass(time.Second)
		wantValue(t, v, 2)
	})
}

func TestK25_FetchesFromAFlappingOriginFollowTheBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		for i := range 600 { // ten minutes; the origin changes its mind every second
			o.fail([]error{nil, errDown}[i%2])
			if _, _, err := v.Force(t.Context(), clock.Now(), never); err != nil {
				t.Fatalf("Force: %v", err)
			}
			pass(time.Second)
		}
		// At most one success per MinForce, each followed by few failures: their back-offs double.
		if n := o.count(); n < 20 || n > 200 {
			t.Errorf("%d fetches in ten minutes", n)
		}
	})
}

func TestRefresh_FetchesNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(time.Second)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := v.Refresh(t.Context()); err != nil {
					t.Errorf("Refresh: %v", err)
				}
			})
		}
		wg.Wait()
		wantFetches(t, o, 3) // the nine that found one running share the next
		wantValue(t, v, 3)

		o.fail(errDown)
		for range 2 { // the back-off does not hold for the owner
			if err := v.Refresh(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("Refresh: %v, want the fetch's error", err)
			}
		}
		wantValue(t, v, 3)
		wantFetches(t, o, 5)
	})
}

func TestRefresh_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, o := held(t, refresh.Config[int]{})
		o.slow(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := v.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Refresh: %v, want DeadlineExceeded", err)
		}
		pass(time.Second)
		wantValue(t, v, 2)
	})
}

func TestK23_NewFetchesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		pass(time.Hour)
		wantFetches(t, o, 0)
		if s := v.Stats(); s != (refresh.Stats[int]{}) {
			t.Errorf("Stats = %+v, want none", s)
		}
	})
}

func TestK23_RunKeepsTheValueFreshUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()

		pass(9*time.Minute + time.Second)
		wantFetches(t, o, 2)
		for range 600 { // ten hours, a request a minute: none of them waits, none of them starts a fetch
			if d := took(func() { wantValue(t, v, v.Stats().Value) }); d != 0 {
				t.Errorf("a request waited %v", d)
			}
			if age := v.Stats().Age; age >= 9*time.Minute {
				t.Errorf("the value is %v old", age)
			}
			pass(time.Minute)
		}
		if n := o.count(); n < 600/9 || n > 600/7+2 {
			t.Errorf("%d fetches in ten hours of FreshFor 10m", n)
		}

		o.fail(errDown) // and it survives an outage
		pass(2 * time.Hour)
		wantValue(t, v, v.Stats().Value)
		o.fail(nil)
		pass(2 * time.Minute)
		if s := v.Stats(); s.Age > 2*time.Minute || s.ConsecutiveFailures != 0 {
			t.Errorf("two minutes after an outage: %+v", s)
		}

		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v, want nil", err)
		}
		n := o.count()
		pass(time.Hour)
		wantFetches(t, o, n)
	})
}

func TestK23_RunEndsDuringAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: 2 * time.Second}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d := took(func() { _ = v.Run(ctx) }); d != time.Second {
			t.Errorf("Run ended after %v, want with its ctx", d)
		}
		pass(time.Second)
	})
}

func TestOnFetch_IsCalledForEveryAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []refresh.Attempt[int]
		began := time.Now()
		v, o := held(t, refresh.Config[int]{OnFetch: func(_ context.Context, a refresh.Attempt[int]) {
			if !a.At.Equal(time.Now()) {
				t.Errorf("attempt %+v has At %v, want %v", a, a.At, time.Now())
			}
			a.At = time.Time{}
			got = append(got, a)
		}})
		if s := v.Stats(); !s.LastSuccess.Equal(began) {
			t.Errorf("LastSuccess = %v, want %v", s.LastSuccess, began)
		}
		o.slow(time.Second)
		wantForce(t, v, 2, true)
		o.fail(errDown)
		_ = v.Refresh(t.Context())
		pass(9 * time.Minute)
		wantValue(t, v, 2)
		pass(time.Second)
		want := []refresh.Attempt[int]{
			{Cause: refresh.CauseExpired, Value: 1},
			{Cause: refresh.CauseForced, Held: 1, Value: 2, Duration: time.Second},
			{Cause: refresh.CauseRequested, Held: 2, Value: 3, Duration: time.Second, Err: errDown},
			{Cause: refresh.CauseAhead, Held: 2, Value: 4, Duration: time.Second, Err: errDown},
		}
		synctest.Wait()
		if len(got) != len(want) {
			t.Fatalf("%d attempts reported, want %d: %+v", len(got), len(want), got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("attempt %d = %+v, want %+v", i, got[i], want[i])
			}
		}
	})
}

func TestOnFetch_PanicIsRecovered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		o := &origin{}
		v := refresh.New(refresh.Config[int]{Fetch: o.fetch, OnFetch: func(context.Context, refresh.Attempt[int]) {
			calls++
			panic("the hook is broken")
		}})
		wantValue(t, v, 1)
		if err := v.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh: %v", err)
		}
		wantValue(t, v, 2)
		if calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
}

func TestOnFetch_DelaysRefreshOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		v := refresh.New(refresh.Config[int]{
			Fetch:   o.fetch,
			OnFetch: func(context.Context, refresh.Attempt[int]) { time.Sleep(time.Minute) },
		})
		if d := took(func() { wantValue(t, v, 1) }); d != 0 {
			t.Errorf("Get waited %v for OnFetch", d)
		}
		if d := took(func() { wantForce(t, v, 2, true) }); d != 0 {
			t.Errorf("Force waited %v for OnFetch", d)
		}
		if d := took(func() { _ = v.Refresh(t.Context()) }); d != time.Minute {
			t.Errorf("Refresh took %v, want OnFetch to have returned", d)
		}
	})
}

// Real goroutines on real time, for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	o := &origin{}
	v := refresh.New(refresh.Config[int]{
		Fetch:    o.fetch,
		FreshFor: 50 * time.Microsecond,
		MinForce: time.Microsecond,
		OnFetch:  func(context.Context, refresh.Attempt[int]) {},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = v.Run(ctx) })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			last := 0
			for range 500 {
				var got int
				var err error
				switch i % 4 {
				case 0:
					got, _, err = v.Force(ctx, clock.Now(), never)
				case 1:
					err = v.Refresh(ctx)
					got = v.Stats().Value
				default:
					got, err = v.Get(ctx)
				}
				if err != nil || got < last {
					t.Errorf("got %d after %d, %v", got, last, err)
				}
				last = got
			}
		})
	}
	wg.Wait()
	cancel()
	running.Wait()
}

func BenchmarkGet(b *testing.B) {
	v := refresh.New(refresh.Config[int]{Fetch: (&origin{}).fetch})
	for name, get := range map[string]func() (int, error){
		"reads the clocks": func() (int, error) { return v.Get(b.Context()) },
		"clocks are read":  timed(b.Context(), v),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := get(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// timed returns a call of GetAt with clocks that were read once.
func timed(ctx context.Context, v *refresh.Value[int]) func() (int, error) {
	now := clock.Now()
	return func() (int, error) { return v.GetAt(ctx, now) }
}

// A value may say how long it is used. Config.StaleFor counts for the others.
func TestK3_ValueSaysHowLongItIsUsed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ config, own, want time.Duration }{
		{time.Hour, 30 * time.Minute, 30 * time.Minute},
		{-1, 30 * time.Minute, 30 * time.Minute},
		{20 * time.Minute, 30 * time.Minute, 30 * time.Minute},
		{20 * time.Minute, 0, 20 * time.Minute},
		{time.Hour, 2 * time.Minute, 2 * time.Minute}, // shorter than FreshFor
	} {
		synctest.Test(t, func(t *testing.T) {
			var fetches int
			v := refresh.New(refresh.Config[int]{StaleFor: test.config, Fetch: func(context.Context, int) (refresh.Fetched[int], error) {
				if fetches++; fetches > 1 {
					return refresh.Fetched[int]{}, errDown
				}
				return refresh.Fetched[int]{Value: 1, StaleFor: test.own}, nil
			}})
			wantValue(t, v, 1)
			pass(test.want - time.Nanosecond)
			wantValue(t, v, 1)
			pass(time.Nanosecond)
			if got, err := v.Get(t.Context()); !errors.Is(err, refresh.ErrUnavailable) {
				t.Errorf("%+v: %v, %v, want ErrUnavailable", test, got, err)
			}
		})
	}
}

func TestFreshForAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := refresh.New(refresh.Config[int]{Fetch: (&origin{}).fetch})
		if got := v.FreshForAt(clock.Now()); got != 0 {
			t.Errorf("before the first value: %v", got)
		}
		wantValue(t, v, 1)
		pass(7 * time.Minute)
		if got := v.FreshForAt(clock.Now()); got != 3*time.Minute {
			t.Errorf("after 7 of 10 minutes: %v, want 3m", got)
		}
		pass(4 * time.Minute)
		if got := v.FreshForAt(clock.Now()); got != 0 {
			t.Errorf("after 11 of 10 minutes: %v, want 0", got)
		}
	})
}
