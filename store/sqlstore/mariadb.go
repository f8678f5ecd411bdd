package sqlstore

// The time of the database in microseconds since 1970, and the identity of its server. The clock does not depend on the time
// zone of the session.
const (
	mariadbClock  = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`
	mariadbServer = `CAST(CONCAT(@@server_id, '/', @@hostname, '/', @@port) AS BINARY)`
)

// mariadb are the statements for MariaDB. They do not depend on options of the data source name, such as clientFoundRows.
var mariadb = statements{ //nolint:gochecknoglobals // constants
	lookupOne: `SELECT expires, issued_before FROM bearerkit_entries WHERE entry_key = ?`,
	lookup:    [2]string{`SELECT entry_key, expires, issued_before FROM bearerkit_entries WHERE entry_key IN (`, `)`},
	// MariaDB evaluates assignments from left to right, so the second one must not read a column that the first one has set.
	save: `
INSERT INTO bearerkit_entries (entry_key, expires, issued_before) VALUES (?, ?, ?)
ON DUPLICATE KEY UPDATE
  issued_before = IF(expires > ?, GREATEST(issued_before, VALUES(issued_before)), VALUES(issued_before)),
  expires = IF(expires > ?, GREATEST(expires, VALUES(expires)), VALUES(expires))`,
	remove: `DELETE FROM bearerkit_entries WHERE entry_key = ?`,
	log:    `INSERT INTO bearerkit_changes (entry_key, created) VALUES (?, ?)`,
	// An existing mark is an error, which isDuplicate recognizes. INSERT IGNORE would hide other errors too.
	mark: `
INSERT INTO bearerkit_marks (owner, mark, expires)
SELECT ?, ?, ? FROM DUAL
WHERE EXISTS (SELECT 1 FROM bearerkit_epoch WHERE id = 1 AND epoch = ? AND server = ` + mariadbServer + `)
  AND ` + mariadbClock + ` BETWEEN ? AND ?
  AND EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = ? AND mark = ?)
  AND @@session.autocommit = 1`,
	explain: `
SELECT EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = ? AND mark = ?),
  EXISTS (SELECT 1 FROM bearerkit_epoch WHERE id = 1 AND epoch = ? AND server = ` + mariadbServer + `),
  EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = ? AND mark = ?),
  ` + mariadbClock + ` BETWEEN ? AND ?`,
	// The inner LIMIT stops counting, so that a key with many marks does not make the statement slow.
	countMarks: `SELECT COUNT(*) FROM (SELECT 1 FROM bearerkit_marks WHERE owner = ? AND expires > ? LIMIT ?) AS counted`,
	readEpoch:  `SELECT epoch, begins, server = ` + mariadbServer + ` FROM bearerkit_epoch WHERE id = 1`,
	// The table is in memory (engine MEMORY), so a restart of the server empties it, and there is no row to update. MariaDB has no
	// upsert with a condition, so insertEpoch follows. A new epoch begins in the future, after all marks that may be lost.
	replaceEpoch: `
UPDATE bearerkit_epoch
SET epoch = ?, begins = GREATEST(begins + 1, ` + mariadbClock + ` + 1000000), server = ` + mariadbServer + `
WHERE id = 1 AND epoch = ?`,
	insertEpoch: `
INSERT INTO bearerkit_epoch (id, epoch, begins, server) VALUES (1, ?, ` + mariadbClock + ` + 1000000, ` + mariadbServer + `)`,
	addWitness:      `INSERT INTO bearerkit_marks (owner, mark, expires) VALUES (?, ?, ?)`,
	removeWitnesses: `DELETE FROM bearerkit_marks WHERE owner = ? AND mark <> ?`,
	clock:           `SELECT ` + mariadbClock,
	// One statement reads the state and the changes from one snapshot. The LEFT JOIN returns the state also if there is no change.
	changes: `
SELECT s.pruned, (SELECT COALESCE(MAX(id), 0) FROM bearerkit_changes), (SELECT epoch FROM bearerkit_epoch WHERE id = 1),
  c.id, c.entry_key, c.created
FROM bearerkit_state AS s LEFT JOIN bearerkit_changes AS c ON c.id > ?
WHERE s.id = 1 ORDER BY c.id LIMIT ?`,
	oldChanges: `
SELECT COALESCE(MAX(id), 0) FROM (SELECT id, created FROM bearerkit_changes ORDER BY id LIMIT ?) AS c WHERE created < ?`,
	notePruned: `UPDATE bearerkit_state SET pruned = ? WHERE id = 1 AND pruned < ?`,
	prune:      `DELETE FROM bearerkit_changes WHERE id <= ?`,
	// Each statement begins at the expiry of the last removed row, so that the index is not read from the start, where the
	// removed rows may still be.
	removals: []removal{
		{text: `DELETE FROM bearerkit_entries WHERE expires >= ? AND expires < ? ORDER BY expires LIMIT ? RETURNING expires`},
		{text: `DELETE FROM bearerkit_marks WHERE expires >= ? AND expires < ? ORDER BY expires LIMIT ? RETURNING expires`},
		{text: `DELETE FROM bearerkit_locks WHERE expires >= ? AND expires < ? ORDER BY expires LIMIT ? RETURNING expires`, grace: locksGrace},
	},
	// Named locks belong to the server, so the name contains the database. It is hashed, so that the name of the lock is
	// short. 86400 s is a day; the context of the caller usually ends the wait earlier.
	lock:   `SELECT GET_LOCK(CONCAT('bearerkit:', MD5(DATABASE())), 86400)`,
	unlock: `SELECT RELEASE_LOCK(CONCAT('bearerkit:', MD5(DATABASE())))`,
	createVersions: `
CREATE TABLE IF NOT EXISTS bearerkit_schema (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL,
  tstamp DATETIME NULL DEFAULT CURRENT_TIMESTAMP) ENGINE = InnoDB`,
	firstVersion: `
INSERT INTO bearerkit_schema (version_id, is_applied)
SELECT 0, 1 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM bearerkit_schema)`,
	version: `SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema`,
	versions: `
SELECT (SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema), min_version FROM bearerkit_state WHERE id = 1`,
	// The third column is the requirement: only the engine MEMORY makes a restart of the server noticeable. The fourth is false if
	// the data source name turns autocommit off; then no statement outside of a transaction would be committed.
	settings: `
SELECT @@global.read_only = 0,
  @@global.innodb_flush_log_at_trx_commit = 1,
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = DATABASE() AND table_name = 'bearerkit_epoch' AND engine = 'MEMORY') = 1,
  @@session.autocommit = 1`,
}
