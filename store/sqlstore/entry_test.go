package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

func TestStorage_SQLite(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "kit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("Migrate: %v", err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("Check: %v", err)
	}
	want := store.Entry{Expires: time.Now().Add(time.Hour).Truncate(time.Microsecond)}
	for _, key := range []string{"a", "access:b"} {
		if err := s.Save(t.Context(), key, want); err != nil {
			t.Fatalf("Save: %v", err)
		}
	}
	got, err := s.Lookup(t.Context(), "a", "access:b", "c")
	if diff := cmp.Diff(map[string]store.Entry{"a": want, "access:b": want}, got); err != nil || diff != "" {
		t.Errorf("Lookup: %v\n%s", err, diff)
	}
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Lookup(t.Context(), "a"); err != nil || len(got) != 0 {
		t.Errorf("Lookup after Delete: %v, %v", got, err)
	}
}
