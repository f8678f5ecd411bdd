package sqlstore

// sqlite are the statements for SQLite. They need a database in WAL mode, so that readers do not wait for writers.
var sqlite = statements{ //nolint:gochecknoglobals // constants
	lookup: [2]string{`SELECT entry_key, expires, issued_before FROM bearerkit_entries WHERE entry_key IN (`, `)`},
	save: `
INSERT INTO bearerkit_entries (entry_key, expires, issued_before) VALUES (?1, ?2, ?3)
ON CONFLICT (entry_key) DO UPDATE SET
  expires = CASE WHEN expires > ?4 THEN max(expires, excluded.expires) ELSE excluded.expires END,
  issued_before = CASE WHEN expires > ?4 THEN max(issued_before, excluded.issued_before) ELSE excluded.issued_before END`,
	remove: `DELETE FROM bearerkit_entries WHERE entry_key = ?`,
	log:    `INSERT INTO bearerkit_changes (entry_key, created) VALUES (?, ?)`,
	begin:  `BEGIN IMMEDIATE`,
	lock:   `BEGIN IMMEDIATE`,
	// A migration that failed is rolled back, because the database then has an older version.
	version: `SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema`,
	settings: `
SELECT (SELECT query_only FROM pragma_query_only) = 0,
  (SELECT synchronous FROM pragma_synchronous) >= 2,
  (SELECT journal_mode FROM pragma_journal_mode) = 'wal'`,
}
