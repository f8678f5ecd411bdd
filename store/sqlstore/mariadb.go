package sqlstore

// mariadb are the statements for MariaDB. They do not depend on options of the data source name, such as clientFoundRows.
var mariadb = statements{ //nolint:gochecknoglobals // constants
	lookup: [2]string{`SELECT entry_key, expires, issued_before FROM bearerkit_entries WHERE entry_key IN (`, `)`},
	// MariaDB evaluates assignments from left to right, so the second one must not read a column that the first one has set.
	save: `
INSERT INTO bearerkit_entries (entry_key, expires, issued_before) VALUES (?, ?, ?)
ON DUPLICATE KEY UPDATE
  issued_before = IF(expires > ?, GREATEST(issued_before, VALUES(issued_before)), VALUES(issued_before)),
  expires = IF(expires > ?, GREATEST(expires, VALUES(expires)), VALUES(expires))`,
	remove: `DELETE FROM bearerkit_entries WHERE entry_key = ?`,
	log:    `INSERT INTO bearerkit_changes (entry_key, created) VALUES (?, ?)`,
	// Named locks belong to the server, so the name contains the database. 86400 s is a day.
	lock:    `SELECT GET_LOCK(CONCAT('bearerkit:', MD5(DATABASE())), 86400)`,
	unlock:  `SELECT RELEASE_LOCK(CONCAT('bearerkit:', MD5(DATABASE())))`,
	version: `SELECT COALESCE(MAX(version_id), 0) FROM bearerkit_schema`,
	settings: `
SELECT @@global.read_only = 0,
  @@global.innodb_flush_log_at_trx_commit = 1,
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = DATABASE() AND table_name = 'bearerkit_epoch' AND engine = 'MEMORY') = 1`,
}
