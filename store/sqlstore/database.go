package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// database runs statements. It prepares each statement once, limits the time, and converts errors.
type database struct {
	db      *sql.DB
	dialect Dialect
	text    *statements
	lookups map[int]string // by the number of keys
	timeout time.Duration
	writer  chan struct{} // for SQLite: has one element while a statement of this process writes

	mu       sync.RWMutex // guards prepared
	prepared map[string]*sql.Stmt
}

func newDatabase(cfg Config) database {
	return database{
		db: cfg.DB, dialect: cfg.Dialect, text: cfg.Dialect.statements(), lookups: cfg.Dialect.lookupTexts(), timeout: cfg.Timeout,
		writer: make(chan struct{}, 1), prepared: make(map[string]*sql.Stmt),
	}
}

// limited returns a context that ends after Config.Timeout. A context that ends earlier is returned as it is, because a Guard
// has one for each request.
func (d *database) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d.timeout {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d.timeout)
}

// prepare returns the prepared statement with the given text. *sql.DB prepares it again on each new connection. Statements are
// never closed before the database is.
func (d *database) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := d.isPrepared(text); stmt != nil {
		return stmt, nil
	}
	stmt, err := d.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return d.keep(text, stmt), nil
}

// keep stores a new prepared statement and returns it. If another call was faster, keep returns its statement, and closes the new
// one in the background. Close waits while another call uses the connection. That call may wait for a lock of the database, whose
// transaction would wait for mu, if Close were called while mu is locked.
func (d *database) keep(text string, stmt *sql.Stmt) *sql.Stmt {
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.prepared[text]; other != nil {
		go func() { _ = stmt.Close() }()
		return other
	}
	d.prepared[text] = stmt
	return stmt
}

// isPrepared returns the prepared statement with the given text, or nil if it is not prepared yet. A transaction must not prepare
// one: that takes another connection, and if each connection of the pool had a transaction, all of them would wait forever.
func (d *database) isPrepared(text string) *sql.Stmt {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.prepared[text]
}

// query runs a statement that reads, and calls scan for each row.
func (d *database) query(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := d.prepare(ctx, text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return scanAll(rows, scan)
}

// scanAll calls scan for each row, and closes rows.
func scanAll(rows *sql.Rows, scan func(*sql.Rows) error) error {
	defer func() { _ = rows.Close() }() // Err has the error that matters
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// exec runs one statement that writes, in a transaction of its own. It returns the number of affected rows. If the database has
// rolled the statement back because of a deadlock, exec runs it again.
func (d *database) exec(ctx context.Context, text string, args ...any) (int64, error) {
	var affected int64
	err := d.repeat(ctx, func() error {
		stmt, err := d.prepare(ctx, text)
		if err != nil {
			return err
		}
		result, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		affected, err = result.RowsAffected()
		return err
	})
	return affected, err
}

// transaction runs statements of one transaction. It has no retries: use [database.write].
type transaction struct {
	d    *database
	tx   *sql.Tx   // nil for SQLite
	conn *sql.Conn // for SQLite
}

// exec runs a statement and returns the number of affected rows. In MariaDB, whether an unchanged row counts depends on the
// data source name.
func (t transaction) exec(ctx context.Context, text string, args ...any) (int64, error) {
	var result sql.Result
	var err error
	switch stmt := t.d.isPrepared(text); {
	case t.tx == nil:
		result, err = t.conn.ExecContext(ctx, text, args...)
	case stmt == nil:
		result, err = t.tx.ExecContext(ctx, text, args...)
	default:
		result, err = t.tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a statement and calls scan for each row.
func (t transaction) query(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) error {
	var rows *sql.Rows
	var err error
	switch stmt := t.d.isPrepared(text); {
	case t.tx == nil:
		rows, err = t.conn.QueryContext(ctx, text, args...)
	case stmt == nil:
		rows, err = t.tx.QueryContext(ctx, text, args...)
	default:
		rows, err = t.tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
	}
	if err != nil {
		return err
	}
	return scanAll(rows, scan)
}

// write calls do in a transaction, and commits it if do returns nil. If the database has rolled the transaction back because of
// a deadlock, write calls do again.
func (d *database) write(ctx context.Context, do func(transaction) error) error {
	return d.repeat(ctx, func() error {
		if d.dialect == SQLite {
			return d.writeImmediate(ctx, do)
		}
		tx, err := d.db.BeginTx(ctx, d.dialect.isolation())
		if err != nil {
			return err
		}
		if err := do(transaction{d: d, tx: tx}); err != nil {
			return errors.Join(err, ignoreDone(tx.Rollback()))
		}
		return tx.Commit()
	})
}

// isolation returns the options of a transaction. Transactions wait for the lock of a row, and then read what the transaction
// before them has committed. At REPEATABLE READ, which may be the default of a role or a database, PostgreSQL would not return
// that.
func (d Dialect) isolation() *sql.TxOptions {
	if d == PostgreSQL {
		return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return nil
}

// writeImmediate is write for SQLite. The transaction takes the lock of the writer when it begins. Otherwise SQLite could not
// wait for the lock later, when the transaction has already read.
func (d *database) writeImmediate(ctx context.Context, do func(transaction) error) error {
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // returns the connection
	if _, err := conn.ExecContext(ctx, d.text.begin); err != nil {
		return err
	}
	if err = do(transaction{d: d, conn: conn}); err == nil {
		_, err = conn.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		d.rollback(ctx, conn)
	}
	return err
}

// rollback ends the transaction of a connection to SQLite, also after ctx has ended. If that fails, the connection is not used
// again.
func (d *database) rollback(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `ROLLBACK`); err != nil {
		discard(conn)
	}
}

// repeat calls do until it does not fail because of a conflict with another transaction, or until ctx ends. For SQLite, only
// one call of this process runs at a time, in the order of the calls.
func (d *database) repeat(ctx context.Context, do func() error) error {
	if d.dialect == SQLite {
		select {
		case d.writer <- struct{}{}:
			defer func() { <-d.writer }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// The pauses are short and random, so that many callers that conflict with each other all succeed within Config.Timeout.
	for longest := time.Millisecond; ; longest = min(2*longest, longestPause) {
		err := do()
		if err == nil || !isConflict(err) {
			return err
		}
		select {
		case <-time.After(rand.N(longest)): //nolint:gosec // not a secret
		case <-ctx.Done():
			return err
		}
	}
}

// longestPause is the longest pause before a transaction is repeated.
const longestPause = 50 * time.Millisecond

// ignoreDone returns nil instead of the error of a transaction that has already ended.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// discard closes a connection that may have an open transaction or a lock, so that the pool does not use it again.
func discard(conn *sql.Conn) { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }
