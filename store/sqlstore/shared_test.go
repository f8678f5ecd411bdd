package sqlstore_test

import (
	"crypto/sha256"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/seal"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// dialects are the databases that tests use.
func dialects() []sqlstore.Dialect {
	return []sqlstore.Dialect{sqlstore.SQLite, sqlstore.PostgreSQL, sqlstore.MariaDB}
}

// onEach runs a test with each database, as parallel subtests. With -short, it uses only SQLite.
func onEach(t *testing.T, test func(t *testing.T, dialect sqlstore.Dialect)) {
	t.Helper()
	for _, dialect := range dialects() {
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && dialect != sqlstore.SQLite {
				t.Skip("starts a server; not with -short")
			}
			test(t, dialect)
		})
	}
}

// newDSN creates a database, and returns its data source name: for SQLite the path of a file.
func newDSN(t *testing.T, dialect sqlstore.Dialect) string {
	t.Helper()
	if dialect == sqlstore.SQLite {
		return filepath.Join(t.TempDir(), "kit.db")
	}
	return engine.Shared(t, engine.Kind(dialect.String())).Database(t)
}

// open opens a database.
func open(t testing.TB, dialect sqlstore.Dialect, dsn string) *sql.DB {
	t.Helper()
	db, err := openDB(dialect, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openDB(dialect sqlstore.Dialect, dsn string) (*sql.DB, error) {
	switch dialect {
	case sqlstore.PostgreSQL:
		return sql.Open("pgx", dsn)
	case sqlstore.MariaDB:
		return sql.Open("mysql", dsn)
	case sqlstore.SQLite:
	}
	return sqlite.Open(dsn)
}

// connect returns a store on an existing database.
func connect(t testing.TB, dialect sqlstore.Dialect, dsn string) *sqlstore.Store {
	t.Helper()
	db := open(t, dialect, dsn)
	if dialect != sqlstore.SQLite {
		db.SetMaxOpenConns(5) // less than the tests have callers
	}
	s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newStore returns a store on a new database.
func newStore(t *testing.T, dialect sqlstore.Dialect) *sqlstore.Store {
	t.Helper()
	s, _ := newStoreAt(t, dialect)
	return s
}

// newStoreAt also returns the data source name.
func newStoreAt(t *testing.T, dialect sqlstore.Dialect) (s *sqlstore.Store, dsn string) {
	t.Helper()
	dsn = newDSN(t, dialect)
	s = connect(t, dialect, dsn)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, dsn
}

// keyring returns a sealer whose keys have the given ids.
func keyring(t testing.TB, ids ...string) *seal.Keyring {
	t.Helper()
	var keys []seal.Key
	for _, id := range ids {
		secret := sha256.Sum256([]byte("a secret for tests: " + id))
		keys = append(keys, seal.Key{ID: id, Secret: secret[:]})
	}
	ring, err := seal.New(seal.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
