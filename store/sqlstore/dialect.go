package sqlstore

import (
	"strings"
	"time"

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
	case SQLite:
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
	case SQLite:
	}
	return &sqlite
}

// statements are the statements of one dialect. All of them are constants. Values are passed as parameters only.
type statements struct {
	// lookupOne reads the times of one entry. Parameter: the key.
	lookupOne string
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

	// mark inserts a mark if the epoch is current, the clocks agree and the witness exists. Parameters: owner and id of the mark,
	// expires, id of the epoch, the earliest and the latest time that the clock may show, owner and id of the witness.
	mark string
	// explain reads whether the mark exists, the epoch is current, the witness exists, and the clocks agree. Parameters: owner
	// and id of the mark, id of the epoch, owner and id of the witness, the earliest and the latest time.
	explain string
	// countMarks counts the marks of an owner. Parameters: owner, the current time, and the number at which counting stops.
	countMarks string
	// readEpoch reads the id and the begin of the epoch, and whether this server has stored it.
	readEpoch string
	// replaceEpoch stores an epoch in place of another one, or if there is none. Parameters: the new id and the old one.
	replaceEpoch string
	// insertEpoch stores an epoch if there is none, for dialects whose replaceEpoch cannot do that. Parameter: the id.
	insertEpoch string
	// addWitness inserts the first witness of an epoch. Parameters: owner, id and expires.
	addWitness string
	// removeWitnesses deletes the first witnesses of other epochs. Parameters: owner, and the id to keep.
	removeWitnesses string
	// changes reads the state of the log and its rows. Parameters: the id after which it begins, and the number of rows.
	changes string
	// oldChanges reads the largest id among the first rows of the log that are old. Parameters: the number of rows, and the time
	// before which they are old.
	oldChanges string
	// notePruned stores the largest removed id. Parameters: the id, twice.
	notePruned string
	// prune removes the changes up to an id.
	prune string
	// removals are the statements that remove expired rows.
	removals []removal
	// checkpoint copies changes from the log into the database file, or is empty if the server does that.
	checkpoint string
	// clock reads the time of the database.
	clock string

	// begin starts a transaction that writes, if *sql.DB.BeginTx does not do that.
	begin string
	// lock waits for the lock of migrations, and unlock releases it.
	lock, unlock string
	// createVersions creates the table of versions if it is missing, and firstVersion adds its first row. They are what goose
	// would run, but goose does not hold the lock when it does.
	createVersions, firstVersion string
	// version reads the version of the schema.
	version string
	// versions reads it, and the lowest version that a program must have to use the tables.
	versions string
	// settings reads whether the database can be written, whether it syncs commits to disk, whether it has the setting of
	// requirement, and whether each statement outside of a transaction is committed.
	settings string
}

// removal removes rows that expired from a time on and before another one, and returns their expiries. Parameters: both times,
// and the number of rows. grace is how long the rows are kept after they have expired.
type removal struct {
	text  string
	grace time.Duration
}

// locksGrace is the grace of locks. Their expiry does not decide when a lock is free, so only very old ones are removed.
const locksGrace = 24 * time.Hour
