package sqlstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// The statistics of Watch show a change that another process has made, and the end of Watch.
func TestWatchStats_Changes(t *testing.T) {
	t.Parallel()
	here, there, _ := twoStores(t, sqlstore.SQLite, quickPolls)
	if got := there.WatchStats(); got != (store.WatchStats{}) {
		t.Errorf("before the call: %+v", got)
	}
	cache := new(tokenCache)
	cache.add(testToken{id: "denied"}, testToken{id: "other"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- there.Watch(ctx, cache) }()
	eventually(t, "the first poll", func() bool { return there.WatchStats().Purges.Started > 0 })
	if got := there.WatchStats(); got.Running != 1 || got.LastSuccess.IsZero() || got.Removed != 2 || got.Changes != 0 || got.LastError != nil {
		t.Errorf("after the first poll: %+v", got)
	}
	cache.add(testToken{id: "denied"}, testToken{id: "other"})
	if err := (store.DenyList{Storage: here}).DenyToken(t.Context(), issuer, "denied", time.Time{}); err != nil {
		t.Fatal(err)
	}
	denied := time.Now()
	eventually(t, "the change is counted", func() bool {
		s := there.WatchStats()
		return s.Changes == 1 && s.Removed >= 3
	})
	// Behind means that everything before now - Behind has taken effect.
	eventually(t, "the caches are not behind the change", func() bool { return there.WatchStats().Behind < time.Since(denied) })
	for _, id := range cache.ids() {
		if id == "denied" {
			t.Error("Behind is shorter than the time since the change, but the token is in the cache")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := there.WatchStats(); got.Running != 0 || got.Behind != 0 || got.Changes != 1 {
		t.Errorf("after the end: %+v", got)
	}
}

// Each purge is counted under its cause.
func TestWatchStats_Purges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statement string
		count     func(p store.Purges) uint64
	}{
		"removed before they were read": {`UPDATE bearerkit_state SET pruned = 1000000`, func(p store.Purges) uint64 { return p.Missed }},
		"the table was emptied":         {`DELETE FROM bearerkit_changes`, func(p store.Purges) uint64 { return p.Lost }},
		"a restored backup":             {`UPDATE bearerkit_changes SET created = created - 1`, func(p store.Purges) uint64 { return p.Lost }},
		"another epoch": {
			`UPDATE bearerkit_epoch SET epoch = x'6162636465666768696a6b6c6d6e6f70'`, func(p store.Purges) uint64 { return p.Interrupted },
		},
		"too many changes": {
			`INSERT INTO bearerkit_changes (id, entry_key, created) VALUES (50000, x'61', 1)`, func(p store.Purges) uint64 { return p.Flood },
		},
		"the table is missing": {`ALTER TABLE bearerkit_changes RENAME TO elsewhere`, func(p store.Purges) uint64 { return p.Silent }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := emptyStore(t, sqlstore.SQLite, quickPolls, func(c *sqlstore.Config) { c.MaxSilence = 100 * time.Millisecond })
			watch(t, s)
			if err := (store.DenyList{Storage: s}).DenyToken(t.Context(), issuer, "a", time.Time{}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the change is counted", func() bool { return s.WatchStats().Changes == 1 })
			if got := test.count(s.WatchStats().Purges); got != 0 {
				t.Fatalf("%d purges before", got)
			}
			do(t, db, test.statement)
			eventually(t, "the purge is counted", func() bool { return test.count(s.WatchStats().Purges) > 0 })
		})
	}
}

// While the changes cannot be read, failures are counted and Behind grows. Afterwards both are as before.
func TestWatchStats_Failures(t *testing.T) {
	t.Parallel()
	s, db := emptyStore(t, sqlstore.SQLite, quickPolls)
	watch(t, s)
	do(t, db, `ALTER TABLE bearerkit_changes RENAME TO elsewhere`)
	eventually(t, "failures are counted", func() bool { return s.WatchStats().ConsecutiveFailures > 2 })
	during := s.WatchStats()
	if during.Failures < 3 || !errors.Is(during.LastError, sqlstore.ErrSchema) {
		t.Errorf("during the failure: %+v", during)
	}
	eventually(t, "Behind grows", func() bool { return s.WatchStats().Behind > during.Behind })
	do(t, db, `ALTER TABLE elsewhere RENAME TO bearerkit_changes`)
	eventually(t, "the store is read again", func() bool { return s.WatchStats().ConsecutiveFailures == 0 })
	after := s.WatchStats()
	if after.LastError != nil || after.Failures < during.Failures || !after.LastSuccess.After(during.LastSuccess) {
		t.Errorf("after the failure: %+v", after)
	}
}

// The statistics of Run show removed rows, failed passes, and the end of Run.
func TestRunStats(t *testing.T) {
	t.Parallel()
	s, db := emptyStore(t, sqlstore.SQLite)
	if got := s.RunStats(); got != (store.RunStats{}) {
		t.Errorf("before the call: %+v", got)
	}
	insertMany(t, func(statement string) { do(t, db, statement) }, "bearerkit_entries (entry_key, expires, issued_before)", 300, func(i int) string {
		return values(bytesOf(sqlstore.SQLite, "k", i), 1+i, 0)
	})
	insertMany(t, func(statement string) { do(t, db, statement) }, "bearerkit_changes (entry_key, created)", 5, func(i int) string {
		return values(bytesOf(sqlstore.SQLite, "c", i), 1)
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(t, "a pass is complete", func() bool { return !s.RunStats().LastPass.IsZero() })
	if got := s.RunStats(); got.Running != 1 || got.Removed != 305 || got.Failures != 0 || got.LastError != nil {
		t.Errorf("after a pass: %+v", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := s.RunStats(); got.Running != 0 || got.Age != 0 || got.Removed != 305 || got.LastPass.IsZero() {
		t.Errorf("after the end: %+v", got)
	}
}

func TestRunStats_Failures(t *testing.T) {
	t.Parallel()
	s, db := emptyStore(t, sqlstore.SQLite)
	do(t, db, `DROP TABLE bearerkit_marks`)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(t, "a pass has failed", func() bool { return s.RunStats().Failures > 0 })
	got := s.RunStats()
	if got.ConsecutiveFailures != 1 || !got.LastPass.IsZero() || !errors.Is(got.LastError, sqlstore.ErrSchema) {
		t.Errorf("after a failed pass: %+v", got)
	}
	eventually(t, "the age grows", func() bool { return s.RunStats().Age > got.Age })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
