package storetest

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// ReplayStore has the method of middleware.ReplayStore, which describes it. It is declared here so that a store and its tests
// do not have to import package middleware.
type ReplayStore interface {
	Mark(ctx context.Context, key, id string, from, until time.Time) (first bool, err error)
}

// Replays runs all tests of a middleware.ReplayStore as parallel subtests of t. Each subtest calls open, which must return a
// store without records that no other subtest uses. open can call t.Cleanup to close the store. The store must have room for
// 1000 records of one key.
//
// A store that has just been created may reject proofs that were made before (see middleware.ReplayStore). So the proofs of the
// tests begin one minute after the current time.
func Replays(t *testing.T, open func(t *testing.T) ReplayStore) {
	t.Helper()
	for name, test := range replayTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&replayTest{tester: t, store: open(t), from: time.Now().Add(time.Minute), until: time.Now().Add(3 * time.Minute)})
		})
	}
}

// replayTests returns all tests, by the names of their subtests.
func replayTests() map[string]func(*replayTest) {
	return map[string]func(*replayTest){
		"the second use is reported":                    secondUse,
		"key and id identify a proof":                   identity,
		"one of concurrent uses is the first":           concurrentUses,
		"concurrent uses of different proofs":           differentProofs,
		"later proofs do not displace a record":         displaced,
		"a proof that has ended is not used twice":      endedProofs,
		"times do not identify a proof":                 otherTimes,
		"an ended context is neither first nor second":  endedMark,
		"a call that failed does not allow a later one": failedMark,
	}
}

// replayTest is passed to each test. It has the store under test, and methods that call it and report unexpected results.
type replayTest struct {
	tester
	store       ReplayStore
	from, until time.Time
}

// mark calls Mark and checks its result.
func (t *replayTest) mark(key, id string, want bool) {
	t.Helper()
	if first, err := t.store.Mark(t.Context(), key, id, t.from, t.until); err != nil || first != want {
		t.Errorf("Mark(%q, %q) = %v, %v, want %v", key, id, first, err, want)
	}
}

func secondUse(t *replayTest) {
	t.mark("key", "id", true)
	t.mark("key", "id", false)
	t.mark("key", "id", false)
}

// identity checks that no two of these pairs are the same.
func identity(t *replayTest) {
	pairs := [][2]string{
		{"key", "id"},
		{"key", "ID"},
		{"KEY", "id"},
		{"key", "id2"},
		{"key2", "id"},
		{"keyi", "d"},
		{"ke", "yid"},
		{"id", "key"},
		{"key", "id "},
		{"key ", "id"},
		{"key:", "id"},
		{"key", ":id"},
		{"key", "id_"},
		{"key", "id-"},
	}
	for _, pair := range pairs {
		t.mark(pair[0], pair[1], true)
	}
	for _, pair := range pairs {
		t.mark(pair[0], pair[1], false)
	}
}

// concurrentUses uses the same proof ten times at once. Exactly one call may be the first.
func concurrentUses(t *replayTest) {
	for i := range 5 {
		var firsts atomic.Int32
		concurrently(10, func(int) {
			first, err := t.store.Mark(t.Context(), "key", strconv.Itoa(i), t.from, t.until)
			if err != nil {
				t.Errorf("Mark: %v", err)
			}
			if first {
				firsts.Add(1)
			}
		})
		if firsts.Load() != 1 {
			t.Errorf("%d concurrent uses of one proof were the first, want 1", firsts.Load())
		}
	}
}

// differentProofs uses many proofs of a few keys at once.
func differentProofs(t *replayTest) {
	concurrently(10, func(i int) {
		for n := range 20 {
			t.mark("key "+strconv.Itoa(n%3), strconv.Itoa(i)+" "+strconv.Itoa(n), true)
		}
	})
	for n := range 20 {
		t.mark("key "+strconv.Itoa(n%3), "5 "+strconv.Itoa(n), false)
	}
}

func displaced(t *replayTest) {
	t.mark("key", "id", true)
	for n := range 500 {
		t.mark("key", strconv.Itoa(n), true)
	}
	t.mark("key", "id", false)
	t.mark("key", "0", false)
}

// endedProofs uses proofs that have ended according to the clock of this process, as after a jump of the clock. A store may
// remove such records. It must then return an error for them.
func endedProofs(t *replayTest) {
	for _, age := range []time.Duration{time.Nanosecond, time.Second, time.Hour} {
		until := time.Now().Add(-age)
		firsts := 0
		for range 3 {
			if first, err := t.store.Mark(t.Context(), "key", age.String(), until.Add(-time.Minute), until); first && err == nil {
				firsts++
			}
		}
		if firsts > 1 {
			t.Errorf("a proof that ended %v ago was the first %d times", age, firsts)
		}
	}
}

func otherTimes(t *replayTest) {
	t.mark("key", "id", true)
	for _, later := range []time.Duration{time.Second, time.Minute} {
		first, err := t.store.Mark(t.Context(), "key", "id", t.from.Add(later), t.until.Add(later))
		if first || err != nil {
			t.Errorf("the same proof with times %v later: %v, %v, want false", later, first, err)
		}
	}
}

// endedMark calls Mark with a context that has ended. It may do its work, or return an error. It must not report that a new
// proof was used before: the response would be 401 instead of 503.
func endedMark(t *replayTest) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	first, err := t.store.Mark(ctx, "key", "id", t.from, t.until)
	if err == nil && !first {
		t.Error("Mark returned false for a new proof, and no error")
	}
	if err != nil && first {
		t.Error("Mark returned true and an error")
	}
}

// failedMark uses a proof again after a call whose context has ended. If the first call was the first, the second is not.
func failedMark(t *replayTest) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before, err := t.store.Mark(ctx, "key", "id", t.from, t.until)
	after, err2 := t.store.Mark(t.Context(), "key", "id", t.from, t.until)
	if err == nil && before && after {
		t.Error("two calls were the first")
	}
	if err2 != nil {
		t.Errorf("Mark after a call whose context has ended: %v", err2)
	}
	t.mark("key", "id", false)
}
