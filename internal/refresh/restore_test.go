package refresh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
)

// restoring returns a Value that restores 100, and the number of calls of Restore.
func restoring(o *origin, age time.Duration, err error, cfg refresh.Config[int]) (*refresh.Value[int], *int) {
	calls := new(int)
	cfg.Fetch = o.fetch
	cfg.Restore = func(context.Context) (refresh.Fetched[int], time.Time, error) {
		*calls++
		return refresh.Fetched[int]{Value: 100}, time.Now().Add(-age), err
	}
	return refresh.New(cfg), calls
}

func TestK19_FreshRestoredValueNeedsNoFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{err: errDown}
		v, calls := restoring(o, 5*time.Minute, nil, refresh.Config[int]{})
		if *calls != 0 {
			t.Error("New restored")
		}
		wantValue(t, v, 100)
		if age := v.Stats().Age; age != 5*time.Minute {
			t.Errorf("age %v, want it counted from the first fetch", age)
		}
		wantFetches(t, o, 0)
		pass(4 * time.Minute)
		wantValue(t, v, 100)
		wantFetches(t, o, 1)
		pass(24*time.Hour - 9*time.Minute)
		wantUnavailable(t, v, errDown)
		if *calls != 1 {
			t.Errorf("restored %d times", *calls)
		}
	})
}

// If a value was restored, no call waits for the first fetch, whatever its result is.
func TestK19_StaleRestoredValueIsServedAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*origin{
		"refuses": {err: errDown}, "hangs": {delay: time.Hour}, "fails late": {err: errDown, delay: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v, _ := restoring(o, time.Hour, nil, refresh.Config[int]{})
				for range 600 { // a minute of ten requests a second
					if d := took(func() { wantValue(t, v, 100) }); d != 0 {
						t.Fatalf("waited %v", d)
					}
					pass(100 * time.Millisecond)
				}
				if n := o.count(); n < 2 || n > 30 {
					t.Errorf("%d fetches in a minute of outage", n)
				}
				o.set(func(o *origin) { o.err, o.delay = nil, 0 })
				pass(time.Minute)
				_, _ = v.Get(t.Context()) // starts the fetch, if none is running
				synctest.Wait()
				wantValue(t, v, o.count())

				o.slow(time.Second)
				pass(10 * time.Minute)
				n := o.count()
				if d := took(func() { wantValue(t, v, n+1) }); d != time.Second {
					t.Errorf("waited %v for the fetch that replaces a stale value of this process, want 1s", d)
				}
			})
		})
	}
}

func TestK19_FetchBehindARestoredValueNeedsNoRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: time.Second}
		v, _ := restoring(o, time.Hour, nil, refresh.Config[int]{})
		wantValue(t, v, 100)
		pass(time.Second)
		wantValue(t, v, 1)
		wantFetches(t, o, 1)
	})
}

// Force and Refresh fetch; a restored value is not enough for them.
func TestK19_ForceFetchesAfterRestoring(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _ := restoring(&origin{delay: time.Second}, 0, nil, refresh.Config[int]{})
		wantForce(t, v, 1, true)
	})
}

func TestK19_RunFetchesBehindARestoredValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		v, calls := restoring(o, time.Hour, nil, refresh.Config[int]{})
		go func() { _ = v.Run(t.Context()) }()
		synctest.Wait()
		wantValue(t, v, 1)
		wantFetches(t, o, 1)
		if *calls != 1 {
			t.Errorf("restored %d times", *calls)
		}
	})
}

func TestK19_TooOldRestoredValueIsRejectedAndReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []refresh.Attempt[int]
		v, _ := restoring(&origin{err: errDown}, 24*time.Hour, nil, refresh.Config[int]{
			OnFetch: func(_ context.Context, a refresh.Attempt[int]) { told = append(told, a) },
		})
		wantUnavailable(t, v, errDown)
		if s := v.Stats(); !s.LastSuccess.IsZero() {
			t.Errorf("Stats = %+v, want no success", s)
		}
		synctest.Wait()
		if len(told) != 2 || told[0].Cause != refresh.CauseRestored || told[0].Err == nil {
			t.Errorf("OnFetch received %+v", told)
		}
	})
}

func TestK19_NothingToRestoreIsNotReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := 0
		v := refresh.New(refresh.Config[int]{
			Fetch:   (&origin{}).fetch,
			Restore: func(context.Context) (got refresh.Fetched[int], at time.Time, err error) { return got, at, nil },
			OnFetch: func(context.Context, refresh.Attempt[int]) { told++ },
		})
		wantValue(t, v, 1)
		synctest.Wait()
		if told != 1 {
			t.Errorf("%d reports, want that of the fetch", told)
		}
	})
}

// A slow OnFetch does not delay calls that get the restored value.
func TestK19_SlowReportOfARestorationDelaysNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _ := restoring(&origin{err: errDown}, time.Hour, nil, refresh.Config[int]{
			OnFetch: func(context.Context, refresh.Attempt[int]) { time.Sleep(time.Minute) },
		})
		if d := took(func() { wantValue(t, v, 100) }); d != 0 {
			t.Errorf("waited %v", d)
		}
		pass(2 * time.Minute)
	})
}

func TestRestore_RunsBeforeTheFirstFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{delay: time.Second}
		told := 0
		v, calls := restoring(o, time.Hour, nil, refresh.Config[int]{OnFetch: func(context.Context, refresh.Attempt[int]) { told++ }})
		if err := v.Restore(t.Context()); err != nil || told != 1 {
			t.Errorf("Restore: %v, %d reports", err, told)
		}
		wantFetches(t, o, 0)
		if d := took(func() { wantValue(t, v, 100) }); d != 0 {
			t.Errorf("waited %v", d)
		}
		pass(time.Second)
		wantValue(t, v, 1)
		if *calls != 1 {
			t.Errorf("restored %d times", *calls)
		}
	})
}

func TestRestore_ReturnsItsErrorAndDoesNotReportIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for age, lost := range map[time.Duration]error{0: errDown, 24 * time.Hour: nil} {
			v, _ := restoring(&origin{}, age, lost, refresh.Config[int]{
				OnFetch: func(_ context.Context, a refresh.Attempt[int]) {
					if a.Cause == refresh.CauseRestored {
						t.Errorf("reported %+v", a)
					}
				},
			})
			if err := v.Restore(t.Context()); err == nil || !errors.Is(err, lost) && lost != nil {
				t.Errorf("Restore: %v, want %v", err, lost)
			}
			wantValue(t, v, 1)
		}
	})
}

// Clocks of several machines differ a little.
func TestK25_RestoredValueFromTheNearFutureIsOfNow(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{time.Nanosecond, time.Minute, 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			o := &origin{err: errDown}
			v, _ := restoring(o, -ahead, nil, refresh.Config[int]{})
			wantValue(t, v, 100)
			pass(24 * time.Hour)
			wantUnavailable(t, v, errDown)
		})
	}
}

// If the clock was set back since a value was saved, the age of the value is not known. Without this check, each start of a
// process would make the value new again.
func TestCaseX11_RestoredValueFromTheFutureIsNotUsed(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{5*time.Minute + time.Nanosecond, time.Hour, 1000 * time.Hour, 1<<63 - 1} {
		synctest.Test(t, func(t *testing.T) {
			var errRestored error
			o := &origin{err: errDown}
			v, _ := restoring(o, -ahead, nil, refresh.Config[int]{OnFetch: func(_ context.Context, a refresh.Attempt[int]) {
				if a.Cause == refresh.CauseRestored {
					errRestored = a.Err
				}
			}})
			wantUnavailable(t, v, errDown)
			synctest.Wait()
			if errRestored == nil || !strings.Contains(errRestored.Error(), "in the future") {
				t.Errorf("%v ahead: the restoration reported %v", ahead, errRestored)
			}
		})
	}
}

func TestK19_FailedRestorationIsReportedButNotCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var causes []refresh.Cause
		errLost := errors.New("snapshot lost")
		v, calls := restoring(&origin{}, 0, errLost, refresh.Config[int]{
			OnFetch: func(_ context.Context, a refresh.Attempt[int]) {
				causes = append(causes, a.Cause)
				if a.Cause == refresh.CauseRestored && !errors.Is(a.Err, errLost) {
					t.Errorf("reported %v", a.Err)
				}
			},
		})
		wantValue(t, v, 1)
		if err := v.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh: %v", err)
		}
		if len(causes) != 3 || causes[0] != refresh.CauseRestored || *calls != 1 {
			t.Errorf("reported %v, restored %d times", causes, *calls)
		}
	})
}

func TestK19_RefreshFetchesAfterRestoring(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		v, _ := restoring(o, 0, nil, refresh.Config[int]{})
		if err := v.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh: %v", err)
		}
		wantValue(t, v, 1)
	})
}

// TestK19_RestoredValueKeepsItsAge at once, not when a timer says so.
func TestK19_RestoredValueKeepsItsAge(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			fetches := 0
			v := refresh.New(refresh.Config[string]{
				Fetch: func(context.Context, string) (refresh.Fetched[string], error) {
					fetches++
					return refresh.Fetched[string]{Value: "new"}, nil
				},
				Restore: func(context.Context) (refresh.Fetched[string], time.Time, error) {
					return refresh.Fetched[string]{Value: "old"}, time.Now().Add(-time.Hour), nil
				},
			})
			if err := v.Restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := v.Get(t.Context())
			synctest.Wait()
			if err != nil || fetches != 1 {
				t.Fatalf("%d fetches for an old value, error %v", fetches, err)
			}
		})
	}
}
