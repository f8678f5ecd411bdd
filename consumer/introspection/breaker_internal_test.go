package introspection

import (
	"testing"
	"time"
)

// opened returns a breaker whose pause ends at the time until.
func opened(now time.Time) (b *breaker, until time.Time) {
	b = new(breaker)
	for range maxFailures {
		b.record(false, outcome{failed: true}, now)
	}
	return b, b.pausedUntil()
}

// After a pause, requests that were already waiting for a place do not test the server too.
func TestBreakerAdmitsOneTest(t *testing.T) {
	t.Parallel()
	b, until := opened(time.Now())
	if test, ok := b.admit(until); !test || !ok {
		t.Fatalf("after the pause: admit = %v, %v", test, ok)
	}
	for range 3 {
		if test, ok := b.admit(until); test || ok {
			t.Errorf("during the test: admit = %v, %v", test, ok)
		}
	}
	b.record(true, outcome{}, until)
	if test, ok := b.admit(until); test || !ok {
		t.Errorf("after a good test: admit = %v, %v", test, ok)
	}
}

// A request that was sent before a pause neither ends the pause nor begins another one.
func TestBreakerIgnoresOldResults(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		late outcome
		want time.Duration // by which the pause becomes longer
	}{
		"a success":             {outcome{}, 0},
		"a failure":             {outcome{failed: true}, 0},
		"a short Retry-After":   {outcome{failed: true, retryAfter: time.Nanosecond}, 0},
		"a longer Retry-After":  {outcome{failed: true, retryAfter: time.Minute}, time.Minute},
		"a success with a wait": {outcome{retryAfter: time.Minute}, 0},
	} {
		b, until := opened(now)
		for range maxFailures {
			if pause := b.record(false, c.late, now); pause != 0 {
				t.Errorf("%s: a pause of %v begins", name, pause)
			}
		}
		want := until
		if c.want > 0 {
			want = now.Add(c.want)
		}
		if got := b.pausedUntil(); !got.Equal(want) {
			t.Errorf("%s: the pause ends %v after its beginning, want %v", name, got.Sub(now), want.Sub(now))
		}
	}
}
