package sqlstore

// The time of the database in microseconds since 1970, and the identity of its server, which SQLite does not have.
const (
	sqliteClock  = `CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)`
	sqliteServer = `''`
)

// sqlite are the statements for SQLite. They need a database in WAL mode, so that readers do not wait for writers.
var sqlite = statements{ //nolint:gochecknoglobals // constants
	lookupOne: `SELECT expires, issued_before FROM bearerkit_entries WHERE entry_key = ?`,
	lookup:    [2]string{`SELECT entry_key, expires, issued_before FROM bearerkit_entries WHERE entry_key IN (`, `)`},
	// Numbered parameters can be used twice. Columns without a name in front are those of the stored row; excluded is the new
	// one. A stored row that has expired is replaced, and not merged.
	save: `
INSERT INTO bearerkit_entries (entry_key, expires, issued_before) VALUES (?1, ?2, ?3)
ON CONFLICT (entry_key) DO UPDATE SET
  expires = CASE WHEN expires > ?4 THEN max(expires, excluded.expires) ELSE excluded.expires END,
  issued_before = CASE WHEN expires > ?4 THEN max(issued_before, excluded.issued_before) ELSE excluded.issued_before END`,
	remove: `DELETE FROM bearerkit_entries WHERE entry_key = ?`,
	log:    `INSERT INTO bearerkit_changes (entry_key, created) VALUES (?, ?)`,
	// ON CONFLICT DO NOTHING inserts no row if the mark exists, and reports all other errors.
	mark: `
INSERT INTO bearerkit_marks (owner, mark, expires)
SELECT ?1, ?2, ?3
WHERE EXISTS (SELECT 1 FROM bearerkit_epoch WHERE id = 1 AND epoch = ?4 AND server = ` + sqliteServer + `)
  AND ` + sqliteClock + ` BETWEEN ?5 AND ?6
  AND EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = ?7 AND mark = ?8)
ON CONFLICT DO NOTHING`,
	explain: `
SELECT EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = ?1 AND mark = ?2),
  EXISTS (SELECT 1 FROM bearerkit_epoch WHERE id = 1 AND epoch = ?3 AND server = ` + sqliteServer + `),
  EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = ?4 AND mark = ?5),
  ` + sqliteClock + ` BETWEEN ?6 AND ?7`,
	// The inner LIMIT stops counting, so that a key with many marks does not make the statement slow.
	countMarks: `SELECT COUNT(*) FROM (SELECT 1 FROM bearerkit_marks WHERE owner = ?1 AND expires > ?2 LIMIT ?3) AS counted`,
	readEpoch:  `SELECT epoch, begins, server = ` + sqliteServer + ` FROM bearerkit_epoch WHERE id = 1`,
	// The condition at the end lets only one of several processes replace an epoch. A new epoch begins in the future, after all
	// marks that may be lost.
	replaceEpoch: `
INSERT INTO bearerkit_epoch AS held (id, epoch, begins, server) VALUES (1, ?1, ` + sqliteClock + ` + 1000000, ` + sqliteServer + `)
ON CONFLICT (id) DO UPDATE SET
  epoch = excluded.epoch, begins = max(excluded.begins, held.begins + 1), server = excluded.server
WHERE held.epoch = ?2`,
	addWitness:      `INSERT INTO bearerkit_marks (owner, mark, expires) VALUES (?1, ?2, ?3)`,
	removeWitnesses: `DELETE FROM bearerkit_marks WHERE owner = ?1 AND mark <> ?2`,
	clock:           `SELECT ` + sqliteClock,
	// One statement reads the state and the changes from one snapshot. The LEFT JOIN returns the state also if there is no change.
	changes: `
SELECT s.pruned, (SELECT COALESCE(MAX(id), 0) FROM bearerkit_changes), (SELECT epoch FROM bearerkit_epoch WHERE id = 1),
  c.id, c.entry_key, c.created
FROM bearerkit_state AS s LEFT JOIN bearerkit_changes AS c ON c.id > ?1
WHERE s.id = 1 ORDER BY c.id LIMIT ?2`,
	oldChanges: `
SELECT COALESCE(MAX(id), 0) FROM (SELECT id, created FROM bearerkit_changes ORDER BY id LIMIT ?1) AS c WHERE created < ?2`,
	notePruned: `UPDATE bearerkit_state SET pruned = ?1 WHERE id = 1 AND pruned < ?2`,
	prune:      `DELETE FROM bearerkit_changes WHERE id <= ?1`,
	// SQLite has no LIMIT in DELETE unless it was compiled with it, so a subquery chooses the rows.
	removals: []removal{
		{text: `DELETE FROM bearerkit_entries WHERE entry_key IN (SELECT entry_key FROM bearerkit_entries
  WHERE expires >= ?1 AND expires < ?2 ORDER BY expires LIMIT ?3) RETURNING expires`},
		{text: `DELETE FROM bearerkit_marks WHERE (owner, mark) IN (SELECT owner, mark FROM bearerkit_marks
  WHERE expires >= ?1 AND expires < ?2 ORDER BY expires LIMIT ?3) RETURNING expires`},
		{text: `DELETE FROM bearerkit_locks WHERE lock_key IN (SELECT lock_key FROM bearerkit_locks
  WHERE expires >= ?1 AND expires < ?2 ORDER BY expires LIMIT ?3) RETURNING expires`, grace: locksGrace},
	},
	checkpoint: `PRAGMA wal_checkpoint(PASSIVE)`, // does not wait for readers or writers
	// A transaction that begins with a read fails if another one has written before its own first write. IMMEDIATE takes the lock
	// for writing at once. The lock of migrations is such a transaction, which locker.end ends.
	begin: `BEGIN IMMEDIATE`,
	lock:  `BEGIN IMMEDIATE`,
	createVersions: `
CREATE TABLE IF NOT EXISTS bearerkit_schema (
  id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
  tstamp TIMESTAMP DEFAULT (datetime('now')))`,
	firstVersion: `
INSERT INTO bearerkit_schema (version_id, is_applied)
SELECT 0, 1 WHERE NOT EXISTS (SELECT 1 FROM bearerkit_schema)`,
	// A migration that failed is rolled back, because the database then has an older version.
	version: `SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema`,
	versions: `
SELECT (SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema), min_version FROM bearerkit_state WHERE id = 1`,
	// The values of synchronous are 0 (OFF), 1 (NORMAL), 2 (FULL) and 3 (EXTRA). In WAL mode, NORMAL may lose the latest commits in
	// a power loss.
	settings: `
SELECT (SELECT query_only FROM pragma_query_only) = 0,
  (SELECT synchronous FROM pragma_synchronous) >= 2,
  (SELECT journal_mode FROM pragma_journal_mode) = 'wal',
  true`,
}
