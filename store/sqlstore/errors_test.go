package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// classes are the exported errors.
func classes() []error {
	return []error{sqlstore.ErrUnavailable, sqlstore.ErrFull, sqlstore.ErrReadOnly, sqlstore.ErrSchema, sqlstore.ErrClock}
}

// wantClass checks that err matches want and no other class. want is nil if there is none.
func wantClass(t *testing.T, err, want error) {
	t.Helper()
	for _, class := range classes() {
		if errors.Is(err, class) != errors.Is(want, class) {
			t.Errorf("%v: matches %v: %v", err, class, errors.Is(err, class))
		}
	}
}

// resultError is an error of a driver for SQLite.
type resultError struct {
	code int
	text string
}

func (r resultError) Code() int     { return r.code }
func (r resultError) Error() string { return r.text }

const secret = "a-secret-value"

func TestErrors_Classes(t *testing.T) {
	t.Parallel()
	s, _ := emptyStore(t, sqlstore.SQLite)
	state := func(code string) error { return &pgconn.PgError{Code: code, Message: secret, Detail: secret} }
	number := func(n uint16, text string) error { return &mysql.MySQLError{Number: n, Message: text + secret} }
	result := func(code int) error { return resultError{code, "no such " + secret} }
	for name, tt := range map[string]struct {
		err  error
		want error
		text string
	}{
		"PostgreSQL: disk full":           {state("53100"), sqlstore.ErrFull, "SQLSTATE 53100"},
		"PostgreSQL: read-only":           {state("25006"), sqlstore.ErrReadOnly, "Config.DB"},
		"PostgreSQL: starting up":         {state("57P03"), sqlstore.ErrUnavailable, "Config.DB"},
		"PostgreSQL: shutting down":       {state("57P01"), sqlstore.ErrUnavailable, ""},
		"PostgreSQL: too many clients":    {state("53300"), sqlstore.ErrUnavailable, ""},
		"PostgreSQL: connection failure":  {state("08006"), sqlstore.ErrUnavailable, ""},
		"PostgreSQL: statement timeout":   {state("57014"), sqlstore.ErrUnavailable, ""},
		"PostgreSQL: lock timeout":        {state("55P03"), sqlstore.ErrUnavailable, ""},
		"PostgreSQL: no table":            {state("42P01"), sqlstore.ErrSchema, "Store.Migrate"},
		"PostgreSQL: permission denied":   {state("42501"), nil, "SQLSTATE 42501"},
		"PostgreSQL: unknown statement":   {state("26000"), nil, "pool mode"},
		"PostgreSQL: duplicate statement": {state("42P05"), nil, "pool mode"},
		"PostgreSQL: in a connect error":  {fmt.Errorf("failed to connect to host=%s: %w", secret, state("57P03")), sqlstore.ErrUnavailable, ""},
		"MariaDB: disk full":              {number(1021, ""), sqlstore.ErrFull, "error 1021"},
		"MariaDB: table full":             {number(1114, ""), sqlstore.ErrFull, ""},
		"MariaDB: no space on device":     {number(1030, `Got error 28 "No space left on device"`), sqlstore.ErrFull, ""},
		"MariaDB: other engine error":     {number(1030, `Got error 5 "Input/output error"`), sqlstore.ErrUnavailable, ""},
		"MariaDB: --read-only":            {number(1290, ""), sqlstore.ErrReadOnly, ""},
		"MariaDB: read-only mode":         {number(1836, ""), sqlstore.ErrReadOnly, ""},
		"MariaDB: too many connections":   {number(1040, ""), sqlstore.ErrUnavailable, ""},
		"MariaDB: lock wait timeout":      {number(1205, ""), sqlstore.ErrUnavailable, ""},
		"MariaDB: shutdown":               {number(1053, ""), sqlstore.ErrUnavailable, ""},
		"MariaDB: no table":               {number(1146, ""), sqlstore.ErrSchema, "Store.Migrate"},
		"MariaDB: permission denied":      {number(1142, ""), nil, "error 1142"},
		"SQLite: full":                    {result(13), sqlstore.ErrFull, "result code 13"},
		"SQLite: read-only":               {result(8), sqlstore.ErrReadOnly, ""},
		"SQLite: read-only directory":     {result(8 | 6<<8), sqlstore.ErrReadOnly, ""},
		"SQLite: I/O error":               {result(10 | 4<<8), sqlstore.ErrUnavailable, ""},
		"SQLite: cannot open":             {result(14), sqlstore.ErrUnavailable, ""},
		"SQLite: interrupted":             {result(9), sqlstore.ErrUnavailable, ""},
		"SQLite: damaged":                 {result(11), sqlstore.ErrUnavailable, ""},
		"SQLite: no table":                {resultError{1, "no such table: " + secret}, sqlstore.ErrSchema, "Store.Migrate"},
		"SQLite: a constraint":            {result(19), nil, ""},
		"network":                         {&net.OpError{Op: "dial", Err: errors.New(secret)}, sqlstore.ErrUnavailable, ""},
		"connection lost":                 {driver.ErrBadConn, sqlstore.ErrUnavailable, ""},
		"connection lost in MariaDB":      {mysql.ErrInvalidConn, sqlstore.ErrUnavailable, ""},
		"end of file":                     {io.ErrUnexpectedEOF, sqlstore.ErrUnavailable, ""},
		"deadline":                        {context.DeadlineExceeded, sqlstore.ErrUnavailable, "Config.Timeout"},
		"an unknown error of the driver":  {errors.New(secret), sqlstore.ErrUnavailable, ""},
		"an error that says nothing more": {fmt.Errorf("%s: %w", secret, os.ErrClosed), sqlstore.ErrUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := s.Failed(t.Context(), tt.err)
			wantClass(t, err, tt.want)
			if text := err.Error(); strings.Contains(text, secret) || !strings.HasPrefix(text, "sqlstore: Lookup: ") || !strings.Contains(text, tt.text) {
				t.Errorf("text %q, want %q and no values", text, tt.text)
			}
			if !errors.Is(err, tt.err) {
				t.Error("the error of the driver is not in the chain")
			}
		})
	}
	if err := s.Failed(t.Context(), nil); err != nil {
		t.Errorf("no error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Failed(ctx, context.Canceled); !errors.Is(err, context.Canceled) || errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("a canceled caller: %v", err)
	}
}

// writes calls the methods that write.
func writes(t *testing.T, s *sqlstore.Store) map[string]error {
	t.Helper()
	_, mark := use(t, s, "new")
	return map[string]error{
		"Save": s.Save(t.Context(), "new", store.Entry{}), "Save of a stored token": s.Save(t.Context(), store.TokenKey("new"), store.Entry{}),
		"Mark": mark,
	}
}

// If SQLite is full, writes return ErrFull and reads work.
func TestErrors_FullSQLite(t *testing.T) {
	t.Parallel()
	s, db := emptyStore(t, sqlstore.SQLite)
	db.SetMaxOpenConns(1) // the pragma belongs to the connection
	db.SetMaxIdleConns(1)
	if err := s.Save(t.Context(), "a", store.Entry{}); err != nil {
		t.Fatal(err)
	}
	backdate(t, s)
	var pages int
	if err := db.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	do(t, db, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
	var err error
	for i := 0; i < 10_000 && err == nil; i++ {
		err = s.Save(t.Context(), fmt.Sprintf("%0200d", i), store.Entry{})
	}
	wantClass(t, err, sqlstore.ErrFull)
	if got, err := s.Lookup(t.Context(), "a"); err != nil || len(got) != 1 {
		t.Errorf("Lookup: %v, %v", got, err)
	}
	do(t, db, `PRAGMA max_page_count = 100000`)
	for what, err := range writes(t, s) {
		if err != nil {
			t.Errorf("%s when there is room again: %v", what, err)
		}
	}
}

// If SQLite is read-only, writes and Check return ErrReadOnly, and reads work.
func TestErrors_ReadOnlySQLite(t *testing.T) {
	t.Parallel()
	s, db := emptyStore(t, sqlstore.SQLite)
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if err := s.Save(t.Context(), "a", store.Entry{}); err != nil {
		t.Fatal(err)
	}
	backdate(t, s)
	do(t, db, `PRAGMA query_only = 1`)
	for what, err := range writes(t, s) {
		if wantClass(t, err, sqlstore.ErrReadOnly); err == nil {
			t.Errorf("%s has no error", what)
		}
	}
	wantClass(t, s.Check(t.Context()), sqlstore.ErrReadOnly)
	if got, err := s.Lookup(t.Context(), "a"); err != nil || len(got) != 1 {
		t.Errorf("Lookup: %v, %v", got, err)
	}
}

// If another process holds the lock of the writer, writes return ErrUnavailable after Timeout, and work afterwards.
func TestErrors_LockedSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kit.db")
	s := storeOf(t, open(t, sqlstore.SQLite, path), sqlstore.SQLite, func(c *sqlstore.Config) { c.Timeout = 50 * time.Millisecond })
	backdate(t, s)
	other, err := open(t, sqlstore.SQLite, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if _, err := other.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	for what, err := range writes(t, s) {
		if wantClass(t, err, sqlstore.ErrUnavailable); err == nil {
			t.Errorf("%s has no error", what)
		}
	}
	if _, err := s.Lookup(t.Context(), "a"); err != nil {
		t.Errorf("Lookup waits for the writer: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "writes work again", func() bool {
		for _, err := range writes(t, s) {
			if err != nil {
				return false
			}
		}
		return true
	})
}

// Check rejects settings with which a crash undoes acknowledged writes.
func TestCheck_Settings(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		`PRAGMA synchronous = NORMAL`:  "synchronous",
		`PRAGMA journal_mode = DELETE`: "journal_mode",
		`PRAGMA query_only = 1`:        "read-only",
	} {
		s, db := emptyStore(t, sqlstore.SQLite)
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(1)
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		do(t, db, statement)
		if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check after %s: %v, want %q", statement, err, want)
		}
	}
	for dialect, tt := range map[sqlstore.Dialect]struct{ statement, want string }{
		sqlstore.PostgreSQL: {`ALTER ROLE CURRENT_USER SET synchronous_commit = off`, "synchronous_commit"},
		sqlstore.MariaDB:    {`ALTER TABLE bearerkit_epoch ENGINE = InnoDB`, "MEMORY"},
	} {
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			dsn := newDSN(t, dialect)
			skipping := storeOf(t, open(t, dialect, dsn), dialect)
			do(t, open(t, dialect, dsn), tt.statement)
			if err := connect(t, dialect, dsn).Check(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) ||
				!strings.Contains(err.Error(), "InsecureSkipServerCheck") {
				t.Errorf("Check after %s: %v, want %q", tt.statement, err, tt.want)
			}
			if err := skipping.Check(t.Context()); err != nil {
				t.Errorf("Check with InsecureSkipServerCheck: %v", err)
			}
		})
	}
}

// A key that a column cannot hold is an error, and is never cut off.
func TestSave_LongKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, db := emptyStore(t, dialect)
		longest := strings.Repeat("k", 255)
		if err := s.Save(t.Context(), longest, store.Entry{}); err != nil {
			t.Errorf("a key of 255 bytes: %v", err)
		}
		for _, key := range []string{"", longest + "k"} {
			if err := s.Save(t.Context(), key, store.Entry{}); err == nil {
				t.Errorf("a key of %d bytes was stored", len(key))
			}
			if got, err := s.Lookup(t.Context(), key); err != nil || len(got) != 0 {
				t.Errorf("Lookup of a key of %d bytes: %v, %v", len(key), got, err)
			}
			if err := s.Delete(t.Context(), key); err != nil {
				t.Errorf("Delete of a key of %d bytes: %v", len(key), err)
			}
		}
		if n := count(t, db, "bearerkit_entries"); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}
