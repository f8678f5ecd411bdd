package crossauth

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// SourceError says that the source could not be read.
type SourceError struct {
	// Table is the table that was read. Empty: no connection or no transaction could be obtained.
	Table string

	cause error
}

// Error returns a text without the data source name. It contains the text of the driver only if that text contains neither values
// nor the name of a server.
func (e *SourceError) Error() string {
	if e.Table == "" {
		return "crossauth: the source cannot be opened: check the data source name, and that the server is running or the file exists" + detail(e.cause)
	}
	return fmt.Sprintf("crossauth: the table %q of the source cannot be read: ", e.Table) + e.advice() + detail(e.cause)
}

// Unwrap returns the error of the driver. Its text may contain the data source name.
func (e *SourceError) Unwrap() error { return e.cause }

// IsMissing reports whether the table or one of its columns does not exist. Change Config.Layout then.
func (e *SourceError) IsMissing() bool {
	var state interface{ SQLState() string } // *pgconn.PgError
	var number *mysql.MySQLError
	var result interface{ Code() int } // *sqlite.Error
	switch {
	case errors.As(e.cause, &state):
		return state.SQLState() == "42P01" || state.SQLState() == "42703" // undefined_table, undefined_column
	case errors.As(e.cause, &number):
		return number.Number == 1146 || number.Number == 1054 // unknown table, unknown column
	case errors.As(e.cause, &result):
		return strings.Contains(e.cause.Error(), "no such table") || strings.Contains(e.cause.Error(), "no such column")
	}
	return false
}

// advice says what an operator should do if a table cannot be read.
func (e *SourceError) advice() string {
	if e.IsMissing() {
		return "check its name and its columns (Config.Layout)"
	}
	var result interface{ Code() int } // *sqlite.Error
	if !errors.As(e.cause, &result) {
		return "check the server and the permissions"
	}
	switch result.Code() & 0xff { // https://www.sqlite.org/rescode.html
	case 5, 6: // BUSY, LOCKED
		return "another program is writing: try again, or read a copy of the database"
	case 8, 14: // READONLY, CANTOPEN
		return "SQLite needs a file next to the database: read a copy in a folder that can be written"
	case 11, 26: // CORRUPT, NOTADB
		return "check that the file is a database"
	}
	return "check the file and the permissions"
}

// detail returns what is known about the cause: the text about a missing name, or the code. The errors of SQLite contain only names
// and results.
func detail(err error) string {
	var state interface{ SQLState() string } // *pgconn.PgError
	var number *mysql.MySQLError
	var result interface{ Code() int } // *sqlite.Error
	missing := (&SourceError{cause: err}).IsMissing()
	switch {
	case errors.As(err, &result), missing:
		return ": " + err.Error()
	case errors.As(err, &state):
		return ": SQLSTATE " + state.SQLState()
	case errors.As(err, &number):
		return ": error " + strconv.Itoa(int(number.Number))
	}
	return ""
}
