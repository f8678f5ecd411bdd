package replay_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/replay"
)

// life is how long a proof in these tests is valid before and after it is made.
const life = time.Minute

// mark records a proof that was made now.
func mark(t *testing.T, m *replay.Memory, key, id string) (bool, error) {
	t.Helper()
	return markMadeAt(t, m, key, id, clock.Now().Time())
}

// markMadeAt records a proof that was made at the given time.
func markMadeAt(t *testing.T, m *replay.Memory, key, id string, made time.Time) (bool, error) {
	t.Helper()
	first, err := m.Mark(t.Context(), key, id, made.Add(-life), made.Add(life))
	if first && err != nil {
		t.Errorf("Mark(%s, %s) = true with the error %v", key, id, err)
	}
	return first, err
}

func isForgotten(err error) bool {
	var e interface{ Forgotten() bool }
	return errors.As(err, &e) && e.Forgotten()
}

func TestCaseG7_EachProofIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	m := replay.New(100)
	tests := []struct {
		name, key, id string
		want          bool
	}{
		{"a new proof", "k1", "a", true},
		{"the same again", "k1", "a", false},
		{"another id", "k1", "b", true},
		{"the same id of another key", "k2", "a", true},
		{"its replay", "k2", "a", false},
		{"the border between key and id moved", "k", "1a", true},
		{"the border moved over the end", "k1a", "", true},
		{"the first again", "k1", "a", false},
	}
	for _, tt := range tests {
		if first, err := mark(t, m, tt.key, tt.id); first != tt.want || err != nil {
			t.Errorf("%s: Mark = %v, %v, want %v", tt.name, first, err, tt.want)
		}
	}
}

func TestCaseG7_OneOfManyConcurrentUsesIsTheFirst(t *testing.T) {
	t.Parallel()
	m := replay.New(100)
	var firsts atomic.Int32
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if first, err := mark(t, m, "k", "a"); err == nil && first {
				firsts.Add(1)
			}
		})
	}
	all.Wait()
	if firsts.Load() != 1 {
		t.Errorf("%d uses were the first, want 1", firsts.Load())
	}
}

// A full Memory rejects new proofs, still recognizes replays, and accepts new proofs when marks have expired.
func TestCaseG7_FullMemoryFailsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 5
		m := replay.New(size)
		for i := range size {
			if first, err := mark(t, m, fmt.Sprint("k", i), "a"); !first || err != nil {
				t.Fatalf("mark %d: %v, %v", i, first, err)
			}
		}
		for i := range 2 * size {
			if _, err := mark(t, m, fmt.Sprint("x", i), "a"); !errors.Is(err, replay.ErrFull) {
				t.Errorf("new proof %d: error %v, want ErrFull", i, err)
			}
			if first, err := mark(t, m, fmt.Sprint("k", i%size), "a"); first || err != nil {
				t.Errorf("replay %d: %v, %v, want false", i, first, err)
			}
		}
		if m.Len() != size {
			t.Errorf("Len = %d, want %d", m.Len(), size)
		}
		time.Sleep(life + time.Microsecond)
		for i := range size {
			if first, err := mark(t, m, fmt.Sprint("x", i), "a"); !first || err != nil {
				t.Errorf("new proof %d after the others have expired: %v, %v", i, first, err)
			}
		}
		if m.Len() != size {
			t.Errorf("Len = %d, want %d", m.Len(), size)
		}
	})
}

func TestCaseG7_OneKeyDoesNotFillTheMemory(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ size, want int }{
		"default":      {0, 10_000},
		"100 000":      {100_000, 10_000},
		"small":        {5000, 1000},
		"large":        {200_000, 20_000},
		"smaller size": {10, 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := replay.New(tt.size)
			for i := range tt.want {
				if first, err := mark(t, m, "k", fmt.Sprint(i)); !first || err != nil {
					t.Fatalf("mark %d: %v, %v", i, first, err)
				}
			}
			if _, err := mark(t, m, "k", "more"); !errors.Is(err, replay.ErrKeyFull) && !errors.Is(err, replay.ErrFull) {
				t.Errorf("mark %d of one key: error %v, want ErrKeyFull or ErrFull", tt.want, err)
			}
			if tt.size > 10 {
				if first, err := mark(t, m, "other", "a"); !first || err != nil {
					t.Errorf("another key: %v, %v", first, err)
				}
			}
		})
	}
}

// A service that sends requests all the time with one key does not reach the limit of its key.
func TestCaseG7_RequestsPerSecondOfOneKey(t *testing.T) {
	t.Parallel()
	const recorded = 70 * time.Second // with the default Window
	for perSecond, accepted := range map[int]bool{16: true, 100: true, 140: true, 150: false} {
		synctest.Test(t, func(t *testing.T) {
			m, full := replay.New(0), false
			for i := range 180 * perSecond {
				now := time.Now()
				_, err := m.Mark(t.Context(), "k", fmt.Sprint(i), now.Add(-time.Minute), now.Add(recorded))
				full = full || err != nil
				time.Sleep(time.Second / time.Duration(perSecond))
			}
			if full == accepted {
				t.Errorf("%d requests per second: full %v, want %v", perSecond, full, !accepted)
			}
		})
	}
}

// One call removes at most 64 marks, however many have expired.
func TestCaseG7_OneCallRemovesFewMarks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := replay.New(1000)
		for i := range 500 {
			_, _ = mark(t, m, fmt.Sprint(i), "a")
		}
		time.Sleep(2 * life)
		_, _ = mark(t, m, "k", "a")
		if m.Len() != 500-64+1 {
			t.Errorf("Len = %d after one call, want %d", m.Len(), 500-64+1)
		}
		for i := range 20 {
			_, _ = mark(t, m, "k", fmt.Sprint(i))
		}
		if m.Len() != 21 {
			t.Errorf("Len = %d, want the 21 marks that have not expired", m.Len())
		}
	})
}

// Marks are removed in the order in which their proofs end, not in the order in which they were recorded.
func TestCaseG7_MarksOfDifferentLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := replay.New(1000)
		now := time.Now()
		until := func(i int) time.Time { return now.Add(time.Duration(1+(i*37)%100) * time.Second) }
		for i := range 100 {
			if first, err := m.Mark(t.Context(), "k", fmt.Sprint(i), now, until(i)); !first || err != nil {
				t.Fatal(first, err)
			}
		}
		for range 101 {
			for i := range 100 {
				if !until(i).After(time.Now()) {
					continue
				}
				if first, err := m.Mark(t.Context(), "k", fmt.Sprint(i), now, until(i)); first || err != nil {
					t.Fatalf("replay of %d after %v: %v, %v", i, time.Since(now), first, err)
				}
			}
			time.Sleep(time.Second)
		}
		_, _ = mark(t, m, "k", "x")
		_, _ = mark(t, m, "k", "x")
		if m.Len() != 1 {
			t.Errorf("Len = %d, want 1", m.Len())
		}
	})
}

// Whatever the wall clock does, a proof is accepted at most once while the clock shows a time at which it is valid.
func TestCaseX11_G7_ClockJumps(t *testing.T) { //nolint:paralleltest // ShiftWall
	tests := map[string][]time.Duration{
		"forward over the end, and back":       {2 * time.Minute, -2 * time.Minute},
		"back":                                 {-30 * time.Second},
		"forward by an hour, and back":         {time.Hour, -time.Hour},
		"forward, back, forward, back":         {time.Hour, -2 * time.Hour, time.Hour + time.Minute, -time.Minute},
		"slowly forward, back to before it":    {59 * time.Second, 2 * time.Second, -90 * time.Second},
		"back over the start, and forward":     {-time.Hour, time.Hour},
		"forward by a day, and back by a week": {24 * time.Hour, -7 * 24 * time.Hour},
	}
	for name, shifts := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := replay.New(10)
				made := clock.Now().Time()
				if first, err := markMadeAt(t, m, "k", "a", made); !first || err != nil {
					t.Fatal(first, err)
				}
				for i, shift := range shifts {
					time.Sleep(10 * time.Second)
					clock.ShiftWall(t, shift)
					_, _ = mark(t, m, "k", fmt.Sprint("other", i)) // removes what has expired
					now := clock.Now().Time()
					if now.Before(made.Add(-life)) || now.After(made.Add(life)) {
						continue // the Guard does not call Mark
					}
					if first, err := markMadeAt(t, m, "k", "a", made); first || (err != nil && !isForgotten(err)) {
						t.Errorf("jump %d: the replay is accepted: %v, %v", i, first, err)
					}
				}
			})
		})
	}
}

// A clock that is set back by less than the life of a proof does not interrupt the service.
func TestCaseX11_G7_SmallStepBack(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		m := replay.New(1000)
		for i := range 300 {
			time.Sleep(time.Second)
			_, _ = mark(t, m, "k", fmt.Sprint(i))
		}
		clock.ShiftWall(t, -life+time.Second)
		if first, err := mark(t, m, "k", "new"); !first || err != nil {
			t.Errorf("a new proof after a step back of %v: %v, %v", life-time.Second, first, err)
		}
	})
}

func TestCaseG7_StartAt(t *testing.T) {
	t.Parallel()
	start := time.Now()
	m := replay.New(10)
	if first, err := m.Mark(t.Context(), "k", "before StartAt", start.Add(-life), start.Add(life)); !first || err != nil {
		t.Errorf("without StartAt: %v, %v, want true", first, err)
	}
	m.StartAt(start)
	tests := []struct {
		name      string
		from      time.Duration // after start
		forgotten bool
	}{
		{"made before the start", -life, true},
		{"a nonce of just before the start", -time.Microsecond, true},
		{"a nonce of the start", 0, false},
		{"a later nonce", time.Second, false},
	}
	for _, tt := range tests {
		first, err := m.Mark(t.Context(), "k", tt.name, start.Add(tt.from), start.Add(life))
		if first == tt.forgotten || isForgotten(err) != tt.forgotten {
			t.Errorf("%s: Mark = %v, %v, want forgotten: %v", tt.name, first, err, tt.forgotten)
		}
	}
}

// FuzzMemory checks that no times cause a panic, or make Memory accept a proof twice.
func FuzzMemory(f *testing.F) {
	f.Add("k", "a", int64(0), int64(60))
	f.Add("", "", int64(-1<<62), int64(1<<62))
	f.Add("k", "a", int64(60), int64(-60))
	f.Fuzz(func(t *testing.T, key, id string, from, until int64) {
		m := replay.New(2)
		times := [2]time.Time{time.Unix(from, 0), time.Unix(until, 0)}
		if first, err := m.Mark(context.Background(), key, id, times[0], times[1]); !first || err != nil {
			return // an entry that ended long ago may already be removed
		}
		if first, _ := m.Mark(context.Background(), key, id, times[0], times[1]); first {
			t.Error("the same proof was accepted twice")
		}
	})
}

func BenchmarkMark(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		m, now, n := replay.New(100_000), time.Now(), 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			id := string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
			_, _ = m.Mark(b.Context(), id, id, now, now.Add(time.Duration(n)*time.Microsecond))
		}
	})
	b.Run("full", func(b *testing.B) {
		m, now := replay.New(1), time.Now()
		_, _ = m.Mark(b.Context(), "k", "a", now, now.Add(time.Hour))
		b.ReportAllocs()
		for b.Loop() {
			_, _ = m.Mark(b.Context(), "k", "b", now, now.Add(time.Hour))
		}
	})
}
