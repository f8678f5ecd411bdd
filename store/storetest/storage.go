package storetest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// Storage runs all tests of a store.Storage as parallel subtests of t. Each subtest calls open, which must return an empty
// store that no other subtest uses. open can call t.Cleanup to close the store. A store that passes may still lose data in a
// crash: the tests do not check durability.
func Storage(t *testing.T, open func(t *testing.T) store.Storage) {
	t.Helper()
	for name, test := range storageTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newStorageTest(t, open(t)))
		})
	}
}

// storageTests returns all tests, by the names of their subtests.
func storageTests() map[string]func(*storageTest) {
	return map[string]func(*storageTest){
		"Lookup returns what Save stored":               savedEntries,
		"missing entries":                               missingEntries,
		"Lookup of many keys":                           manyKeys,
		"an expired entry is missing":                   expiredEntries,
		"Save keeps the later times":                    mergedEntries,
		"Save replaces an expired entry":                replacedEntries,
		"Delete":                                        deletedEntries,
		"keys are compared byte by byte":                exactKeys,
		"extreme times":                                 extremeTimes,
		"results are copies":                            copiedEntries,
		"an ended context is not a missing entry":       endedLookups,
		"concurrent Saves lose nothing":                 concurrentSaves,
		"concurrent first Saves lose nothing":           concurrentFirstSaves,
		"Lookup returns a stored entry during Saves":    lookupsDuringSaves,
		"a Save of one key does not change other keys":  otherKeys,
		"a large number of entries evicts none of them": manyEntries,
	}
}

// storageTest is passed to each test. It has the store under test, and methods that call it and report unexpected results.
type storageTest struct {
	tester
	store store.Storage
	start time.Time
}

func newStorageTest(t tester, s store.Storage) *storageTest {
	return &storageTest{tester: t, store: s, start: time.Now().Truncate(time.Second)}
}

// soon returns the time that is some minutes after the start of the test, in full seconds, because a store may keep seconds
// only.
func (t *storageTest) soon(minutes int) time.Time {
	return t.start.Add(time.Duration(minutes) * time.Minute)
}

// save stores an entry. It stops the test if that fails, because the rest of the test needs it.
func (t *storageTest) save(key string, entry store.Entry) {
	t.Helper()
	if err := t.store.Save(t.Context(), key, entry); err != nil {
		t.Fatalf("Save(%q): %v", key, err)
	}
}

// remove deletes an entry.
func (t *storageTest) remove(key string) {
	t.Helper()
	if err := t.store.Delete(t.Context(), key); err != nil {
		t.Fatalf("Delete(%q): %v", key, err)
	}
}

// want checks what Lookup returns for keys.
func (t *storageTest) want(want map[string]store.Entry, keys ...string) {
	t.Helper()
	got, err := t.store.Lookup(t.Context(), keys...)
	if err != nil {
		t.Fatalf("Lookup(%q): %v", keys, err)
	}
	for key, entry := range want {
		if found, ok := got[key]; !ok || !sameEntry(found, entry) {
			t.Errorf("Lookup(%q): entry %q is %v, found %v, want %v", keys, key, found, ok, entry)
		}
	}
	if len(got) != len(want) {
		t.Errorf("Lookup(%q) returned %d entries, want %d: %v", keys, len(got), len(want), got)
	}
}

// wantEntry checks the entry of one key.
func (t *storageTest) wantEntry(key string, want store.Entry) {
	t.Helper()
	t.want(map[string]store.Entry{key: want}, key)
}

// sameEntry compares two entries. A store may round times up to the next second.
func sameEntry(got, want store.Entry) bool {
	return sameTime(got.Expires, want.Expires) && sameTime(got.Before, want.Before)
}

func sameTime(got, want time.Time) bool {
	if got.IsZero() || want.IsZero() {
		return got.IsZero() && want.IsZero()
	}
	late := got.Sub(want)
	return late >= 0 && late <= time.Second
}

func savedEntries(t *storageTest) {
	entries := map[string]store.Entry{
		"a": {Expires: t.soon(1)},
		"b": {Expires: t.soon(2), Before: t.soon(-1)},
		"c": {},
		"d": {Before: t.soon(3)},
	}
	for key, entry := range entries {
		t.save(key, entry)
	}
	t.want(entries, "a", "b", "c", "d")
	for key, entry := range entries {
		t.wantEntry(key, entry)
	}
}

func missingEntries(t *storageTest) {
	t.want(nil, "a")
	t.want(nil)
	t.save("a", store.Entry{})
	t.want(nil)
	t.want(nil, "b")
	t.want(map[string]store.Entry{"a": {}}, "b", "a", "c")
}

// manyKeys reads more keys than a store may have prepared a statement for, and some keys twice.
func manyKeys(t *storageTest) {
	want := make(map[string]store.Entry)
	var keys []string
	for i := range 150 {
		key := "key " + strconv.Itoa(i)
		keys = append(keys, key)
		if i%2 == 0 {
			want[key] = store.Entry{Expires: t.soon(i + 1)}
			t.save(key, want[key])
		}
	}
	t.want(want, keys...)
	t.want(want, append(keys, keys[:5]...)...)
	for n := range 20 {
		some := make(map[string]store.Entry)
		for _, key := range keys[:n] {
			if entry, ok := want[key]; ok {
				some[key] = entry
			}
		}
		t.want(some, keys[:n]...)
	}
}

func expiredEntries(t *storageTest) {
	t.save("past", store.Entry{Expires: t.soon(-1)})
	t.save("long past", store.Entry{Expires: time.Unix(1, 0)})
	t.save("with before", store.Entry{Expires: t.soon(-1), Before: t.soon(1)})
	t.save("valid", store.Entry{Expires: t.soon(1)})
	t.want(map[string]store.Entry{"valid": {Expires: t.soon(1)}}, "past", "long past", "with before", "valid")
}

func mergedEntries(t *storageTest) {
	for i, tt := range []struct{ first, second, want store.Entry }{
		{store.Entry{Expires: t.soon(1)}, store.Entry{Expires: t.soon(2)}, store.Entry{Expires: t.soon(2)}},
		{store.Entry{Expires: t.soon(2)}, store.Entry{Expires: t.soon(1)}, store.Entry{Expires: t.soon(2)}},
		{store.Entry{}, store.Entry{Expires: t.soon(1)}, store.Entry{}},
		{store.Entry{Expires: t.soon(1)}, store.Entry{}, store.Entry{}},
		{store.Entry{Expires: t.soon(2)}, store.Entry{Expires: t.soon(-1)}, store.Entry{Expires: t.soon(2)}},
		{
			store.Entry{Expires: t.soon(9), Before: t.soon(1)},
			store.Entry{Expires: t.soon(8), Before: t.soon(2)},
			store.Entry{Expires: t.soon(9), Before: t.soon(2)},
		},
		{
			store.Entry{Expires: t.soon(8), Before: t.soon(2)},
			store.Entry{Expires: t.soon(9), Before: t.soon(1)},
			store.Entry{Expires: t.soon(9), Before: t.soon(2)},
		},
		{store.Entry{Before: t.soon(2)}, store.Entry{}, store.Entry{Before: t.soon(2)}},
		{store.Entry{}, store.Entry{Before: t.soon(2)}, store.Entry{Before: t.soon(2)}},
	} {
		key := strconv.Itoa(i)
		t.save(key, tt.first)
		t.save(key, tt.second)
		t.wantEntry(key, tt.want)
	}
}

// replacedEntries saves over entries that have expired an hour ago. A store may treat an entry as valid a little longer,
// because the clocks of other processes may differ.
func replacedEntries(t *storageTest) {
	t.save("a", store.Entry{Expires: t.soon(-60), Before: t.soon(5)})
	t.save("a", store.Entry{Expires: t.soon(1), Before: t.soon(-70)})
	t.wantEntry("a", store.Entry{Expires: t.soon(1), Before: t.soon(-70)})
	t.save("b", store.Entry{Expires: t.soon(-60), Before: t.soon(5)})
	t.save("b", store.Entry{})
	t.wantEntry("b", store.Entry{})
}

func deletedEntries(t *storageTest) {
	t.remove("missing")
	t.save("a", store.Entry{Before: t.soon(5)})
	t.save("b", store.Entry{Expires: t.soon(5)})
	t.remove("a")
	t.want(map[string]store.Entry{"b": {Expires: t.soon(5)}}, "a", "b")
	t.remove("a")
	t.save("a", store.Entry{Expires: t.soon(1)})
	t.wantEntry("a", store.Entry{Expires: t.soon(1)})
}

// exactKeys checks that no two of these keys are the same, and that keys are not interpreted as SQL or as patterns.
func exactKeys(t *storageTest) {
	keys := []string{
		"a", "A", "á", "a ", "a\t", "aa", "a%", "%", "_", "*", "?", "$1", ":a", `\`, `'`, `"`, "{a}", "'; DROP TABLE entries; --",
		"deny:jti:x", "deny:sid:x", "access:x", "access:X", "🔑",
	}
	want := make(map[string]store.Entry)
	for i, key := range keys {
		t.want(nil, key)
		want[key] = store.Entry{Expires: t.soon(i + 1)}
		t.save(key, want[key])
	}
	t.want(want, keys...)
	for i, key := range keys {
		if i%2 == 0 {
			t.remove(key)
			delete(want, key)
		}
	}
	t.want(want, keys...)
}

// extremeTimes uses times that mean "forever", which must neither be an error nor become times in the past.
func extremeTimes(t *storageTest) {
	far := []time.Time{
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(294_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0),
	}
	for i, late := range far {
		key := "far " + strconv.Itoa(i)
		t.save(key, store.Entry{Expires: late, Before: t.soon(1)})
		t.save(key, store.Entry{Expires: t.soon(1), Before: time.Unix(-1<<40, 0)})
		got, err := t.store.Lookup(t.Context(), key)
		entry, ok := got[key]
		if err != nil || !ok || !entry.Expires.IsZero() && entry.Expires.Before(far[0]) || !sameTime(entry.Before, t.soon(1)) {
			t.Errorf("an entry that expires in %v: %v, found %v, %v", late.Year(), entry, ok, err)
		}
	}
	// A Before in the distant past denies no token. It must not become the zero time, which denies all.
	t.save("old", store.Entry{Before: time.Unix(-1<<40, 0)})
	if got, err := t.store.Lookup(t.Context(), "old"); err != nil || got["old"].Before.IsZero() || got["old"].Before.After(t.soon(0)) {
		t.Errorf("an entry with a Before in the distant past: %v, %v", got, err)
	}
	t.save("fraction", store.Entry{Expires: t.soon(1).Add(time.Nanosecond), Before: t.soon(-1).Add(999_999_999)})
	t.wantEntry("fraction", store.Entry{Expires: t.soon(1).Add(time.Nanosecond), Before: t.soon(-1).Add(999_999_999)})
}

func copiedEntries(t *storageTest) {
	t.save("a", store.Entry{Expires: t.soon(1)})
	got, err := t.store.Lookup(t.Context(), "a")
	if err != nil {
		t.Fatalf("Lookup: %v", err)
	}
	got["b"] = store.Entry{}
	delete(got, "a")
	t.want(map[string]store.Entry{"a": {Expires: t.soon(1)}}, "a", "b")
}

// endedLookups checks that a call whose context has ended either returns an error or does its work. It must not report that an
// entry is missing: a denied token would then be accepted.
func endedLookups(t *storageTest) {
	t.save("a", store.Entry{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := t.store.Lookup(ctx, "a"); err == nil && len(got) != 1 {
		t.Error("Lookup found nothing and returned no error")
	}
	if err := t.store.Save(ctx, "b", store.Entry{}); err == nil {
		t.wantEntry("b", store.Entry{})
	}
	if err := t.store.Delete(ctx, "a"); err == nil {
		t.want(nil, "a")
	}
}
