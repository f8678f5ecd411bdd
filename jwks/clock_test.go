package jwks_test

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/jwks"
)

// The tests in this file shift the wall clock, so they are not parallel.

func TestCaseX11_KeysAgeWhileTheMachineSleeps(t *testing.T) { //nolint:paralleltest // ShiftWall
	for name, tt := range map[string]struct {
		staleFor, slept time.Duration
		usable          bool
	}{
		"within StaleFor":        {0, 23 * time.Hour, true},
		"past StaleFor":          {0, 24 * time.Hour, false},
		"three days":             {0, 72 * time.Hour, false},
		"no stale keys":          {-1, 11 * time.Minute, false},
		"the clock was set back": {0, -72 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(public("1", rsaKey()))
				r := i.remote(t, jwks.Config{StaleFor: tt.staleFor})
				wantKey(t, r, "1", "RS256", rsaKey())
				i.isDown()
				clock.ShiftWall(t, tt.slept)
				if tt.usable {
					wantKey(t, r, "1", "RS256", rsaKey())
				} else {
					wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
				}
				if s := r.Stats(); s.Age != max(tt.slept, 0) || (s.Keys > 0) != tt.usable {
					t.Errorf("Stats = %+v; want an age of %v, and keys: %v", s, max(tt.slept, 0), tt.usable)
				}
				pass(10 * time.Second)
			})
		})
	}
}

// A snapshot is as old as the wall clock says when it is loaded, and ages from then on like fetched keys.
func TestCaseX11_SnapshotAges(t *testing.T) { //nolint:paralleltest // ShiftWall
	for name, tt := range map[string]struct {
		before, after time.Duration // shifts before and after the snapshot is loaded
		usable        bool
	}{
		"slept before":                 {25 * time.Hour, 0, false},
		"slept after":                  {0, 25 * time.Hour, false},
		"slept before and after":       {13 * time.Hour, 13 * time.Hour, false},
		"set back after":               {20 * time.Hour, -100 * time.Hour, true},
		"slept a little before, after": {time.Hour, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := snapshotOf(t, public("1", rsaKey()))
				var i issuer
				i.isDown()
				clock.ShiftWall(t, tt.before)
				r := i.remote(t, jwks.Config{Snapshot: m})
				_, _ = r.Keys(t.Context(), "1", "RS256")
				synctest.Wait()
				clock.ShiftWall(t, tt.after)
				if tt.usable {
					wantKey(t, r, "1", "RS256", rsaKey())
				} else {
					wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
				}
				pass(10 * time.Second)
			})
		})
	}
}

// The time in a snapshot is that of the fetch, on the clock that later judges it.
func TestCaseX11_SnapshotSaysWhenTheSetWasFetched(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		clock.ShiftWall(t, 72*time.Hour)
		want := clock.Now().Time()
		m := snapshotOf(t, public("1", rsaKey()))
		if got := m.data.FetchedAt; !got.Equal(want) {
			t.Errorf("FetchedAt = %v, want %v", got, want)
		}
	})
}

func TestCaseX11_FileIsCheckedAfterASleep(t *testing.T) { //nolint:paralleltest // ShiftWall
	path := snapshotFile(t, keySet(public("1", rsaKey())))
	synctest.Test(t, func(t *testing.T) {
		s, err := jwks.File(path, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Append(nil, keySet(public("2", otherRSA()))), 0o600); err != nil {
			t.Fatal(err)
		}
		wantKey(t, s, "1", "RS256", rsaKey()) // the file is checked once a second
		clock.ShiftWall(t, time.Hour)
		wantKey(t, s, "2", "RS256", otherRSA())
	})
}
