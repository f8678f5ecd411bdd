package crossauth

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// maxCell is the maximum length of a value that is read, in characters. Longer values are cut. All of them are longer than
// the target accepts, so they are rejected.
const maxCell = 4096

// cell is a value of the source as text. It is nil for NULL.
type cell = *string

// snapshot reads the source in one transaction.
type snapshot struct {
	dialect sqlstore.Dialect
	query   func(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// inSnapshot calls do with one state of the database. The transaction cannot write.
func inSnapshot(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect, do func(snapshot) error) error {
	if dialect == sqlstore.SQLite {
		return inSQLite(ctx, db, do)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return &SourceError{cause: err}
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	return do(snapshot{dialect, tx.QueryContext})
}

// inSQLite is inSnapshot for SQLite. *sql.DB.BeginTx could take the lock for writers, depending on the data source name.
func inSQLite(ctx context.Context, db *sql.DB, do func(snapshot) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return &SourceError{cause: err}
	}
	defer func() {
		_ = conn.Raw(func(any) error { return errDone }) // the connection has an open transaction and cannot write
		_ = conn.Close()
	}()
	for _, text := range []string{`PRAGMA query_only = ON`, `BEGIN DEFERRED`} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return &SourceError{cause: err}
		}
	}
	return do(snapshot{sqlstore.SQLite, conn.QueryContext})
}

// errDone makes database/sql close a connection instead of using it again.
var errDone = driver.ErrBadConn

// each reads columns of all rows of a table, and calls do for each row.
func (s snapshot) each(ctx context.Context, table string, columns []string, do func([]cell)) error {
	selected := make([]string, len(columns))
	for i, column := range columns {
		selected[i] = s.text(column)
	}
	// isName has checked the names.
	rows, err := s.query(ctx, "SELECT "+strings.Join(selected, ", ")+" FROM "+s.quote(table))
	if err != nil {
		return &SourceError{Table: table, cause: err}
	}
	defer func() { _ = rows.Close() }() // Err has the error that matters
	for rows.Next() {
		values := make([]cell, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return &SourceError{Table: table, cause: err}
		}
		do(values)
	}
	if err := rows.Err(); err != nil {
		return &SourceError{Table: table, cause: err}
	}
	return nil
}

// text returns an expression for a column of any type as text of limited length. An expression has no declared type, so no
// driver converts the value in its own way.
func (s snapshot) text(column string) string {
	name := s.quote(column)
	switch s.dialect {
	case sqlstore.PostgreSQL:
		return fmt.Sprintf("left(%s::text, %d)", name, maxCell)
	case sqlstore.MariaDB:
		return fmt.Sprintf("LEFT(CONVERT(%s USING utf8mb4), %d)", name, maxCell)
	case sqlstore.SQLite:
	}
	return fmt.Sprintf("substr(CAST(%s AS TEXT), 1, %d)", name, maxCell)
}

// quote returns a name, or two with a dot between them, in quotes. For SQLite, double quotes must not be used: if there is no
// column with the name, they make it a text.
func (s snapshot) quote(name string) string {
	mark := "`"
	if s.dialect == sqlstore.PostgreSQL {
		mark = `"`
	}
	return mark + strings.ReplaceAll(name, ".", mark+"."+mark) + mark
}

// isName reports whether a name consists of ASCII letters, digits and underscores. The name of a table can have a schema before
// a dot.
func isName(name string, table bool) bool {
	parts := strings.Split(name, ".")
	if len(parts) > 2 || len(parts) > 1 && !table {
		return false
	}
	for _, part := range parts {
		const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
		if part == "" || len(part) > 63 || strings.Trim(part, letters+"0123456789") != "" || !strings.Contains(letters, part[:1]) {
			return false
		}
	}
	return true
}

// SourceError says that the source could not be read.
type SourceError struct {
	// Table is the table that was read. Empty: no connection or no transaction could be obtained.
	Table string

	cause error
}

// Error returns a text without the data source name. It contains the text of the driver only if a table or column is missing.
func (e *SourceError) Error() string {
	if e.Table == "" {
		return "crossauth: no connection to the source: check that the server is running, and the data source name"
	}
	text := fmt.Sprintf("crossauth: the table %q of the source cannot be read: check its name, its columns (Config.Layout) and the permissions", e.Table)
	if isMissingName(e.cause) {
		return text + ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the error of the driver. Its text may contain the data source name.
func (e *SourceError) Unwrap() error { return e.cause }

// isMissingName reports whether a table or column does not exist. The text of such an error contains only names.
func isMissingName(err error) bool {
	var state interface{ SQLState() string } // *pgconn.PgError
	var number *mysql.MySQLError
	var result interface{ Code() int } // *sqlite.Error
	switch {
	case errors.As(err, &state):
		return state.SQLState() == "42P01" || state.SQLState() == "42703"
	case errors.As(err, &number):
		return number.Number == 1146 || number.Number == 1054
	case errors.As(err, &result):
		return strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "no such column")
	}
	return false
}
