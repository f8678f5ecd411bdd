package sqlstore

import (
	"context"
	"database/sql"
)

// Check returns nil if the database can be reached, this package can use its tables, it can be written, and it syncs commits to
// disk. This package can use newer tables, unless their migration excludes older programs: see [Store.Migrate]. Call Check when
// the process starts, after [Store.Migrate], and in a readiness probe. Check does not notice a full disk: Save and Mark return an
// error then. It does not compare the clocks: Mark returns an error if they differ too much.
//
// If the database is new, was restarted, or another server has taken over, Mark rejects proofs for about 70 s (with the default
// DPoPConfig.Window and ClockSkew). This time begins with Check, or with the first call of Mark if Check is not called.
func (s *Store) Check(ctx context.Context) error {
	limited, cancel := s.limited(ctx)
	defer cancel()
	if err := s.checkSchema(limited); err != nil {
		return s.failed(ctx, "Check", err)
	}
	if err := s.checkSettings(limited); err != nil {
		return s.failed(ctx, "Check", err)
	}
	return s.failed(ctx, "Check", s.confirmEpoch(limited))
}

// confirmEpoch begins an epoch if it is missing, or if another server has stored it. Otherwise the next proof would begin it,
// and proofs would be rejected from then on.
func (s *Store) confirmEpoch(ctx context.Context) error {
	e, same, err := s.readEpoch(ctx)
	if err != nil || e != nil && same {
		return err
	}
	if err := s.renew(ctx, e); err != nil {
		return err
	}
	_, err = s.epochOf(ctx)
	return err
}

// checkSettings reads the settings of the database.
func (s *Store) checkSettings(ctx context.Context) error {
	var writable, durable, expected, commits bool
	err := s.query(ctx, s.text.settings, nil, func(rows *sql.Rows) error {
		return rows.Scan(&writable, &durable, &expected, &commits)
	})
	switch {
	case err != nil:
		return err
	case !writable:
		return errNotWritable
	case !commits:
		return errNoCommits
	case s.cfg.InsecureSkipServerCheck:
		return nil
	case !durable:
		return settingError(s.dialect.durability() + " (Config.InsecureSkipServerCheck)")
	case !expected:
		return settingError(s.dialect.requirement() + " (Config.InsecureSkipServerCheck)")
	}
	return nil
}

// checkCommits returns an error if a statement outside of a transaction is not committed. That can be so in MariaDB only.
func (s *Store) checkCommits(ctx context.Context) error {
	if s.dialect != MariaDB {
		return nil
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	var commits bool
	err := s.query(limited, `SELECT @@session.autocommit = 1`, nil, func(rows *sql.Rows) error { return rows.Scan(&commits) })
	if err == nil && !commits {
		return errNoCommits
	}
	return err
}

// errNoCommits is the error if autocommit is off. A look-up would then also read an old snapshot.
const errNoCommits = settingError("autocommit is off, so statements are not committed: set autocommit=1 in the data source name of Config.DB, " +
	"or remove autocommit=0 from there and from init_connect of the server")

// settingError is an error of [Store.Check] about the settings of the database.
type settingError string

func (e settingError) Error() string { return string(e) }

// durability says which settings make the database sync commits to disk.
func (d Dialect) durability() string {
	switch d {
	case PostgreSQL:
		return "synchronous_commit or fsync is off, so a crash of the server may undo acknowledged writes"
	case MariaDB:
		return "innodb_flush_log_at_trx_commit is not 1, so a crash of the server may undo acknowledged writes"
	case SQLite:
	}
	return "PRAGMA synchronous is less than FULL, so a power loss may undo acknowledged writes: use sqlite.Open"
}

// requirement describes the last column of the statement that reads the settings.
func (d Dialect) requirement() string {
	if d == MariaDB {
		return "the table bearerkit_epoch does not have the engine MEMORY, so a restart of the server is not noticed"
	}
	return "PRAGMA journal_mode is not WAL, so readers wait for writers: use sqlite.Open"
}
