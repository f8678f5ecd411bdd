package clock_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

func TestAge_FollowsTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := clock.Now()
		if age := i.Age(); age != 0 {
			t.Errorf("age = %v at once, want 0", age)
		}
		time.Sleep(90 * time.Minute)
		if age := i.Age(); age != 90*time.Minute {
			t.Errorf("age = %v, want 90m", age)
		}
		if age := i.AgeAt(i); age != 0 {
			t.Errorf("age at its own moment = %v, want 0", age)
		}
		if age := clock.Now().AgeAt(i); age != 0 {
			t.Errorf("age of a later moment = %v, want 0", age)
		}
	})
}

// Not parallel: the wall clock is shifted.
func TestCaseX11_AgeIsTheLargerOfBothClocks(t *testing.T) { //nolint:paralleltest // ShiftWall
	tests := map[string]struct {
		shift, want time.Duration
	}{
		"machine slept":          {72 * time.Hour, 72*time.Hour + time.Minute},
		"clock set forward":      {time.Second, time.Minute + time.Second},
		"no jump":                {0, time.Minute},
		"clock set back":         {-72 * time.Hour, time.Minute},
		"clock set back by less": {-30 * time.Second, time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := clock.Now()
				time.Sleep(time.Minute)
				clock.ShiftWall(t, tt.shift)
				if age := i.Age(); age != tt.want {
					t.Errorf("age = %v, want %v", age, tt.want)
				}
				if got := clock.Now().Time().Sub(i.Time()); got != time.Minute+tt.shift {
					t.Errorf("the wall clock has moved by %v, want %v", got, time.Minute+tt.shift)
				}
			})
		})
	}
}

// Not parallel: the wall clock is shifted.
func TestCaseX11_AgeDoesNotShrinkAfterTheJump(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		clock.ShiftWall(t, 24*time.Hour)
		i := clock.Now().Add(-time.Hour)
		clock.ShiftWall(t, -48*time.Hour)
		time.Sleep(time.Minute)
		if age := i.Age(); age != 61*time.Minute {
			t.Errorf("age = %v, want 61m", age)
		}
	})
}

func TestShiftWall_EndsWithTheTest(t *testing.T) { //nolint:paralleltest // ShiftWall
	i := clock.Now()
	t.Run("shifted", func(t *testing.T) {
		clock.ShiftWall(t, 1000*time.Hour)
		clock.ShiftWall(t, 1000*time.Hour)
		if age := i.Age(); age < 2000*time.Hour {
			t.Errorf("age = %v, want 2000h or more", age)
		}
	})
	if age := i.Age(); age >= 1000*time.Hour {
		t.Errorf("age = %v after the test, want less than 1000h", age)
	}
}

// recorder is a TB that is not shared with the testing package.
type recorder struct{ env, cleanups int }

func (r *recorder) Helper()               {}
func (r *recorder) Setenv(string, string) { r.env++ }
func (r *recorder) Cleanup(f func())      { r.cleanups++; f() }

// Setenv is what makes a parallel test panic.
func TestShiftWall_CallsSetenv(t *testing.T) { //nolint:paralleltest // ShiftWall
	var r recorder
	clock.ShiftWall(&r, time.Hour)
	if r.env != 1 || r.cleanups != 1 {
		t.Errorf("got %+v, want one call of each", r)
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := time.Now().Add(-time.Hour)
		i := clock.At(stored)
		if !i.Time().Equal(stored) {
			t.Errorf("Time() = %v, want %v", i.Time(), stored)
		}
		time.Sleep(time.Minute)
		if age := i.Age(); age != 61*time.Minute {
			t.Errorf("age = %v, want 61m", age)
		}
		if age := clock.At(time.Now().Add(time.Hour)).Age(); age != 0 {
			t.Errorf("age of a future moment = %v, want 0", age)
		}
		if age := clock.At(time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)).Age(); age < 100*365*24*time.Hour {
			t.Errorf("age of a moment millennia ago = %v, want 100 years or more", age)
		}
		if age := clock.At(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)).Age(); age != 0 {
			t.Errorf("age of a moment millennia ahead = %v, want 0", age)
		}
		if age := clock.At(time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)).AgeAt(clock.At(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))); age < 200*365*24*time.Hour {
			t.Errorf("age of the earliest moment at the latest = %v, want 200 years or more", age)
		}
		for _, d := range []time.Duration{math.MinInt64, math.MaxInt64} {
			i := clock.Now().Add(d).Add(d).Add(d)
			if age := i.Age(); (age > 100*365*24*time.Hour) != (d < 0) {
				t.Errorf("age after three times Add(%v) = %v", d, age)
			}
		}
	})
}

// Not parallel: the wall clock is shifted.
func TestCaseX11_StoredTimesFollowTheWallClock(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		i := clock.At(time.Now())
		clock.ShiftWall(t, time.Hour)
		if age := i.Age(); age != time.Hour {
			t.Errorf("age = %v, want 1h", age)
		}
	})
}

func TestZeroInstant(t *testing.T) {
	t.Parallel()
	for name, i := range map[string]clock.Instant{
		"zero value": {}, "zero time": clock.At(time.Time{}), "moved": clock.Instant{}.Add(time.Hour),
	} {
		if !i.IsZero() || !i.Time().IsZero() || i.Age() != math.MaxInt64 {
			t.Errorf("%s: IsZero %v, Time %v, Age %v", name, i.IsZero(), i.Time(), i.Age())
		}
	}
	if age := clock.Now().AgeAt(clock.Instant{}); age != math.MaxInt64 {
		t.Errorf("age at the zero Instant = %v, want the largest Duration", age)
	}
	if clock.Now().IsZero() {
		t.Error("Now returned the zero Instant")
	}
}

func BenchmarkAge(b *testing.B) {
	i := clock.Now()
	b.ReportAllocs()
	for b.Loop() {
		if i.Age() < 0 {
			b.Fatal("negative age")
		}
	}
}

func BenchmarkAgeAt(b *testing.B) {
	i, now := clock.Now(), clock.Now()
	b.ReportAllocs()
	for b.Loop() {
		if i.AgeAt(now) < 0 {
			b.Fatal("negative age")
		}
	}
}

func BenchmarkSince(b *testing.B) {
	i := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if time.Since(i) < 0 {
			b.Fatal("negative age")
		}
	}
}

func TestWallBefore(t *testing.T) { //nolint:paralleltest // the wall clock is shifted
	before := clock.Now()
	if clock.Now().WallBefore(before) {
		t.Error("a later moment must not be before an earlier one while the clock is not set")
	}
	clock.ShiftWall(t, -time.Hour)
	if !clock.Now().WallBefore(before) {
		t.Error("the clock was set back by an hour, and a later moment is not before an earlier one")
	}
}
