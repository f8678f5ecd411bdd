// Package sqlite opens SQLite databases for package sqlstore, with a driver that does not need cgo.
package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// maxConnections limits the open connections. One of them writes at a time.
const maxConnections = 8

// Open opens the database in the file path. It creates the file if it is missing; only the user of this process can then read
// it. The folder must exist. The file must be on a local disk, because SQLite cannot lock files on network file systems
// reliably. Several processes of one machine can open the same file.
//
// The database is in WAL mode, in which readers do not wait for a writer, and commits are synced to disk
// (https://www.sqlite.org/wal.html). A statement waits up to 1 s for the lock of another process, and ends sooner if its
// context ends. The methods of sqlstore repeat it until Config.Timeout.
func Open(path string) (*sql.DB, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlite: Open needs the path of a file")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	file, err := os.OpenFile(absolute, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the caller chooses the path
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db, err := sql.Open("sqlite", name(absolute))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	return db, nil
}

// name returns the data source name for the file.
func name(path string) string {
	options := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(1000)", "journal_mode(WAL)", "synchronous(FULL)"},
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: options.Encode()}).String()
}
