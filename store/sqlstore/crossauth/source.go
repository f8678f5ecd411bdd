package crossauth

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// maxCell is the maximum length of a value that is read: in characters of PostgreSQL, in bytes of MariaDB, and in units of two bytes
// of SQLite, whose text may be UTF-16. Longer values are cut. All of them are longer than the target accepts, so they are rejected.
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
	if dialect == sqlstore.PostgreSQL {
		if _, err := tx.ExecContext(ctx, postgresSettings); err != nil {
			return &SourceError{cause: err}
		}
	}
	return do(snapshot{dialect, tx.QueryContext})
}

// postgresSettings are for this transaction only. Times are written in one format, whatever the role or the database has set. Text
// arrives in UTF-8; a database with the encoding SQL_ASCII does not know its encoding, and cannot convert it. If row security hides
// rows, reading fails, because the report would not count those rows.
const postgresSettings = `
SELECT set_config('datestyle', 'ISO, YMD', true), set_config('row_security', 'off', true),
  set_config('client_encoding', CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true)`

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

// each reads columns of all rows of a table, and calls do for each row. A column without a name is NULL.
func (s snapshot) each(ctx context.Context, table string, columns []string, do func([]cell)) error {
	expressions, err := s.expressions(ctx, table, columns)
	if err != nil {
		return &SourceError{Table: table, cause: err}
	}
	// isName has checked the names.
	rows, err := s.query(ctx, "SELECT "+strings.Join(expressions, ", ")+" FROM "+s.quote(table))
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

// expressions returns an expression for each column.
func (s snapshot) expressions(ctx context.Context, table string, columns []string) ([]string, error) {
	instants, err := s.instants(ctx, table, columns)
	if err != nil {
		return nil, err
	}
	expressions := make([]string, len(columns))
	for i, column := range columns {
		switch {
		case column == "":
			expressions[i] = "NULL"
		case instants[column]:
			expressions[i] = "CAST(UNIX_TIMESTAMP(" + s.quote(column) + ") AS CHAR)"
		default:
			expressions[i] = s.text(column)
		}
	}
	return expressions, nil
}

// instants returns the columns of a table in MariaDB that have the type TIMESTAMP. As text, their values would be in the time zone
// of the session. Columns of the type DATETIME have no time zone.
func (s snapshot) instants(ctx context.Context, table string, columns []string) (map[string]bool, error) {
	if s.dialect != sqlstore.MariaDB {
		return nil, nil
	}
	var named []string
	for _, column := range columns {
		if column != "" {
			named = append(named, s.quote(column))
		}
	}
	rows, err := s.query(ctx, "SELECT "+strings.Join(named, ", ")+" FROM "+s.quote(table)+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has the error that matters
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, column := range types {
		found[column.Name()] = column.DatabaseTypeName() == "TIMESTAMP"
	}
	return found, rows.Err()
}

// text returns an expression for a column of any type as text of limited length. An expression has no declared type, so no
// driver converts the value in its own way.
//
// MariaDB converts a result to the character set of the connection, unless it is binary. When SQLite takes a part of a text, the
// text ends at a NUL byte. A BLOB does not, but an empty one becomes NULL.
func (s snapshot) text(column string) string {
	name := s.quote(column)
	switch s.dialect {
	case sqlstore.PostgreSQL:
		return fmt.Sprintf("left(%s::text, %d)", name, maxCell)
	case sqlstore.MariaDB:
		return fmt.Sprintf("LEFT(IF(CHARSET(%[1]s) = 'binary', CAST(%[1]s AS BINARY), CAST(CONVERT(%[1]s USING utf8mb4) AS BINARY)), %[2]d)", name, maxCell)
	case sqlstore.SQLite:
	}
	return fmt.Sprintf("CASE WHEN length(CAST(%[1]s AS BLOB)) > %[2]d THEN CAST(substr(CAST(%[1]s AS BLOB), 1, %[2]d) AS TEXT) ELSE CAST(%[1]s AS TEXT) END",
		name, 2*maxCell)
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
