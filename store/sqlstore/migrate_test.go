package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// Processes that migrate at the same time wait for each other. Migrate does nothing if the tables exist.
func TestMigrate_Concurrent(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		dsn := newDSN(t, dialect)
		var all sync.WaitGroup
		for range 6 {
			s := connect(t, dialect, dsn)
			all.Go(func() {
				for range 2 {
					if err := s.Migrate(t.Context()); err != nil {
						t.Errorf("Migrate: %v (%v)", err, causes(err))
					}
				}
			})
		}
		all.Wait()
		db := open(t, dialect, dsn)
		if n := count(t, db, "bearerkit_schema"); n != sqlstore.SchemaVersion+1 { // goose adds a row for version 0
			t.Errorf("%d rows of versions, want %d", n, sqlstore.SchemaVersion+1)
		}
		if n := count(t, db, "bearerkit_state WHERE min_version = 1"); n != 1 {
			t.Errorf("%d rows of the state, want 1", n)
		}
	})
}

// Migrate returns when its context ends while another process holds the lock.
func TestMigrate_Canceled(t *testing.T) {
	t.Parallel()
	lock := map[sqlstore.Dialect]string{
		sqlstore.SQLite: `BEGIN IMMEDIATE`, sqlstore.PostgreSQL: `SELECT pg_advisory_lock(1351428584)`,
		sqlstore.MariaDB: `SELECT GET_LOCK(CONCAT('bearerkit:', MD5(DATABASE())), 1)`,
	}
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		dsn := newDSN(t, dialect)
		holder, err := open(t, dialect, dsn).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = holder.Close() }()
		if _, err := holder.ExecContext(t.Context(), lock[dialect]); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := connect(t, dialect, dsn).Migrate(ctx); !errors.Is(err, sqlstore.ErrUnavailable) {
			t.Errorf("Migrate: %v, want ErrUnavailable", err)
		}
	})
}

// A migration that was interrupted in MariaDB, which has no transactions for it, is completed.
func TestMigrate_Interrupted(t *testing.T) {
	t.Parallel()
	dsn := newDSN(t, sqlstore.MariaDB)
	text, err := os.ReadFile("migrations/mariadb/0001_tables.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, sqlstore.MariaDB, dsn)
	_, up, _ := strings.Cut(string(text), "-- +goose Up")
	for _, statement := range strings.SplitAfter(up, ";")[:4] {
		do(t, db, statement)
	}
	s := connect(t, sqlstore.MariaDB, dsn)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	wantCheck(t, s)
}

// wantCheck checks that the tables have the expected version. The shared servers do not sync to disk, which is another error.
func wantCheck(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	if err := s.Check(t.Context()); errors.Is(err, sqlstore.ErrSchema) {
		t.Errorf("Check: %v", err)
	}
}

// Without tables and with older ones, all methods return errors that say what to do.
func TestSchema_OtherVersions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		dsn := newDSN(t, dialect)
		s := connect(t, dialect, dsn)
		_, lookup := s.Lookup(t.Context(), "a")
		_, mark := use(t, s, "a")
		for method, err := range map[string]error{
			"Check": s.Check(t.Context()), "Lookup": lookup, "Save": s.Save(t.Context(), "a", store.Entry{}), "Delete": s.Delete(t.Context(), "a"),
			"Mark": mark,
		} {
			if !errors.Is(err, sqlstore.ErrSchema) || !strings.Contains(err.Error(), "call Store.Migrate") {
				t.Errorf("%s without tables: %v", method, err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		db := open(t, dialect, dsn)
		do(t, db, `DELETE FROM bearerkit_schema WHERE version_id = (SELECT v FROM (SELECT MAX(version_id) AS v FROM bearerkit_schema) AS newest)`)
		if err := s.Check(t.Context()); !errors.Is(err, sqlstore.ErrSchema) || !strings.Contains(err.Error(), "call Store.Migrate") {
			t.Errorf("Check with older tables: %v", err)
		}
		do(t, db, `DELETE FROM bearerkit_state`)
		if err := s.Check(t.Context()); !errors.Is(err, sqlstore.ErrSchema) {
			t.Errorf("Check without the row of the state: %v", err)
		}
	})
}

// A program uses newer tables if they allow its version, and Migrate does not change them. The last row is a migration of
// MariaDB that was interrupted: it has excluded older programs, but its version is not stored yet.
func TestSchema_NewerTables(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, db := emptyStore(t, dialect)
		for _, test := range []struct {
			name            string
			version, lowest int
			usable          bool
		}{
			{"same version", sqlstore.SchemaVersion, sqlstore.SchemaVersion, true},
			{"one newer, for all programs", sqlstore.SchemaVersion + 1, 1, true},
			{"much newer, for this program", 999, sqlstore.SchemaVersion, true},
			{"newer, for the next program", 999, sqlstore.SchemaVersion + 1, false},
			{"newer, for the newest program", 999, 999, false},
			{"same version, for the next program", sqlstore.SchemaVersion, sqlstore.SchemaVersion + 1, false},
		} {
			t.Run(test.name, func(t *testing.T) { // not parallel: they change the same rows
				do(t, db, `DELETE FROM bearerkit_schema WHERE version_id > `+strconv.Itoa(sqlstore.SchemaVersion))
				if test.version > sqlstore.SchemaVersion {
					do(t, db, `INSERT INTO bearerkit_schema (version_id, is_applied) VALUES `+values(test.version, true))
				}
				do(t, db, `UPDATE bearerkit_state SET min_version = `+strconv.Itoa(test.lowest))
				versions := count(t, db, "bearerkit_schema")
				for method, err := range map[string]error{"Migrate": s.Migrate(t.Context()), "Check": s.Check(t.Context())} {
					rejected := errors.Is(err, sqlstore.ErrSchema) && strings.Contains(err.Error(), "update this program")
					if test.usable && err != nil || !test.usable && !rejected {
						t.Errorf("%s: %v, want usable %v", method, err, test.usable)
					}
				}
				if got := count(t, db, "bearerkit_schema"); got != versions {
					t.Errorf("%d rows of versions after Migrate, want %d", got, versions)
				}
				if got := count(t, db, "bearerkit_state WHERE min_version = "+strconv.Itoa(test.lowest)); got != 1 {
					t.Error("Migrate has changed min_version")
				}
			})
		}
	})
}

// causes returns the errors that err wraps, which its text does not contain.
func causes(err error) []error {
	if wrapped, ok := err.(interface{ Unwrap() []error }); ok {
		return wrapped.Unwrap()
	}
	return nil
}
