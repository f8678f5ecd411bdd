package storetest

import (
	"strconv"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/store"
)

// concurrentSaves saves the same key from ten callers. Whatever their order is, the latest times of all of them remain.
func concurrentSaves(t *storageTest) {
	t.save("a", store.Entry{Expires: t.soon(1), Before: t.soon(1)})
	t.saveConcurrently("a")
}

// concurrentFirstSaves does the same for keys that have no entry.
func concurrentFirstSaves(t *storageTest) {
	for i := range 5 {
		t.saveConcurrently(strconv.Itoa(i))
	}
}

// saveConcurrently saves entries with different times under key from ten callers. The latest times of all of them must remain.
func (t *storageTest) saveConcurrently(key string) {
	t.Helper()
	concurrently(10, func(i int) {
		entry := store.Entry{Expires: t.soon(10 + i), Before: t.soon(20 - i)}
		if err := t.store.Save(t.Context(), key, entry); err != nil {
			t.Errorf("Save: %v", err)
		}
	})
	t.wantEntry(key, store.Entry{Expires: t.soon(19), Before: t.soon(20)})
}

// lookupsDuringSaves reads an entry while it is saved again and again, until the last Save returns. The entry must never be missing,
// and its times must never decrease.
func lookupsDuringSaves(t *storageTest) {
	t.save("a", store.Entry{Expires: t.soon(1)})
	var saved atomic.Bool
	concurrently(4, func(i int) {
		if i == 0 {
			defer saved.Store(true)
			t.saveLater("a", 50)
			return
		}
		var last store.Entry
		for n := 0; n < 50 || !saved.Load(); n++ {
			got, err := t.store.Lookup(t.Context(), "b", "a")
			entry, ok := got["a"]
			if err != nil || !ok || entry.Expires.Before(last.Expires) || entry.Before.Before(last.Before) {
				t.Errorf("Lookup during Saves = %v, found %v, %v, want no times before %v", entry, ok, err, last)
				return
			}
			last = entry
		}
	})
}

// saveLater saves the entry of key n times, with later times in each call.
func (t *storageTest) saveLater(key string, n int) {
	t.Helper()
	for i := range n {
		if err := t.store.Save(t.Context(), key, store.Entry{Expires: t.soon(i + 2), Before: t.soon(i)}); err != nil {
			t.Errorf("Save: %v", err)
		}
	}
}

// otherKeys saves different keys at the same time, and deletes keys without an entry. No call may affect the entry of another key.
func otherKeys(t *storageTest) {
	want := make(map[string]store.Entry)
	var keys []string
	for i := range 20 {
		key := strconv.Itoa(i)
		keys = append(keys, key)
		want[key] = store.Entry{Expires: t.soon(i + 1)}
	}
	concurrently(len(keys), func(i int) {
		if err := t.store.Save(t.Context(), keys[i], want[keys[i]]); err != nil {
			t.Errorf("Save: %v", err)
		}
		if err := t.store.Delete(t.Context(), "not "+keys[i]); err != nil {
			t.Errorf("Delete: %v", err)
		}
	})
	t.want(want, keys...)
}

// manyEntries saves entries until there are 300, or until Save returns an error. All that were stored remain.
func manyEntries(t *storageTest) {
	for i := range 300 {
		if t.store.Save(t.Context(), strconv.Itoa(i), store.Entry{Expires: t.soon(60)}) != nil {
			break
		}
		if i%50 == 0 || i == 299 {
			t.wantEntry("0", store.Entry{Expires: t.soon(60)})
			t.wantEntry(strconv.Itoa(i), store.Entry{Expires: t.soon(60)})
		}
	}
}
