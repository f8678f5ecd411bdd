package sqlstore_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

var _ middleware.ReplayStore = (*sqlstore.Store)(nil)

// isForgotten reports whether err says that an earlier use may be forgotten.
func isForgotten(err error) bool {
	var f interface{ Forgotten() bool }
	return errors.As(err, &f) && f.Forgotten()
}

// backdate lets s accept proofs that were made up to a minute ago.
func backdate(t testing.TB, s *sqlstore.Store) {
	t.Helper()
	if err := s.Backdate(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// use calls Mark for a proof that was made a minute ago and is valid for another one.
func use(t testing.TB, s *sqlstore.Store, id string) (bool, error) {
	t.Helper()
	return s.Mark(t.Context(), "key", id, time.Now().Add(-time.Minute), time.Now().Add(time.Minute))
}

// wantUse checks the result of use.
func wantUse(t testing.TB, s *sqlstore.Store, id string, want bool) {
	t.Helper()
	if first, err := use(t, s, id); err != nil || first != want {
		t.Errorf("Mark(%q) = %v, %v, want %v", id, first, err, want)
	}
}

// wantForgotten checks that a proof that was made before now is rejected, and that one that is made later is accepted.
func wantForgotten(t testing.TB, s *sqlstore.Store, id string) {
	t.Helper()
	if first, err := use(t, s, id); first || !isForgotten(err) {
		t.Errorf("Mark of a proof that was made before = %v, %v, want an error with Forgotten", first, err)
	}
	later := time.Now().Add(time.Minute)
	if first, err := s.Mark(t.Context(), "key", id+" later", later, later.Add(time.Minute)); err != nil || !first {
		t.Errorf("Mark of a proof that is made later = %v, %v, want true", first, err)
	}
}

// A store cannot know which proofs were used before its database was created.
func TestMark_NewDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		one, two, _ := twoStores(t, dialect)
		if err := one.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantForgotten(t, one, "a")
		wantForgotten(t, two, "b")
		backdate(t, one)
		wantUse(t, one, "c", true)
		wantUse(t, one, "c", false)
	})
}

// Two processes share marks and epochs. A new process does not begin an epoch.
func TestMark_OtherProcess(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		one, two, _ := twoStores(t, dialect)
		backdate(t, one)
		wantUse(t, one, "a", true)
		wantUse(t, two, "a", false)
		wantUse(t, two, "b", true)
		wantUse(t, one, "b", false)
		if err := two.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantUse(t, one, "c", true)
	})
}

// If the database has lost marks, a proof that may have been used is rejected by all processes, and so are proofs of its time.
func TestMark_Lost(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"all marks":             {`DELETE FROM bearerkit_marks`},
		"the latest marks":      {`DELETE FROM bearerkit_marks WHERE expires < 9000000000000000000`},
		"the epoch":             {`DELETE FROM bearerkit_epoch`},
		"all rows":              {`DELETE FROM bearerkit_marks`, `DELETE FROM bearerkit_epoch`},
		"another server":        {`UPDATE bearerkit_epoch SET server = 'another'`},
		"a backup of the epoch": {`UPDATE bearerkit_epoch SET epoch = 'abcdefghijklmnop'`, `DELETE FROM bearerkit_marks`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
				one, two, db := twoStores(t, dialect)
				backdate(t, one)
				wantUse(t, one, "a", true)
				wantUse(t, two, "b", true)
				for _, statement := range statements {
					do(t, db, statementFor(dialect, statement))
				}
				for _, id := range []string{"a", "b"} {
					for _, s := range []*sqlstore.Store{two, one} {
						if first, err := use(t, s, id); first {
							t.Errorf("a proof that was used before: %v, %v", first, err)
						}
					}
				}
				wantForgotten(t, two, "c")
				wantForgotten(t, one, "d")
				if n := count(t, db, `bearerkit_epoch`); n != 1 {
					t.Errorf("%d epochs", n)
				}
				if n := count(t, db, `bearerkit_marks WHERE expires > 9000000000000000000`); n != 1 {
					t.Errorf("%d witnesses of epochs", n)
				}
			})
		})
	}
}

// A process that starts after the loss notices it too, unless the epoch was restored.
func TestMark_LostBeforeTheStart(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		one, two, db := twoStores(t, dialect)
		backdate(t, one)
		wantUse(t, one, "a", true)
		do(t, db, `DELETE FROM bearerkit_marks`)
		wantForgotten(t, two, "a")
	})
}

// After a restart of the server, and if its standby takes over, proofs that were made before are rejected.
func TestMark_RestartAndFailover(t *testing.T) {
	t.Parallel()
	requireServices(t)
	for _, kind := range []engine.Kind{engine.PostgreSQL, engine.MariaDB} {
		dialect := map[engine.Kind]sqlstore.Dialect{engine.PostgreSQL: sqlstore.PostgreSQL, engine.MariaDB: sqlstore.MariaDB}[kind]
		t.Run(string(kind)+" restart", func(t *testing.T) {
			t.Parallel()
			server := engine.Start(t, kind, engine.Options{Durable: true})
			s := storeOf(t, open(t, dialect, server.Database(t)), dialect)
			backdate(t, s)
			wantUse(t, s, "a", true)
			server.Restart(t)
			eventually(t, "the server is back", func() bool { return s.Check(t.Context()) == nil })
			if first, err := use(t, s, "b"); first || !isForgotten(err) {
				t.Errorf("a proof that was made before the restart: %v, %v", first, err)
			}
			if first, err := use(t, s, "a"); first {
				t.Errorf("a proof that was used before the restart: %v, %v", first, err)
			}
		})
		t.Run(string(kind)+" failover", func(t *testing.T) {
			t.Parallel()
			primary, standby := engine.Pair(t, kind, engine.Options{})
			proxy := engine.NewProxy(t, primary.Addr())
			dsn := primary.Database(t)
			s := storeOf(t, open(t, dialect, viaProxy(dsn, primary.Addr(), proxy.Addr())), dialect)
			backdate(t, s)
			wantUse(t, s, "a", true)
			primary.Kill()
			standby.Promote(t)
			proxy.Redirect(standby.Addr())
			eventually(t, "the standby has taken over", func() bool { return s.Check(t.Context()) == nil })
			if first, err := use(t, s, "b"); first || !isForgotten(err) {
				t.Errorf("a proof that was made before the failover: %v, %v", first, err)
			}
			if first, err := use(t, s, "a"); first {
				t.Errorf("a proof that was used before the failover: %v, %v", first, err)
			}
		})
	}
}

// A key cannot have many more marks than allowed. Other keys are not affected, and expired marks do not count.
func TestMark_KeyLimit(t *testing.T) {
	t.Parallel()
	const most = 300
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, db := emptyStore(t, dialect, func(c *sqlstore.Config) { c.MaxMarksPerKey = most })
		backdate(t, s)
		accepted := 0
		var last error
		for i := range 1000 {
			first, err := use(t, s, strconv.Itoa(i))
			if last = err; err != nil {
				break
			}
			if first {
				accepted++
			}
		}
		if !errors.Is(last, sqlstore.ErrFull) || accepted < most || accepted > most+256 {
			t.Errorf("%d proofs were accepted, want %d to %d; then: %v", accepted, most, most+256, last)
		}
		if first, err := s.Mark(t.Context(), "other", "0", time.Now(), time.Now().Add(time.Minute)); err != nil || !first {
			t.Errorf("another key: %v, %v", first, err)
		}
		do(t, db, `UPDATE bearerkit_marks SET expires = 1 WHERE expires < 9000000000000000000`)
		eventually(t, "the key is counted again", func() bool {
			first, err := use(t, s, "later")
			return err == nil && first
		})
	})
}

// Without a limit, a key may have any number of marks.
func TestMark_NoKeyLimit(t *testing.T) {
	t.Parallel()
	s, _ := emptyStore(t, sqlstore.SQLite, func(c *sqlstore.Config) { c.MaxMarksPerKey = -1 })
	backdate(t, s)
	for i := range 600 {
		wantUse(t, s, strconv.Itoa(i), true)
	}
}

func TestMark_ClocksDiffer(t *testing.T) { //nolint:paralleltest // it shifts the clock of the process
	for name, tt := range map[string]struct {
		shift time.Duration
		want  error
	}{
		"ahead": {time.Minute, sqlstore.ErrClock}, "behind": {-time.Minute, sqlstore.ErrClock}, "within ClockSkew": {5 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dialect := range dialects() {
				t.Run(dialect.String(), func(t *testing.T) {
					s, db := emptyStore(t, dialect)
					backdate(t, s)
					clock.ShiftWall(t, tt.shift)
					if first, err := use(t, s, "a"); !errors.Is(err, tt.want) || first != (tt.want == nil) {
						t.Errorf("Mark = %v, %v, want %v", first, err, tt.want)
					}
					do(t, db, `DELETE FROM bearerkit_entries`)
					if err := s.RemoveExpired(t.Context()); !errors.Is(err, tt.want) {
						t.Errorf("Run: %v, want %v", err, tt.want)
					}
				})
			}
		})
	}
}

// A proof that was made up to the clock skew after an epoch began may have been used before it: the clock of the process that
// accepted it may have been ahead.
func TestMark_ClockSkewAfterEpoch(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, db := emptyStore(t, dialect, func(c *sqlstore.Config) { c.ClockSkew = time.Minute })
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		var begins int64
		if err := db.QueryRowContext(t.Context(), `SELECT begins FROM bearerkit_epoch`).Scan(&begins); err != nil {
			t.Fatal(err)
		}
		for after, first := range map[time.Duration]bool{
			-time.Hour: false, 0: false, time.Second: false, time.Minute - time.Microsecond: false, time.Minute: true, time.Hour: true,
		} {
			from := time.UnixMicro(begins).Add(after)
			got, err := s.Mark(t.Context(), "key", after.String(), from, from.Add(2*time.Hour))
			if got != first || isForgotten(err) == first || (err != nil) == first {
				t.Errorf("a proof made %v after the epoch: %t, %v, want %t", after, got, err, first)
			}
		}
	})
}
