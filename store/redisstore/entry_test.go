package redisstore_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// save stores an entry that expires in an hour.
func save(t testing.TB, s *redisstore.Store, key string) error {
	t.Helper()
	return s.Save(t.Context(), key, store.Entry{Expires: time.Now().Add(time.Hour)})
}

func TestStorage(t *testing.T) {
	t.Parallel()
	testStorage(t, newStore(t, newServer(t).client(t)))
}

// testStorage checks the requirements of store.Storage.
func testStorage(t *testing.T, s store.Storage) {
	t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	soon, later, past := now.Add(time.Hour), now.Add(2*time.Hour), now.Add(-time.Hour)
	type entries []store.Entry
	tests := map[string]struct {
		saved entries
		want  *store.Entry
	}{
		"missing":                     {nil, nil},
		"expires":                     {entries{{Expires: soon}}, &store.Entry{Expires: soon}},
		"never expires":               {entries{{}}, &store.Entry{}},
		"later Expires second":        {entries{{Expires: soon}, {Expires: later}}, &store.Entry{Expires: later}},
		"later Expires first":         {entries{{Expires: later}, {Expires: soon}}, &store.Entry{Expires: later}},
		"never expires second":        {entries{{Expires: soon}, {}}, &store.Entry{}},
		"never expires first":         {entries{{}, {Expires: soon}}, &store.Entry{}},
		"Before":                      {entries{{Expires: soon, Before: past}}, &store.Entry{Expires: soon, Before: past}},
		"later Before second":         {entries{{Expires: later, Before: past}, {Expires: soon, Before: now}}, &store.Entry{Expires: later, Before: now}},
		"later Before first":          {entries{{Expires: soon, Before: now}, {Expires: later, Before: past}}, &store.Entry{Expires: later, Before: now}},
		"Before and none":             {entries{{Expires: soon, Before: now}, {Expires: soon}}, &store.Entry{Expires: soon, Before: now}},
		"none and Before":             {entries{{Expires: soon}, {Expires: soon, Before: now}}, &store.Entry{Expires: soon, Before: now}},
		"Before 1970":                 {entries{{Before: time.UnixMilli(-5000)}}, &store.Entry{Before: time.UnixMilli(-5000)}},
		"1970":                        {entries{{Before: time.UnixMilli(0)}}, &store.Entry{Before: time.UnixMilli(0)}},
		"expired":                     {entries{{Expires: past}}, nil},
		"expired, then saved again":   {entries{{Expires: past, Before: later}, {Expires: soon}}, &store.Entry{Expires: soon}},
		"rounded up to a millisecond": {entries{{Expires: soon.Add(1)}}, &store.Entry{Expires: soon.Add(time.Millisecond)}},
		"at the end of the year 9999": {entries{{Expires: time.Unix(253402300799, 0)}}, &store.Entry{Expires: time.Unix(253402300799, 0)}},
		"an overflow of UnixMilli":    {entries{{Expires: time.Unix(1<<55, 0)}}, &store.Entry{Expires: time.Unix(253402300799, 0)}},
		"the latest time":             {entries{{Expires: time.Unix(1<<63-62135596801, 999999999)}}, &store.Entry{Expires: time.Unix(253402300799, 0)}},
		"before the year 1":           {entries{{Before: time.Unix(-1<<55, 0)}}, &store.Entry{Before: time.Unix(-62135596799, 0)}},
		"later than the year 9999":    {entries{{Expires: time.Unix(1<<40, 0)}}, &store.Entry{Expires: time.Unix(253402300799, 0)}},
	}
	for name, tt := range tests {
		for _, entry := range tt.saved {
			if err := s.Save(t.Context(), name, entry); err != nil {
				t.Errorf("%s: Save: %v", name, err)
			}
		}
		want := map[string]store.Entry{}
		if tt.want != nil {
			want[name] = *tt.want
		}
		got, err := s.Lookup(t.Context(), name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v\n%s", name, err, diff)
		}
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("%s: Delete: %v", name, err)
		}
		if got, err := s.Lookup(t.Context(), name); len(got) != 0 || err != nil {
			t.Errorf("%s: after Delete: %v, %v", name, got, err)
		}
	}
	testLookup(t, s)
}

// testLookup reads several entries at once.
func testLookup(t *testing.T, s store.Storage) {
	t.Helper()
	entry := store.Entry{Expires: time.Now().Add(time.Hour).Truncate(time.Millisecond)}
	want := map[string]store.Entry{}
	keys := []string{"no such key"}
	for i := range 20 {
		key := "several" + strconv.Itoa(i)
		keys = append(keys, key, "missing"+strconv.Itoa(i))
		want[key] = entry
		if err := s.Save(t.Context(), key, entry); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Lookup(t.Context(), keys...)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
	if got, err := s.Lookup(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("without keys: %v, %v", got, err)
	}
}

// Concurrent calls of Save lose nothing.
func TestStorage_ConcurrentSaves(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	now := time.Now().Truncate(time.Millisecond)
	var all sync.WaitGroup
	for i := range 50 {
		s := newStore(t, client)
		all.Go(func() {
			entry := store.Entry{Expires: now.Add(time.Duration(1+i) * time.Hour), Before: now.Add(time.Duration(50-i) * time.Hour)}
			if err := s.Save(t.Context(), "a", entry); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := newStore(t, client).Lookup(t.Context(), "a")
	want := map[string]store.Entry{"a": {Expires: now.Add(50 * time.Hour), Before: now.Add(50 * time.Hour)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
}

// Redis deletes what has expired, a little after its time.
func TestStorage_EntriesExpireInRedis(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client)
	if err := save(t, s, "ends"); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), "stays", store.Entry{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range client.Keys(t.Context(), "*entry:*").Val() {
		left := client.PTTL(t.Context(), name).Val()
		if name[len(name)-4:] == "ends" && (left <= time.Hour-time.Minute || left > time.Hour+21*time.Second) || name[len(name)-5:] == "stays" && left != -1 {
			t.Errorf("%s has %v left", name, left)
		}
	}
}
