package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// insertMany inserts rows in one statement for each thousand. row returns the values of row i.
func insertMany(t *testing.T, exec func(statement string), into string, n int, row func(i int) string) {
	t.Helper()
	for start := 0; start < n; start += 1000 {
		var rows []string
		for i := start; i < min(start+1000, n); i++ {
			rows = append(rows, row(i))
		}
		exec("INSERT INTO " + into + " VALUES " + strings.Join(rows, ", "))
	}
}

// Run removes what has expired long enough ago, also if many rows have the same expiry, and nothing else.
func TestRun_RemovesExpiredRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, db := emptyStore(t, dialect, func(c *sqlstore.Config) { c.ClockSkew = time.Minute }) // a slow machine needs some seconds
		backdate(t, s)
		exec := func(statement string) { do(t, db, statement) }
		ago := func(d time.Duration) int64 { return time.Now().Add(-d).UnixMicro() }
		insertMany(t, exec, "bearerkit_entries (entry_key, expires, issued_before)", 3000, func(i int) string {
			return values(bytesOf(dialect, "same", i), ago(time.Hour), 0)
		})
		insertMany(t, exec, "bearerkit_entries (entry_key, expires, issued_before)", 1500, func(i int) string {
			return values(bytesOf(dialect, "each", i), ago(time.Hour)-int64(i), 0)
		})
		insertMany(t, exec, "bearerkit_marks (owner, mark, expires)", 1500, func(i int) string {
			return values(bytesOf(dialect, "o", 1), bytesOf(dialect, "m", i), ago(time.Hour)-int64(i))
		})
		insertMany(t, exec, "bearerkit_locks (lock_key, holder, expires)", 2, func(i int) string {
			return values(bytesOf(dialect, "l", i), bytesOf(dialect, "h", i), ago(time.Duration(i)*25*time.Hour+time.Hour))
		})
		insertMany(t, exec, "bearerkit_changes (entry_key, created)", 1500, func(i int) string {
			return values(bytesOf(dialect, "c", i), ago(2*time.Hour))
		})
		for key, entry := range map[string]store.Entry{
			"just expired": {Expires: time.Now().Add(-10 * time.Second)}, "valid": {Expires: time.Now().Add(time.Hour)}, "forever": {},
		} {
			if err := s.Save(t.Context(), key, entry); err != nil {
				t.Fatal(err)
			}
		}
		wantUse(t, s, "a", true)
		for range 2 {
			if err := s.RemoveExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
			for table, want := range map[string]int{
				"bearerkit_entries": 3, "bearerkit_marks": 2, "bearerkit_locks": 1, "bearerkit_changes": 3,
				"bearerkit_state WHERE pruned >= 1500": 1, // auto-increment of MariaDB may leave gaps
			} {
				if got := count(t, db, table); got != want {
					t.Errorf("%s: %d rows remain, want %d", table, got, want)
				}
			}
		}
		wantUse(t, s, "a", false)
		wantUse(t, s, "b", true)
	})
}

// If the clocks of the database and of the process differ, rows are removed by the one that is behind.
func TestRun_EarlierClock(t *testing.T) { //nolint:paralleltest // it shifts the clock of the process
	const skew = time.Minute
	for name, shift := range map[string]time.Duration{"ahead": 50 * time.Second, "behind": -50 * time.Second} {
		t.Run(name, func(t *testing.T) {
			s, db := emptyStore(t, sqlstore.SQLite, func(c *sqlstore.Config) { c.ClockSkew = skew })
			ended := time.Now().Add(min(shift, 0) - 2*skew)
			for i, after := range []time.Duration{-time.Second, 25 * time.Second} {
				insertMany(t, func(statement string) { do(t, db, statement) }, "bearerkit_entries (entry_key, expires, issued_before)", 1, func(int) string {
					return values(bytesOf(sqlstore.SQLite, "k", i), ended.Add(after).UnixMicro(), 0)
				})
			}
			clock.ShiftWall(t, shift)
			if err := s.RemoveExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "bearerkit_entries"); n != 1 {
				t.Errorf("%d entries remain, want 1: the other one may be valid on the earlier clock", n)
			}
		})
	}
}

// In SQLite, Run copies its changes into the database file, so that the commits of other writers need not do that.
func TestRun_CopiesTheLog(t *testing.T) {
	t.Parallel()
	path := newDSN(t, sqlstore.SQLite)
	db := open(t, sqlstore.SQLite, path)
	db.SetMaxOpenConns(1) // the setting below belongs to a connection
	s := storeOf(t, db, sqlstore.SQLite)
	insertMany(t, func(statement string) { do(t, db, statement) }, "bearerkit_entries (entry_key, expires, issued_before)", 1000, func(i int) string {
		return values(bytesOf(sqlstore.SQLite, "k", i), 1+i, 0)
	})
	do(t, db, `PRAGMA wal_checkpoint(TRUNCATE)`)
	do(t, db, `PRAGMA wal_autocheckpoint = 0`)
	if err := s.RemoveExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path) // without the log
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "kit.db")
	if err := os.WriteFile(alone, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := count(t, open(t, sqlstore.SQLite, alone), "bearerkit_entries"); n != 0 {
		t.Errorf("%d of 1000 removed rows are still in the database file", n)
	}
}

// A watcher that has read the changes does not drop everything when Run removes them.
func TestRun_ChangesThatWereRead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		here, there, db := twoStores(t, dialect, quickPolls)
		cache := watch(t, there)
		deny := store.DenyList{Storage: here}
		cache.add(testToken{id: "a"}, testToken{id: "b"}, testToken{id: "other"})
		for _, id := range []string{"a", "b"} {
			if err := deny.DenyToken(t.Context(), issuer, id, time.Time{}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the change is noticed", func() bool {
				for _, left := range cache.ids() {
					if left == id {
						return false
					}
				}
				return true
			})
			do(t, db, `UPDATE bearerkit_changes SET created = 1`)
			if err := here.RemoveExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "bearerkit_changes"); n != 0 {
				t.Errorf("%d changes remain", n)
			}
		}
		if got := cache.ids(); len(got) != 1 && cache.drops() == 1 {
			t.Errorf("the cache has %q, want only the other token", got)
		}
	})
}

// Run ends when its context ends, and logs errors.
func TestRun_Ends(t *testing.T) {
	t.Parallel()
	var log logged
	s, db := emptyStore(t, sqlstore.SQLite, log.logger)
	do(t, db, `DROP TABLE bearerkit_marks`)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	eventually(t, "the error is logged", func() bool { return log.contains("call Store.Migrate") })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
