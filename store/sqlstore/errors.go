package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// The error of a method matches one of these if the database is the cause, and the cause is known. The API responds with 503 for each
// of them. If a value cannot be stored, the error is a [*ValueError] instead.
var (
	// ErrUnavailable means that the database cannot be reached, does not respond within Config.Timeout, is starting or shutting
	// down, or has no free connection. The call may have taken effect nevertheless. It can be repeated.
	ErrUnavailable = errors.New("sqlstore: the database is not available")

	// ErrFull means that the disk of the database is full, that a limit of its size is reached, or that a key has more used proofs
	// than Config.MaxMarksPerKey allows. Nothing was stored.
	ErrFull = errors.New("sqlstore: the database is full")

	// ErrReadOnly means that the database cannot be written: it is a replica, or is set to read-only. Nothing was stored.
	ErrReadOnly = errors.New("sqlstore: the database is read-only")

	// ErrSchema means that the tables are missing, are older than this package, or are newer and cannot be used by it.
	ErrSchema = errors.New("sqlstore: the tables do not have the expected version")

	// ErrClock means that the clocks of the database and of this process differ by more than Config.ClockSkew. [Store.Mark]
	// returns it, and [Store.Run] logs it.
	ErrClock = errors.New("sqlstore: the clocks of the database and of this process differ by more than Config.ClockSkew")
)

// ValueError is the error of methods that write, for a value that at least one of the supported databases cannot store unchanged.
// Nothing was stored. Methods that only read return no error for such a value: they find nothing.
type ValueError struct {
	// Operation is the method, such as "Clients.Create".
	Operation string

	// Field is the parameter or the field that has the value, such as "ID" or "scopes[2]". For Tokens, it is "the sealed value".
	Field string

	// Problem says what was received and what is expected. It does not contain the value.
	Problem string
}

// Error implements error. The text does not contain the value.
func (e *ValueError) Error() string {
	return "sqlstore: " + e.Operation + ": " + e.Field + " " + e.Problem
}

// advice says what an operator should do about an error.
var advice = map[error]string{ //nolint:gochecknoglobals // constants
	ErrUnavailable: "check that the server of Config.DB is running and can be reached",
	ErrFull:        "free or add disk space on the server of Config.DB; Store.Run removes expired rows",
	ErrReadOnly:    "connect Config.DB to the primary server, and check its settings and permissions",
	ErrSchema:      "call Store.Migrate",
	ErrClock:       "synchronize the clocks of both machines",
}

// codeAdvice is the advice for errors without a class. PostgreSQL returns these two if a connection lacks a prepared statement, or
// has one that it should not have.
var codeAdvice = map[string]string{ //nolint:gochecknoglobals // constants
	"SQLSTATE 26000": poolerAdvice,
	"SQLSTATE 42P05": poolerAdvice,
}

const poolerAdvice = "Config.DB prepares statements: if it connects to a pooler such as PgBouncer, set its pool mode to session"

// fault is the error of a method. Its text has no text of the driver, which may contain values or the data source name.
type fault struct {
	operation string
	class     error  // one of the errors above, or nil
	code      string // the code of the database, or empty
	detail    string // what to do
	cause     error
}

func (f *fault) Error() string {
	var text strings.Builder
	text.WriteString("sqlstore: " + f.operation + ": ")
	switch {
	case f.class != nil:
		text.WriteString(strings.TrimPrefix(f.class.Error(), "sqlstore: "))
	case f.code != "":
		text.WriteString("the database returned an error")
	default:
		text.WriteString(f.detail)
		return text.String()
	}
	if f.code != "" {
		text.WriteString(" (" + f.code + ")")
	}
	if f.detail != "" {
		text.WriteString(": " + f.detail)
	}
	return text.String()
}

// Unwrap returns the class and the error of the driver. The text of the latter may contain values; do not log it.
func (f *fault) Unwrap() []error {
	if f.class == nil {
		return []error{f.cause}
	}
	return []error{f.class, f.cause}
}

// schemaError is an error about the version of the tables.
type schemaError string

func (e schemaError) Error() string { return string(e) }

// errNoState is the error if bearerkit_state is empty. Migrate does not add its row again.
const errNoState = schemaError("the row of bearerkit_state is missing: restore the database from a backup, or drop the tables " +
	"whose names start with bearerkit_ and call Store.Migrate")

var errNotWritable = errors.New("the database is a replica or read-only")

// failed returns err as the error of an operation, or nil if err is nil. A deadline that s has set is not an error of the
// caller's context.
func (d *database) failed(ctx context.Context, operation string, err error) error {
	if err == nil {
		return nil
	}
	f := &fault{operation: operation, cause: err}
	var wrong schemaError
	var setting settingError
	var limit limitError
	switch {
	case errors.As(err, &wrong):
		f.class, f.detail = ErrSchema, string(wrong)
	case errors.As(err, &setting):
		f.detail = string(setting)
	case errors.As(err, &limit):
		f.class, f.detail = ErrFull, string(limit)
	case errors.Is(ctx.Err(), context.Canceled):
		f.detail = "the context of the caller was canceled"
	case errors.Is(err, context.DeadlineExceeded):
		f.class, f.detail = ErrUnavailable, "no response within Config.Timeout, or the deadline of the caller"
	default:
		f.code, f.class = classify(err)
		f.detail = cmp.Or(advice[f.class], codeAdvice[f.code])
	}
	return f
}

// classify returns the code of an error and its class.
func classify(err error) (code string, class error) {
	var state interface{ SQLState() string } // *pgconn.PgError and *pq.Error
	var number *mysql.MySQLError
	var result interface{ Code() int } // *sqlite.Error
	switch {
	case errors.Is(err, errNotWritable):
		return "", ErrReadOnly
	case errors.Is(err, ErrClock):
		return "", ErrClock
	case errors.As(err, &state):
		return "SQLSTATE " + state.SQLState(), classOfState(state.SQLState())
	case errors.As(err, &number):
		return "error " + strconv.Itoa(int(number.Number)), classOfNumber(number)
	case errors.As(err, &result):
		return "result code " + strconv.Itoa(result.Code()), classOfResult(result.Code(), err)
	}
	return "", ErrUnavailable // the driver or the network has failed, and not a statement
}

// classOfState returns the class of a SQLSTATE of PostgreSQL (PostgreSQL documentation, appendix A).
func classOfState(state string) error {
	switch state {
	case "25006": // read_only_sql_transaction
		return ErrReadOnly
	case "53100": // disk_full
		return ErrFull
	case "42P01", "42703", "3F000": // undefined_table, undefined_column, invalid_schema_name
		return ErrSchema
	case "40001", "40P01", "55P03", "57014", "25P03": // conflicts, lock not available, timeouts
		return ErrUnavailable
	}
	switch {
	case strings.HasPrefix(state, "08"), // connection exception
		strings.HasPrefix(state, "53"),  // insufficient resources
		strings.HasPrefix(state, "57P"), // shutdown, crash, starting up
		strings.HasPrefix(state, "58"):  // system error
		return ErrUnavailable
	}
	return nil
}

// Numbers of errors of MariaDB (MariaDB documentation, error codes).
const (
	numberDuplicate     = 1062
	numberDeadlock      = 1213
	numberStorageEngine = 1030
)

// classOfNumber returns the class of an error of MariaDB.
func classOfNumber(e *mysql.MySQLError) error {
	switch e.Number {
	case 1290, 1836, 1792: // --read-only, read-only mode, read-only transaction
		return ErrReadOnly
	case 1021, 1114, 1026, 3: // disk full, table full, error writing a file
		return ErrFull
	case 1146, 1054, 1049: // unknown table, column, database
		return ErrSchema
	case 1040, 1041, 1053, 1077, 1105, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205, numberDeadlock, 1226, 1317, 1927, 1969, 3024, 4031:
		return ErrUnavailable // connections, shutdown, network, locks, interruptions
	case numberStorageEngine:
		// The number of the operating system, here ENOSPC, is only in the text.
		if strings.Contains(e.Message, "error 28 ") {
			return ErrFull
		}
		return ErrUnavailable
	}
	return nil
}

// Primary result codes of SQLite (https://www.sqlite.org/rescode.html).
const (
	resultBusy     = 5
	resultLocked   = 6
	resultReadOnly = 8
)

// classOfResult returns the class of a result code of SQLite.
func classOfResult(code int, err error) error {
	switch code & 0xff {
	case resultReadOnly, 3, 23: // READONLY, PERM, AUTH
		return ErrReadOnly
	case 13: // FULL
		return ErrFull
	case resultBusy, resultLocked, 7, 9, 10, 14, 15, 26, 11: // NOMEM, INTERRUPT, IOERR, CANTOPEN, PROTOCOL, NOTADB, CORRUPT
		return ErrUnavailable
	case 17: // SCHEMA
		return ErrSchema
	case 1: // ERROR has no code of its own for a missing table
		if strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "no such column") {
			return ErrSchema
		}
	}
	return nil
}

// isConflict reports whether the database has rolled a transaction back because of another one. It can then be repeated.
func isConflict(err error) bool {
	var state interface{ SQLState() string }
	var number *mysql.MySQLError
	var result interface{ Code() int }
	switch {
	case errors.As(err, &state):
		return state.SQLState() == "40001" || state.SQLState() == "40P01"
	case errors.As(err, &number):
		return number.Number == numberDeadlock
	case errors.As(err, &result):
		return result.Code()&0xff == resultBusy
	}
	return false
}
