package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrations has a folder for each dialect.
//
//go:embed migrations
var migrations embed.FS

// schemaVersion is the version of the newest migration. All dialects have the same versions.
const schemaVersion = 2

// Migrate creates the tables, or updates them to the version of this package. It does nothing if they have that version, or a
// newer one that this package can use. Call it before the other methods, in each process or in a step of the deployment. If
// several processes call it at the same time, one of them migrates, and the others wait for it. ctx limits the wait;
// Config.Timeout does not.
//
// Processes with an older version of this package can keep running while the tables are updated, unless the changelog of the
// newer version says otherwise.
//
// The user of the database needs the privilege to create tables. In MariaDB, a migration that was interrupted is completed by
// the next call. In the other databases, an interrupted migration has no effect.
//
// The error matches [ErrSchema] if the tables are so new that this package cannot use them: then update the program. In MariaDB,
// Migrate also returns an error if autocommit is off, because other methods would then not store anything.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.migrate(ctx)
	if err == nil {
		err = s.checkCommits(ctx)
	}
	return s.failed(ctx, "Migrate", err)
}

func (s *Store) migrate(ctx context.Context) error {
	if s.checkSchema(ctx) == nil { // the usual case needs no lock and no privilege
		return nil
	}
	if err := s.createVersions(ctx); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, s.dialect.folder())
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect.goose(), s.db, files,
		goose.WithTableName("bearerkit_schema"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
		goose.WithSessionLocker(locker{s}),
		goose.WithIsolateDDL(s.dialect == SQLite)) // the lock is a transaction, in which no other can begin
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	return s.checkSchema(ctx)
}

// createVersions creates the table of versions, if it is missing.
func (s *Store) createVersions(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // returns the connection
	l := locker{s}
	if err := l.SessionLock(ctx, conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, s.text.createVersions)
	if err == nil {
		_, err = conn.ExecContext(ctx, s.text.firstVersion)
	}
	return errors.Join(err, l.end(context.WithoutCancel(ctx), conn, err == nil))
}

// checkSchema returns nil if this package can use the tables: they have its version, or a newer one that does not exclude it.
func (s *Store) checkSchema(ctx context.Context) error {
	var version, lowest int64
	var found bool
	err := s.query(ctx, s.text.versions, nil, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&version, &lowest)
	})
	switch {
	case err != nil:
		return err
	case !found:
		return errNoState
	case version < schemaVersion:
		return schemaError(fmt.Sprintf("the tables have version %d, expected %d: call Store.Migrate", version, schemaVersion))
	case lowest > schemaVersion:
		return schemaError(fmt.Sprintf("the tables have version %d and need a program of version %d or later, this one has %d: update this program",
			version, lowest, schemaVersion))
	}
	return nil
}

// locker lets one process at a time migrate. It implements the SessionLocker of goose. The database releases the lock when the
// connection ends.
type locker struct{ store *Store }

// SessionLock waits for the lock.
func (l locker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if l.store.dialect == SQLite { // the lock is a transaction
		return l.store.repeat(ctx, func() error {
			_, err := conn.ExecContext(ctx, l.store.text.lock)
			return err
		})
	}
	var got any
	return conn.QueryRowContext(ctx, l.store.text.lock).Scan(&got)
}

// SessionUnlock releases the lock. In SQLite, it also commits the migrations, if all of them were applied.
func (l locker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var version int64
	err := conn.QueryRowContext(ctx, l.store.text.version).Scan(&version)
	return l.end(ctx, conn, err == nil && version >= schemaVersion)
}

// end releases the lock. In SQLite, it commits the transaction if done is true, and rolls it back otherwise.
func (l locker) end(ctx context.Context, conn *sql.Conn, done bool) (err error) {
	switch {
	case l.store.dialect != SQLite:
		var released any
		err = conn.QueryRowContext(ctx, l.store.text.unlock).Scan(&released)
	case done:
		_, err = conn.ExecContext(ctx, `COMMIT`)
	default:
		_, err = conn.ExecContext(ctx, `ROLLBACK`)
	}
	if err != nil {
		discard(conn)
	}
	return err
}
