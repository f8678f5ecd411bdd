// Package propagation measures how long a revoked token is still accepted by the processes of an API that share a store: Redis,
// PostgreSQL, MariaDB or a SQLite file. Its tests start the processes and the servers. They check that every process rejects the
// token. They do not check the time, because that depends on the machine: make propagation measures it and writes it into
// docs/scaling.md.
package propagation
