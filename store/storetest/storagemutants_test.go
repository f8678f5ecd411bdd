package storetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// storageMutant is a Storage in which some methods are replaced.
type storageMutant struct {
	store.Storage
	lookup func(ctx context.Context, keys ...string) (map[string]store.Entry, error)
	save   func(ctx context.Context, key string, entry store.Entry) error
	remove func(ctx context.Context, key string) error
}

func (m *storageMutant) Lookup(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
	if m.lookup != nil {
		return m.lookup(ctx, keys...)
	}
	return m.Storage.Lookup(ctx, keys...)
}

func (m *storageMutant) Save(ctx context.Context, key string, entry store.Entry) error {
	if m.save != nil {
		return m.save(ctx, key, entry)
	}
	return m.Storage.Save(ctx, key, entry)
}

func (m *storageMutant) Delete(ctx context.Context, key string) error {
	if m.remove != nil {
		return m.remove(ctx, key)
	}
	return m.Storage.Delete(ctx, key)
}

// changedSave returns a store whose Save changes the entry.
func changedSave(change func(*store.Entry)) func(*storageMutant, store.Storage) {
	return func(m *storageMutant, good store.Storage) {
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			change(&entry)
			return good.Save(ctx, key, entry)
		}
	}
}

// changedResult returns a store whose Lookup changes its result.
func changedResult(change func(found map[string]store.Entry, keys []string)) func(*storageMutant, store.Storage) {
	return func(m *storageMutant, good store.Storage) {
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			found, err := good.Lookup(ctx, keys...)
			copied := maps.Clone(found)
			if copied == nil {
				copied = make(map[string]store.Entry)
			}
			change(copied, keys)
			return copied, err
		}
	}
}

// changedKeys returns a store that stores and finds entries under other keys.
func changedKeys(change func(string) string) func(*storageMutant, store.Storage) {
	return func(m *storageMutant, good store.Storage) {
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			found := make(map[string]store.Entry)
			for _, key := range keys {
				got, err := good.Lookup(ctx, change(key))
				if err != nil {
					return nil, err
				}
				for _, entry := range got {
					found[key] = entry
				}
			}
			return found, nil
		}
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			return good.Save(ctx, change(key), entry)
		}
		m.remove = func(ctx context.Context, key string) error { return good.Delete(ctx, change(key)) }
	}
}

// simple is a Storage without any merging, whose write replaces the entry.
type simple struct {
	mu      sync.Mutex // guards entries
	entries map[string]store.Entry
}

func (s *simple) lookup(_ context.Context, keys ...string) (map[string]store.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string]store.Entry)
	for _, key := range keys {
		if entry, ok := s.entries[key]; ok && (entry.Expires.IsZero() || time.Now().Before(entry.Expires)) {
			found[key] = entry
		}
	}
	return found, nil
}

func (s *simple) set(key string, entry store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = make(map[string]store.Entry)
	}
	s.entries[key] = entry
}

func (s *simple) get(key string) (store.Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, ok := s.entries[key]
	return entry, ok
}

func (s *simple) remove(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, key)
	return nil
}

// merging returns a store whose Save reads the entry, calls between, and writes what merge returns.
func merging(merge func(held, saved store.Entry) store.Entry, between func()) func(*storageMutant, store.Storage) {
	return func(m *storageMutant, _ store.Storage) {
		s := new(simple)
		m.lookup, m.remove = s.lookup, s.remove
		m.save = func(_ context.Context, key string, entry store.Entry) error {
			held, ok := s.get(key)
			between()
			if ok {
				entry = merge(held, entry)
			}
			s.set(key, entry)
			return nil
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// goodMerge is what Save must do for entries that have not expired.
func goodMerge(held, saved store.Entry) store.Entry {
	merged := store.Entry{Before: later(held.Before, saved.Before)}
	if !held.Expires.IsZero() && !saved.Expires.IsZero() {
		merged.Expires = later(held.Expires, saved.Expires)
	}
	return merged
}

func nothing() {}

// barrier returns a function whose first n calls block until all n were made. Later calls do not block.
func barrier(n int32) func() {
	var calls atomic.Int32
	all := make(chan struct{})
	return func() {
		if calls.Add(1) == n {
			close(all)
		}
		<-all
	}
}

// storageBreaks are the requirements for a Storage. Each is violated by itself, under the test that must fail.
var storageBreaks = []struct {
	test, promise string
	breaks        func(m *storageMutant, good store.Storage)
}{
	{"Lookup returns what Save stored", "Expires is kept", changedSave(func(e *store.Entry) { e.Expires = e.Expires.Add(time.Hour) })},
	{"Lookup returns what Save stored", "no Expires is kept", changedSave(func(e *store.Entry) {
		if e.Expires.IsZero() {
			e.Expires = time.Now().Add(time.Hour)
		}
	})},
	{"Lookup returns what Save stored", "Before is kept", changedSave(func(e *store.Entry) { e.Before = time.Time{} })},
	{"Lookup returns what Save stored", "no Before is kept", changedSave(func(e *store.Entry) {
		if e.Before.IsZero() {
			e.Before = time.Unix(0, 0)
		}
	})},
	{"Lookup returns what Save stored", "times are not rounded down", changedSave(func(e *store.Entry) {
		if !e.Expires.IsZero() {
			e.Expires = e.Expires.Add(-time.Second)
		}
	})},
	{"missing entries", "only the given keys are returned", changedResult(func(found map[string]store.Entry, _ []string) {
		found["other"] = store.Entry{}
	})},
	{"missing entries", "a missing entry is not an error", func(m *storageMutant, good store.Storage) {
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			found, err := good.Lookup(ctx, keys...)
			if len(found) < len(keys) {
				err = errFault
			}
			return found, err
		}
	}},
	{"missing entries", "a missing entry does not hide the others", func(m *storageMutant, good store.Storage) {
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			found, err := good.Lookup(ctx, keys...)
			if len(found) < len(keys) {
				return nil, err
			}
			return found, err
		}
	}},
	{"Lookup of many keys", "no key is left out", changedResult(func(found map[string]store.Entry, keys []string) {
		if len(keys) > 100 {
			delete(found, keys[100])
		}
	})},
	{"Lookup of many keys", "the first of eleven keys is found", changedResult(func(found map[string]store.Entry, keys []string) {
		if len(keys) == 11 {
			delete(found, keys[0])
		}
	})},
	{"an expired entry is missing", "Expires is compared", changedSave(func(e *store.Entry) { e.Expires = time.Time{} })},
	{"an expired entry is missing", "Expires is compared in entries with Before", changedSave(func(e *store.Entry) {
		if !e.Before.IsZero() {
			e.Expires = time.Time{}
		}
	})},
	{"Save keeps the later times", "the later Expires is kept", merging(func(held, saved store.Entry) store.Entry {
		return store.Entry{Expires: saved.Expires, Before: goodMerge(held, saved).Before}
	}, nothing)},
	{"Save keeps the later times", "the later Before is kept", merging(func(held, saved store.Entry) store.Entry {
		return store.Entry{Expires: goodMerge(held, saved).Expires, Before: saved.Before}
	}, nothing)},
	{"Save keeps the later times", "Expires and Before are merged separately", merging(func(held, saved store.Entry) store.Entry {
		if held.Expires.After(saved.Expires) {
			return held
		}
		return saved
	}, nothing)},
	{"Save keeps the later times", "no Expires is later than all others", merging(func(held, saved store.Entry) store.Entry {
		return store.Entry{Expires: later(held.Expires, saved.Expires), Before: goodMerge(held, saved).Before}
	}, nothing)},
	{"Save keeps the later times", "the first entry is not final", merging(func(held, _ store.Entry) store.Entry { return held }, nothing)},
	{"Save replaces an expired entry", "the times of an expired entry are dropped", merging(goodMerge, nothing)},
	{"Delete", "Delete deletes", func(m *storageMutant, _ store.Storage) {
		m.remove = func(context.Context, string) error { return nil }
	}},
	{"Delete", "Delete deletes only one entry", func(m *storageMutant, good store.Storage) {
		m.remove = func(ctx context.Context, key string) error {
			return errors.Join(good.Delete(ctx, key), good.Delete(ctx, "b"))
		}
	}},
	{"Delete", "Delete of a missing entry is not an error", func(m *storageMutant, good store.Storage) {
		m.remove = func(ctx context.Context, key string) error {
			if found, err := good.Lookup(ctx, key); err != nil || len(found) == 0 {
				return errFault
			}
			return good.Delete(ctx, key)
		}
	}},
	{"Delete", "a deleted entry is not merged", func(m *storageMutant, good store.Storage) {
		deleted := make(map[string]store.Entry)
		m.remove = func(ctx context.Context, key string) error {
			found, err := good.Lookup(ctx, key)
			maps.Copy(deleted, found)
			return errors.Join(err, good.Delete(ctx, key))
		}
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			if held, ok := deleted[key]; ok {
				entry = goodMerge(held, entry)
			}
			return good.Save(ctx, key, entry)
		}
	}},
	{"keys are compared byte by byte", "case matters", changedKeys(strings.ToLower)},
	{"keys are compared byte by byte", "trailing spaces matter", changedKeys(func(key string) string { return strings.TrimRight(key, " ") })},
	{"keys are compared byte by byte", "accents matter", changedKeys(func(key string) string { return strings.ReplaceAll(key, "á", "a") })},
	{"keys are compared byte by byte", "prefixes matter", changedKeys(func(key string) string { return key[strings.LastIndex(key, ":")+1:] })},
	{"keys are compared byte by byte", "other letters matter", changedKeys(func(key string) string {
		return strings.Map(func(r rune) rune {
			if r > 127 {
				return '?'
			}
			return r
		}, key)
	})},
	{"extreme times", "a distant time is not in the past", changedSave(func(e *store.Entry) {
		if e.Expires.Year() > 9000 {
			e.Expires = time.Unix(0, e.Expires.UnixNano())
		}
	})},
	{"extreme times", "a distant time is not an error", func(m *storageMutant, good store.Storage) {
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			if entry.Expires.Year() > 9000 {
				return errFault
			}
			return good.Save(ctx, key, entry)
		}
	}},
	{"extreme times", "a distant Before is not the zero time", changedSave(func(e *store.Entry) {
		if e.Before.Before(time.Unix(0, 0)) {
			e.Before = time.Time{}
		}
	})},
	{"extreme times", "a fraction of a second is not cut off", changedSave(func(e *store.Entry) { e.Expires = e.Expires.Truncate(time.Second) })},
	{"results are copies", "a result is not shared", func(m *storageMutant, good store.Storage) {
		var shared map[string]store.Entry
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			var err error
			if shared == nil {
				shared, err = good.Lookup(ctx, keys...)
			}
			return shared, err
		}
	}},
	{"an ended context is not a missing entry", "Lookup reports it", func(m *storageMutant, good store.Storage) {
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			if ctx.Err() != nil {
				return nil, nil
			}
			return good.Lookup(ctx, keys...)
		}
	}},
	{"an ended context is not a missing entry", "Save reports it", func(m *storageMutant, good store.Storage) {
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			if ctx.Err() != nil {
				return nil
			}
			return good.Save(ctx, key, entry)
		}
	}},
	{"an ended context is not a missing entry", "Delete reports it", func(m *storageMutant, good store.Storage) {
		m.remove = func(ctx context.Context, key string) error {
			if ctx.Err() != nil {
				return nil
			}
			return good.Delete(ctx, key)
		}
	}},
	{"concurrent Saves lose nothing", "Save is atomic", func(m *storageMutant, good store.Storage) {
		var calls atomic.Int32
		meet := barrier(10)
		merging(goodMerge, func() {
			if calls.Add(1) > 1 { // the first Save has nobody to wait for
				meet()
			}
		})(m, good)
	}},
	{"concurrent first Saves lose nothing", "the first Save is atomic", func(m *storageMutant, good store.Storage) {
		merging(goodMerge, barrier(10))(m, good)
	}},
	{"Lookup returns a stored entry during Saves", "Save does not delete before it stores", func(m *storageMutant, _ store.Storage) {
		s := new(simple)
		m.remove = s.remove
		during := gap()
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			held, ok := s.get(key)
			if ok {
				_ = s.remove(ctx, key)
				during()
				entry = goodMerge(held, entry)
			}
			s.set(key, entry)
			return nil
		}
		m.lookup = func(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
			found, err := s.lookup(ctx, keys...)
			if len(found) == 0 {
				during()
			}
			return found, err
		}
	}},
	{"a Save of one key does not change other keys", "all keys are stored", func(m *storageMutant, good store.Storage) {
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			if key == "7" {
				key = "8"
			}
			return good.Save(ctx, key, entry)
		}
	}},
	{"a Save of one key does not change other keys", "Delete deletes no other key", func(m *storageMutant, good store.Storage) {
		m.remove = func(ctx context.Context, key string) error {
			return good.Delete(ctx, strings.TrimPrefix(key, "not "))
		}
	}},
	{"a large number of entries evicts none of them", "a full store does not evict", func(m *storageMutant, good store.Storage) {
		var mu sync.Mutex
		var keys []string
		m.save = func(ctx context.Context, key string, entry store.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
			if len(keys) > 200 {
				_ = good.Delete(ctx, keys[0])
				keys = keys[1:]
			}
			return good.Save(ctx, key, entry)
		}
	}},
}

// For each requirement, a test fails for a store that violates it. All tests pass for a correct store.
func TestStorage_NoticesBrokenPromises(t *testing.T) {
	t.Parallel()
	tests, tested := storageTests(), make(map[string]bool)
	for _, tt := range storageBreaks {
		tested[tt.test] = true
		t.Run(tt.test+": "+tt.promise, func(t *testing.T) {
			t.Parallel()
			test := tests[tt.test]
			if test == nil {
				t.Fatal("no test has this name")
			}
			good := store.NewMemory(1000)
			broken := &storageMutant{Storage: good}
			tt.breaks(broken, good)
			if !fails(t.Context(), func(r tester) { test(newStorageTest(r, broken)) }) {
				t.Error("the test does not fail")
			}
			if fails(t.Context(), func(r tester) { test(newStorageTest(r, store.NewMemory(1000))) }) {
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
func TestStorage_Memory(t *testing.T) {
	t.Parallel()
	Storage(t, func(*testing.T) store.Storage { return store.NewMemory(1000) })
}

// A store that is full returns an error and keeps its entries.
func TestStorage_FullMemory(t *testing.T) {
	t.Parallel()
	manyEntries(newStorageTest(t, store.NewMemory(250)))
}
