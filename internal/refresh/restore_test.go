package refresh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
)

// restoring returns a Value whose earlier process held 100, and how often that was asked for.
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

func TestK19_StaleRestoredValueIsServedIfTheFetchFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{err: errDown}
		v, _ := restoring(o, time.Hour, nil, refresh.Config[int]{})
		wantValue(t, v, 100)
		wantFetches(t, o, 1)
	})
}

func TestK19_StaleRestoredValueIsReplacedByTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _ := restoring(&origin{}, time.Hour, nil, refresh.Config[int]{})
		wantValue(t, v, 1)
	})
}

func TestK19_TooOldRestoredValueIsIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _ := restoring(&origin{err: errDown}, 24*time.Hour, nil, refresh.Config[int]{})
		wantUnavailable(t, v, errDown)
		if s := v.Stats(); !s.LastSuccess.IsZero() {
			t.Errorf("Stats = %+v, want no success", s)
		}
	})
}

func TestK25_RestoredValueFromTheFutureIsOfNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{err: errDown}
		v, _ := restoring(o, -1000*time.Hour, nil, refresh.Config[int]{})
		wantValue(t, v, 100)
		pass(24 * time.Hour)
		wantUnavailable(t, v, errDown)
	})
}

func TestK19_FailedRestorationIsReportedAndNoFailure(t *testing.T) {
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

func TestK19_RefreshFetchesAlsoAfterRestoring(t *testing.T) {
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
