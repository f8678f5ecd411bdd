package sqlstore

import (
	"path/filepath"
	"testing"
	"time"

	sqlitefile "github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// Two calls prepare the same statement, and the connection of the slower one is used by another call meanwhile. No call waits for
// that one. The superfluous statement is closed afterwards.
func TestPrepare_TwiceAtTheSameTime(t *testing.T) {
	t.Parallel()
	db, err := sqlitefile.Open(filepath.Join(t.TempDir(), "kit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // both statements belong to it
	d := newDatabase(Config{DB: db, Dialect: SQLite}.withDefaults())
	const text = `SELECT 1`
	first, err := d.prepare(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	second, err := db.PrepareContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(any) error { // the connection is in use until this function returns
		done := make(chan struct{})
		go func() {
			defer close(done)
			if kept := d.keep(text, second); kept != first {
				t.Errorf("keep returned %p, want the first statement %p", kept, first)
			}
			if found := d.isPrepared(text); found != first {
				t.Errorf("the stored statement is %p, want %p", found, first)
			}
		}()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Error("keep, or another call, waits for the connection")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	for range 6000 { // a minute
		if _, err := second.ExecContext(t.Context()); err != nil {
			return // it is closed
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Error("the superfluous statement is never closed")
}
