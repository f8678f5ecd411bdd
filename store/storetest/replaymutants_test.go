package storetest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// replayMutant is a ReplayStore with another Mark.
type replayMutant func(ctx context.Context, key, id string, from, until time.Time) (bool, error)

func (m replayMutant) Mark(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
	return m(ctx, key, id, from, until)
}

// otherIdentity returns a store that records another key and id.
func otherIdentity(change func(key, id string) (string, string)) func(ReplayStore) replayMutant {
	return func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			key, id = change(key, id)
			return good.Mark(ctx, key, id, from, until)
		}
	}
}

// records is a ReplayStore without limits. It calls between after it has read a record, and before it writes one.
type records struct {
	mu      sync.Mutex // guards used
	used    map[string]bool
	between func()
}

func (r *records) mark(_ context.Context, key, id string, _, _ time.Time) (bool, error) {
	r.mu.Lock()
	used := r.used[key+" "+id]
	r.mu.Unlock()
	r.between()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used[key+" "+id] = true
	return !used, nil
}

// replayBreaks are the requirements for a ReplayStore. Each is violated by itself, under the test that must fail.
var replayBreaks = []struct {
	test, promise string
	breaks        func(good ReplayStore) replayMutant
}{
	{"the second use is reported", "a use is recorded", func(ReplayStore) replayMutant {
		return func(context.Context, string, string, time.Time, time.Time) (bool, error) { return true, nil }
	}},
	{"the second use is reported", "the second use is not an error", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			return orFault(good.Mark(ctx, key, id, from, until))
		}
	}},
	{"the second use is reported", "the third use is reported too", func(good ReplayStore) replayMutant {
		used := false
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			first, err := good.Mark(ctx, key, id, from, until)
			again := !first && used
			used = !first
			return first || again, err
		}
	}},
	{"key and id identify a proof", "the key matters", otherIdentity(func(_, id string) (string, string) { return "", id })},
	{"key and id identify a proof", "the id matters", otherIdentity(func(key, _ string) (string, string) { return key, "" })},
	{"key and id identify a proof", "the texts are separate", otherIdentity(func(key, id string) (string, string) { return "", key + id })},
	{"key and id identify a proof", "a separator may occur in a text", otherIdentity(func(key, id string) (string, string) { return "", key + ":" + id })},
	{"key and id identify a proof", "case matters", otherIdentity(func(key, id string) (string, string) { return key, strings.ToLower(id) })},
	{"key and id identify a proof", "the case of the key matters", otherIdentity(func(key, id string) (string, string) { return strings.ToLower(key), id })},
	{"key and id identify a proof", "trailing spaces matter", otherIdentity(func(key, id string) (string, string) { return key, strings.TrimRight(id, " ") })},
	{"one of concurrent uses is the first", "Mark is atomic", func(ReplayStore) replayMutant {
		return (&records{used: make(map[string]bool), between: gap()}).mark
	}},
	{"concurrent uses of different proofs", "each is recorded", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			if strings.HasPrefix(id, "5 ") {
				return true, nil
			}
			return good.Mark(ctx, key, id, from, until)
		}
	}},
	{"concurrent uses of different proofs", "each is the first use", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			return good.Mark(ctx, key, strings.Replace(id, " 19", " 16", 1), from, until)
		}
	}},
	{"later proofs do not displace a record", "no record is evicted", func(good ReplayStore) replayMutant {
		var marks int
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			if marks++; marks > 400 {
				good, marks = store.NewReplays(0), 0
			}
			return good.Mark(ctx, key, id, from, until)
		}
	}},
	{"a proof that has ended is not used twice", "an expired record is not forgotten", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			if until.Before(time.Now()) {
				return true, nil
			}
			return good.Mark(ctx, key, id, from, until)
		}
	}},
	{"times do not identify a proof", "until is not a part of the record", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			return good.Mark(ctx, key, id+until.String(), from, until)
		}
	}},
	{"an ended context is neither first nor second", "it is an error", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			if ctx.Err() != nil {
				return false, nil
			}
			return good.Mark(ctx, key, id, from, until)
		}
	}},
	{"an ended context is neither first nor second", "an error has no result", func(ReplayStore) replayMutant {
		return func(ctx context.Context, _, _ string, _, _ time.Time) (bool, error) { return true, ctx.Err() }
	}},
	{"a call that failed does not allow a later one", "a first use is recorded", func(good ReplayStore) replayMutant {
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			if ctx.Err() != nil {
				return true, nil
			}
			return good.Mark(ctx, key, id, from, until)
		}
	}},
	{"a call that failed does not allow a later one", "a later call works", func(good ReplayStore) replayMutant {
		var failed error
		return func(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
			if failed == nil {
				failed = ctx.Err()
			}
			if failed != nil {
				return false, failed
			}
			return good.Mark(ctx, key, id, from, until)
		}
	}},
}

// For each requirement, a test fails for a store that violates it. All tests pass for a correct store.
func TestReplays_NoticesBrokenPromises(t *testing.T) {
	t.Parallel()
	tests, tested := replayTests(), make(map[string]bool)
	for _, tt := range replayBreaks {
		tested[tt.test] = true
		t.Run(tt.test+": "+tt.promise, func(t *testing.T) {
			t.Parallel()
			test := tests[tt.test]
			if test == nil {
				t.Fatal("no test has this name")
			}
			run := func(s ReplayStore) func(tester) {
				return func(r tester) {
					now := time.Now()
					test(&replayTest{tester: r, store: s, from: now.Add(time.Minute), until: now.Add(3 * time.Minute)})
				}
			}
			if !fails(t.Context(), run(tt.breaks(store.NewReplays(0)))) {
				t.Error("the test does not fail")
			}
			if fails(t.Context(), run(store.NewReplays(0))) {
				t.Error("a good store fails")
			}
		})
	}
	for name := range tests {
		if !tested[name] {
			t.Errorf("%q has never failed", name)
		}
	}
}

// A store of one process passes the tests.
func TestReplays_Memory(t *testing.T) {
	t.Parallel()
	Replays(t, func(*testing.T) ReplayStore { return store.NewReplays(0) })
}
