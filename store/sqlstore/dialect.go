package sqlstore

import (
	"strings"

	"github.com/pressly/goose/v3"
)

// Dialect is the kind of database that Config.DB connects to. The zero value is not a dialect.
type Dialect int

// The supported databases.
const (
	SQLite     Dialect = iota + 1 // SQLite 3.42 or later, in WAL mode; package store/sqlstore/sqlite opens it
	PostgreSQL                    // PostgreSQL 12 or later
	MariaDB                       // MariaDB 10.6 or later; MySQL is not tested
)

// String returns the name of the database.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	case MariaDB:
		return "MariaDB"
	}
	return "unknown dialect"
}

// goose returns the name of the dialect in the library for migrations.
func (d Dialect) goose() goose.Dialect {
	switch d {
	case PostgreSQL:
		return goose.DialectPostgres
	case MariaDB:
		return goose.DialectMySQL
	}
	return goose.DialectSQLite3
}

// folder returns the folder of the dialect's migrations.
func (d Dialect) folder() string { return "migrations/" + strings.ToLower(d.String()) }

// statements returns the statements of the dialect.
func (d Dialect) statements() *statements {
	switch d {
	case PostgreSQL:
		return &postgres
	case MariaDB:
		return &mariadb
	}
	return &sqlite
}

// statements are the statements of one dialect. All of them are constants. Values are passed as parameters only.
type statements struct {
	// lookup reads entries: its two parts surround the parameters for the keys.
	lookup [2]string
	// save stores an entry and merges it with the stored one. Parameters: key, expires, issued before, and the time until
	// which a stored entry has expired.
	save string
	// saveLogged does the same and logs the key. The fifth parameter is the current time. If it is empty, save and log run in
	// one transaction.
	saveLogged string
	// remove deletes the entry with a key.
	remove string
	// removeLogged does the same and logs the key. Parameters: key and the current time. If it is empty, remove and log run in
	// one transaction.
	removeLogged string
	// log adds a row to the log of changes. Parameters: key and the current time.
	log string

	// begin starts a transaction that writes, if *sql.DB.BeginTx does not do that.
	begin string
	// lock waits for the lock of migrations, and unlock releases it.
	lock, unlock string
	// version reads the version of the schema.
	version string
	// settings reads whether the database can be written and whether it syncs commits to disk.
	settings string
}
