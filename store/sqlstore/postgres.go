package sqlstore

// The time of the database in microseconds since 1970, and the identity of its server: the time at which it was started.
const (
	postgresClock  = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
	postgresServer = `((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint)::text`
)

// postgres are the statements for PostgreSQL. Outside of a transaction, they work at each isolation level.
// Transactions have READ COMMITTED.
var postgres = statements{ //nolint:gochecknoglobals // constants
	lookupOne: `SELECT expires, issued_before FROM bearerkit_entries WHERE entry_key = $1`,
	lookup:    [2]string{`SELECT entry_key, expires, issued_before FROM bearerkit_entries WHERE entry_key IN (`, `)`},
	// held is the stored row, and EXCLUDED the new one. A stored row that has expired is replaced, and not merged.
	save: `
INSERT INTO bearerkit_entries AS held (entry_key, expires, issued_before) VALUES ($1, $2, $3)
ON CONFLICT (entry_key) DO UPDATE SET
  expires = CASE WHEN held.expires > $4 THEN GREATEST(held.expires, EXCLUDED.expires) ELSE EXCLUDED.expires END,
  issued_before = CASE WHEN held.expires > $4 THEN GREATEST(held.issued_before, EXCLUDED.issued_before) ELSE EXCLUDED.issued_before END`,
	// A statement with several parts is one transaction, so the entry and its change need one round trip.
	saveLogged: `
WITH saved AS (
  INSERT INTO bearerkit_entries AS held (entry_key, expires, issued_before) VALUES ($1, $2, $3)
  ON CONFLICT (entry_key) DO UPDATE SET
    expires = CASE WHEN held.expires > $4 THEN GREATEST(held.expires, EXCLUDED.expires) ELSE EXCLUDED.expires END,
    issued_before = CASE WHEN held.expires > $4 THEN GREATEST(held.issued_before, EXCLUDED.issued_before) ELSE EXCLUDED.issued_before END
  RETURNING entry_key)
INSERT INTO bearerkit_changes (entry_key, created) SELECT entry_key, $5::bigint FROM saved`,
	remove: `DELETE FROM bearerkit_entries WHERE entry_key = $1`,
	removeLogged: `
WITH removed AS (DELETE FROM bearerkit_entries WHERE entry_key = $1)
INSERT INTO bearerkit_changes (entry_key, created) VALUES ($1, $2)`,
	log: `INSERT INTO bearerkit_changes (entry_key, created) VALUES ($1, $2)`,
	// ON CONFLICT DO NOTHING inserts no row if the mark exists, and reports all other errors.
	mark: `
INSERT INTO bearerkit_marks (owner, mark, expires)
SELECT $1::bytea, $2::bytea, $3::bigint
WHERE EXISTS (SELECT 1 FROM bearerkit_epoch WHERE id = 1 AND epoch = $4 AND server = ` + postgresServer + `)
  AND ` + postgresClock + ` BETWEEN $5 AND $6
  AND EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = $7 AND mark = $8)
ON CONFLICT DO NOTHING`,
	explain: `
SELECT EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = $1 AND mark = $2),
  EXISTS (SELECT 1 FROM bearerkit_epoch WHERE id = 1 AND epoch = $3 AND server = ` + postgresServer + `),
  EXISTS (SELECT 1 FROM bearerkit_marks WHERE owner = $4 AND mark = $5),
  ` + postgresClock + ` BETWEEN $6 AND $7`,
	// The inner LIMIT stops counting, so that a key with many marks does not make the statement slow.
	countMarks: `SELECT COUNT(*) FROM (SELECT 1 FROM bearerkit_marks WHERE owner = $1 AND expires > $2 LIMIT $3) AS counted`,
	readEpoch:  `SELECT epoch, begins, server = ` + postgresServer + ` FROM bearerkit_epoch WHERE id = 1`,
	// The condition at the end lets only one of several processes replace an epoch. A new epoch begins in the future, after all
	// marks that may be lost.
	replaceEpoch: `
INSERT INTO bearerkit_epoch AS held (id, epoch, begins, server) VALUES (1, $1, ` + postgresClock + ` + 1000000, ` + postgresServer + `)
ON CONFLICT (id) DO UPDATE SET
  epoch = excluded.epoch, begins = GREATEST(excluded.begins, held.begins + 1), server = excluded.server
WHERE held.epoch = $2`,
	addWitness:      `INSERT INTO bearerkit_marks (owner, mark, expires) VALUES ($1, $2, $3)`,
	removeWitnesses: `DELETE FROM bearerkit_marks WHERE owner = $1 AND mark <> $2`,
	clock:           `SELECT ` + postgresClock,
	// One statement reads the state and the changes from one snapshot. The LEFT JOIN returns the state also if there is no change.
	changes: `
SELECT s.pruned, (SELECT COALESCE(MAX(id), 0) FROM bearerkit_changes), (SELECT epoch FROM bearerkit_epoch WHERE id = 1),
  c.id, c.entry_key, c.created
FROM bearerkit_state AS s LEFT JOIN bearerkit_changes AS c ON c.id > $1
WHERE s.id = 1 ORDER BY c.id LIMIT $2`,
	oldChanges: `
SELECT COALESCE(MAX(id), 0) FROM (SELECT id, created FROM bearerkit_changes ORDER BY id LIMIT $1) AS c WHERE created < $2`,
	notePruned: `UPDATE bearerkit_state SET pruned = $1 WHERE id = 1 AND pruned < $2`,
	prune:      `DELETE FROM bearerkit_changes WHERE id <= $1`,
	// The rows are locked, so their positions (ctid) cannot change. They save a search in the index of the keys for each row. Rows
	// that another transaction is changing are skipped: waiting for it could delay the whole batch.
	removals: []removal{
		{text: `DELETE FROM bearerkit_entries WHERE ctid = ANY (ARRAY(SELECT ctid FROM bearerkit_entries
  WHERE expires >= $1 AND expires < $2 ORDER BY expires LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING expires`},
		{text: `DELETE FROM bearerkit_marks WHERE ctid = ANY (ARRAY(SELECT ctid FROM bearerkit_marks
  WHERE expires >= $1 AND expires < $2 ORDER BY expires LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING expires`},
		{text: `DELETE FROM bearerkit_locks WHERE ctid = ANY (ARRAY(SELECT ctid FROM bearerkit_locks
  WHERE expires >= $1 AND expires < $2 ORDER BY expires LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING expires`, grace: locksGrace},
	},
	// The number is the CRC-32 of "bearerkit". Advisory locks belong to a database.
	lock:   `SELECT pg_advisory_lock(1351428584)`,
	unlock: `SELECT pg_advisory_unlock(1351428584)`,
	createVersions: `
CREATE TABLE IF NOT EXISTS bearerkit_schema (
  id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL,
  tstamp timestamp NOT NULL DEFAULT now())`,
	firstVersion: `
INSERT INTO bearerkit_schema (version_id, is_applied)
SELECT 0, true WHERE NOT EXISTS (SELECT 1 FROM bearerkit_schema)`,
	version: `SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema`,
	versions: `
SELECT (SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema), min_version FROM bearerkit_state WHERE id = 1`,
	// Durability needs both settings: synchronous_commit can be off for one session, and fsync for the whole server. PostgreSQL
	// has no requirement, and it always commits a statement outside of a transaction.
	settings: `
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off',
  current_setting('synchronous_commit') <> 'off' AND current_setting('fsync') = 'on',
  true, true`,
}
