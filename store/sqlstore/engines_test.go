package sqlstore_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// emptyStore returns a store on a new database, and a connection to it.
func emptyStore(t *testing.T, dialect sqlstore.Dialect, change ...func(*sqlstore.Config)) (*sqlstore.Store, *sql.DB) {
	t.Helper()
	db := open(t, dialect, newDSN(t, dialect))
	db.SetMaxOpenConns(5) // less than the tests have callers
	db.SetMaxIdleConns(5)
	return storeOf(t, db, dialect, change...), db
}

// storeOf returns a store of db, and creates its tables.
func storeOf(t testing.TB, db *sql.DB, dialect sqlstore.Dialect, change ...func(*sqlstore.Config)) *sqlstore.Store {
	t.Helper()
	// The shared servers do not sync to disk, because that would make the tests slow.
	cfg := sqlstore.Config{DB: db, Dialect: dialect, Timeout: 10 * time.Second, InsecureSkipServerCheck: dialect != sqlstore.SQLite}
	for _, c := range change {
		c(&cfg)
	}
	s, err := sqlstore.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// do runs a statement.
func do(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// count returns the number of rows of a table.
func count(t testing.TB, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits until done returns true, at most a minute.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 6000 {
		if done() {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
	t.Fatalf("not after a minute: %s", what)
}

// viaProxy returns a data source name with another host and port.
func viaProxy(dsn, addr, proxy string) string { return strings.Replace(dsn, addr, proxy, 1) }

// values returns a row of an INSERT statement.
func values(columns ...any) string {
	texts := make([]string, len(columns))
	for i, column := range columns {
		texts[i] = fmt.Sprint(column)
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

// bytesOf returns a literal for bytes.
func bytesOf(dialect sqlstore.Dialect, text string, n int) string {
	return bytesOfText(dialect, text+strconv.Itoa(n))
}

// bytesOfText returns a literal for the bytes of a text.
func bytesOfText(dialect sqlstore.Dialect, text string) string {
	literal := hex.EncodeToString([]byte(text))
	if dialect == sqlstore.PostgreSQL {
		return `'\x` + literal + `'`
	}
	return `x'` + literal + `'`
}
