package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// lateFaults opens a SQLite database whose statements are executed, and then fail if fault returns an error for their text. So
// does a statement whose response is lost.
type lateFaults struct {
	driver driver.Driver
	name   string
	fault  atomic.Pointer[func(statement string) error]
}

// fail sets the function that decides which statements fail.
func (f *lateFaults) fail(fault func(statement string) error) { f.fault.Store(&fault) }

// Connect implements driver.Connector.
func (f *lateFaults) Connect(context.Context) (driver.Conn, error) {
	conn, err := f.driver.Open(f.name)
	return lateConn{conn, f}, err
}

// Driver implements driver.Connector.
func (f *lateFaults) Driver() driver.Driver { return f.driver }

// lateConn has no other methods than those of driver.Conn, so that database/sql prepares all statements.
type lateConn struct {
	driver.Conn

	faults *lateFaults
}

func (c lateConn) Prepare(text string) (driver.Stmt, error) {
	stmt, err := c.Conn.Prepare(text)
	return lateStmt{stmt, text, c.faults}, err
}

type lateStmt struct {
	driver.Stmt

	text   string
	faults *lateFaults
}

func (s lateStmt) after() error {
	if fault := s.faults.fault.Load(); fault != nil {
		return (*fault)(s.text)
	}
	return nil
}

func (s lateStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	return result, errors.Join(err, s.after())
}

func (s lateStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if fault := s.after(); fault != nil && err == nil {
		return nil, errors.Join(fault, rows.Close())
	}
	return rows, err
}

// lockWorld has the locks of two processes on one SQLite database. The statements of the first one can fail.
type lockWorld struct {
	one, two *sqlstore.Tokens
	faults   *lateFaults
	db       *sql.DB
	log      logged
}

func newLockWorld(t *testing.T) *lockWorld {
	t.Helper()
	w, path := new(lockWorld), newDSN(t, sqlstore.SQLite)
	w.db = open(t, sqlstore.SQLite, path)
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(1000)", "journal_mode(WAL)"}}
	w.faults = &lateFaults{driver: w.db.Driver(), name: "file:" + filepath.ToSlash(path) + "?" + options.Encode()}
	faulty := sql.OpenDB(w.faults)
	t.Cleanup(func() { _ = faulty.Close() })
	w.two = storeOf(t, w.db, sqlstore.SQLite).Tokens(keyring(t, "1"))
	w.one = storeOf(t, faulty, sqlstore.SQLite, w.log.logger).Tokens(keyring(t, "1"))
	return w
}

// row returns the only row of the locks.
func (w *lockWorld) row(t *testing.T) (expires int64) {
	t.Helper()
	if err := w.db.QueryRowContext(t.Context(), `SELECT expires FROM bearerkit_locks`).Scan(&expires); err != nil {
		t.Fatal(err)
	}
	return expires
}

// wantFree checks that nobody holds or waits for a lock, and that the other process gets it.
func (w *lockWorld) wantFree(t *testing.T) {
	t.Helper()
	if n := count(t, w.db, "bearerkit_locks"); n != 0 {
		t.Errorf("%d rows of locks, want 0", n)
	}
	for name, tokens := range map[string]*sqlstore.Tokens{"this process": w.one, "the other process": w.two} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		unlock, err := tokens.Lock(ctx, "a")
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unlock()
		if places, sightings := tokens.Waiting(); places != 0 || sightings != 0 {
			t.Errorf("%s keeps %d places and %d sightings", name, places, sightings)
		}
	}
	if n := count(t, w.db, "bearerkit_locks"); n != 0 {
		t.Errorf("%d rows of locks after unlock, want 0", n)
	}
}

// A statement that takes the lock may have been executed although it returned an error. The lock is then released at once, and not
// only after the lease, also if the context of the caller has ended.
func TestTokens_LockFails(t *testing.T) {
	t.Parallel()
	for name, cancels := range map[string]bool{"connection lost": false, "canceled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLockWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.faults.fail(func(statement string) error {
				if !strings.Contains(statement, "INSERT INTO bearerkit_locks") {
					return nil
				}
				if cancels {
					cancel()
				}
				return errors.New("the connection was lost")
			})
			if _, err := w.one.Lock(ctx, "a"); err == nil || !cancels && !errors.Is(err, sqlstore.ErrUnavailable) {
				t.Errorf("Lock: %v, want an error", err)
			}
			w.faults.fail(func(string) error { return nil })
			w.wantFree(t)
		})
	}
}

// A caller that does not wait any longer leaves nothing behind. If the row cannot be read, its holder may not be able to renew it
// either, so the time for which it did not change begins again.
func TestTokens_LockGivesUp(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	held, err := w.two.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	giveUp := func() (sightings int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := w.one.Lock(ctx, "a"); err == nil {
			t.Error("the lock was taken from its holder")
		}
		places, sightings := w.one.Waiting()
		if places != 0 {
			t.Errorf("%d places, want 0", places)
		}
		return sightings
	}
	eventually(t, "the row is read", func() bool { return giveUp() == 1 })
	w.faults.fail(func(statement string) error {
		if strings.Contains(statement, "FROM bearerkit_locks") {
			return errors.New("the connection was lost")
		}
		return nil
	})
	eventually(t, "the row cannot be read", func() bool { return giveUp() == 0 })
	w.faults.fail(func(string) error { return nil })
	eventually(t, "the row is read", func() bool { return giveUp() == 1 })
	held()
	w.wantFree(t) // the sighting is dropped when the row has gone
	held, err = w.one.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.one.Lock(canceled, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lock with a canceled context: %v", err)
	}
	held()
	w.wantFree(t)
}

// A holder that renews its lock after another process has read the row as that of a dead one keeps the lock.
func TestTokens_RenewedInTime(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	held, err := w.two.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer held()
	w.one.SetLease(time.Microsecond) // each row looks dead when it is read again
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var reads atomic.Int32
	w.faults.fail(func(statement string) error {
		if !strings.Contains(statement, "FROM bearerkit_locks") {
			return nil
		}
		switch n := reads.Add(1); {
		case n == 6:
			cancel()
		case n%2 == 0:
			_, err := w.db.ExecContext(t.Context(), `UPDATE bearerkit_locks SET expires = expires + 1`)
			return err
		}
		return nil
	})
	if unlock, err := w.one.Lock(ctx, "a"); err == nil {
		t.Error("the lock was taken from its holder")
		unlock()
	}
}

// A lock is renewed after an error, and after the context of Lock has ended. If another process has taken it, that is logged.
func TestTokens_Renew(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	w.one.SetLease(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	unlock, err := w.one.Lock(ctx, "a")
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	var faults atomic.Int32
	w.faults.fail(func(statement string) error {
		if strings.Contains(statement, "UPDATE bearerkit_locks SET expires") && faults.Add(1) <= 2 {
			return errors.New("the connection was lost")
		}
		return nil
	})
	eventually(t, "renewals fail", func() bool { return faults.Load() > 2 })
	before := w.row(t)
	eventually(t, "the lock is renewed", func() bool { return w.row(t) > before })
	if w.log.contains("another process") {
		t.Error("an error was logged as the loss of the lock")
	}
	do(t, w.db, `UPDATE bearerkit_locks SET holder = x'00'`)
	eventually(t, "the loss is logged", func() bool { return w.log.contains("another process has taken the lock of a token") })
	unlock()
	if n := count(t, w.db, "bearerkit_locks"); n != 1 {
		t.Errorf("%d rows: unlock has deleted the lock of another process", n)
	}
}
