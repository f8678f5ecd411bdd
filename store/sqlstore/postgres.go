package sqlstore

// postgres are the statements for PostgreSQL. They work at each isolation level, but are meant for READ COMMITTED.
var postgres = statements{ //nolint:gochecknoglobals // constants
	lookup: [2]string{`SELECT entry_key, expires, issued_before FROM bearerkit_entries WHERE entry_key IN (`, `)`},
	save: `
INSERT INTO bearerkit_entries AS held (entry_key, expires, issued_before) VALUES ($1, $2, $3)
ON CONFLICT (entry_key) DO UPDATE SET
  expires = CASE WHEN held.expires > $4 THEN GREATEST(held.expires, EXCLUDED.expires) ELSE EXCLUDED.expires END,
  issued_before = CASE WHEN held.expires > $4 THEN GREATEST(held.issued_before, EXCLUDED.issued_before) ELSE EXCLUDED.issued_before END`,
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
	// The number is the CRC-32 of "bearerkit". Advisory locks belong to a database.
	lock:    `SELECT pg_advisory_lock(1351428584)`,
	unlock:  `SELECT pg_advisory_unlock(1351428584)`,
	version: `SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema`,
	settings: `
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off',
  current_setting('synchronous_commit') <> 'off' AND current_setting('fsync') = 'on',
  true`,
}
