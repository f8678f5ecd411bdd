-- All times are microseconds since 1970. In bearerkit_entries, the largest number means that an entry never expires, and the
-- smallest that issued_before is not set.

-- +goose Up

-- store.Storage: denied and stored tokens.
CREATE TABLE bearerkit_entries (
    entry_key     BLOB    NOT NULL PRIMARY KEY,
    expires       INTEGER NOT NULL,
    issued_before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bearerkit_entries_expires ON bearerkit_entries (expires);

-- The keys of changed entries, for Watch. The transaction that changes an entry adds a row.
CREATE TABLE bearerkit_changes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_key BLOB    NOT NULL,
    created   INTEGER NOT NULL
) STRICT;

-- One row. pruned is the largest id that was removed from bearerkit_changes. A program can use the tables if its own version of
-- the schema is at least min_version. A migration that older programs cannot work with sets min_version to its own version, in
-- its first statement.
CREATE TABLE bearerkit_state (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    pruned      INTEGER NOT NULL,
    min_version INTEGER NOT NULL
) STRICT;
INSERT INTO bearerkit_state (id, pruned, min_version) VALUES (1, 0, 1);

-- Used DPoP proofs. owner is a hash of the client's key, and mark a hash of the proof.
CREATE TABLE bearerkit_marks (
    owner   BLOB    NOT NULL,
    mark    BLOB    NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (owner, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX bearerkit_marks_expires ON bearerkit_marks (expires);

-- At most one row: since when no mark was lost.
CREATE TABLE bearerkit_epoch (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  BLOB    NOT NULL,
    begins INTEGER NOT NULL,
    server TEXT    NOT NULL
) STRICT;

-- registry.Store: registered clients.
CREATE TABLE bearerkit_clients (
    id      TEXT    NOT NULL PRIMARY KEY,
    name    TEXT    NOT NULL,
    owner   TEXT    NOT NULL,
    version INTEGER NOT NULL,
    data    TEXT    NOT NULL
) STRICT;
CREATE INDEX bearerkit_clients_name ON bearerkit_clients (name, id);
CREATE INDEX bearerkit_clients_owner ON bearerkit_clients (owner, id);

-- The scopes that an owner has authorized a client to use, one row for each scope. owner is empty for a client without a user.
CREATE TABLE bearerkit_authorizations (
    client_id TEXT    NOT NULL,
    owner     TEXT    NOT NULL,
    scope     TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    PRIMARY KEY (client_id, owner, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX bearerkit_authorizations_owner ON bearerkit_authorizations (owner);

-- client.TokenStore: sealed tokens.
CREATE TABLE bearerkit_tokens (
    token_key BLOB    NOT NULL PRIMARY KEY,
    version   INTEGER NOT NULL,
    data      BLOB    NOT NULL
) STRICT;

-- client.TokenLocker: who refreshes a token.
CREATE TABLE bearerkit_locks (
    lock_key BLOB    NOT NULL PRIMARY KEY,
    holder   BLOB    NOT NULL,
    expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bearerkit_locks_expires ON bearerkit_locks (expires);
