-- All times are microseconds since 1970. In bearerkit_entries, the largest number means that an entry never expires, and the
-- smallest that issued_before is not set. VARBINARY columns compare byte by byte, including trailing spaces.
--
-- MariaDB commits each of these statements by itself, so each can be repeated.

-- +goose Up

-- store.Storage: denied and stored tokens.
CREATE TABLE IF NOT EXISTS bearerkit_entries (
    entry_key     VARBINARY(255) NOT NULL PRIMARY KEY,
    expires       BIGINT NOT NULL,
    issued_before BIGINT NOT NULL,
    INDEX bearerkit_entries_expires (expires)
) ENGINE = InnoDB;

-- The keys of changed entries, for Watch. The transaction that changes an entry adds a row.
CREATE TABLE IF NOT EXISTS bearerkit_changes (
    id        BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    entry_key VARBINARY(255) NOT NULL,
    created   BIGINT NOT NULL
) ENGINE = InnoDB;

-- One row. pruned is the largest id that was removed from bearerkit_changes. A program can use the tables if its own version of
-- the schema is at least min_version. A migration that older programs cannot work with sets min_version to its own version, in
-- its first statement.
CREATE TABLE IF NOT EXISTS bearerkit_state (
    id          SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    pruned      BIGINT NOT NULL,
    min_version BIGINT NOT NULL
) ENGINE = InnoDB;
INSERT INTO bearerkit_state (id, pruned, min_version) VALUES (1, 0, 1) ON DUPLICATE KEY UPDATE id = 1;

-- Used DPoP proofs. owner is a hash of the client's key, and mark a hash of the proof.
CREATE TABLE IF NOT EXISTS bearerkit_marks (
    owner   VARBINARY(16) NOT NULL,
    mark    VARBINARY(16) NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (owner, mark),
    INDEX bearerkit_marks_expires (expires)
) ENGINE = InnoDB;

-- At most one row: since when no mark was lost, and the server that it is about. The row disappears when the server restarts.
CREATE TABLE IF NOT EXISTS bearerkit_epoch (
    id     SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch  VARBINARY(16) NOT NULL,
    begins BIGINT NOT NULL,
    server VARBINARY(400) NOT NULL
) ENGINE = MEMORY;

-- registry.Store: registered clients.
CREATE TABLE IF NOT EXISTS bearerkit_clients (
    id      VARBINARY(255) NOT NULL PRIMARY KEY,
    name    VARBINARY(255) NOT NULL,
    owner   VARBINARY(255) NOT NULL,
    version BIGINT NOT NULL,
    data    MEDIUMBLOB NOT NULL,
    INDEX bearerkit_clients_name (name, id),
    INDEX bearerkit_clients_owner (owner, id)
) ENGINE = InnoDB;

-- The scopes that an owner has authorized a client to use, one row for each scope. owner is empty for a client without a user.
CREATE TABLE IF NOT EXISTS bearerkit_authorizations (
    client_id VARBINARY(255) NOT NULL,
    owner     VARBINARY(255) NOT NULL,
    scope     VARBINARY(255) NOT NULL,
    created   BIGINT NOT NULL,
    PRIMARY KEY (client_id, owner, scope),
    INDEX bearerkit_authorizations_owner (owner)
) ENGINE = InnoDB;

-- client.TokenStore: sealed tokens.
CREATE TABLE IF NOT EXISTS bearerkit_tokens (
    token_key VARBINARY(255) NOT NULL PRIMARY KEY,
    version   BIGINT NOT NULL,
    data      MEDIUMBLOB NOT NULL
) ENGINE = InnoDB;

-- client.TokenLocker: who refreshes a token.
CREATE TABLE IF NOT EXISTS bearerkit_locks (
    lock_key VARBINARY(255) NOT NULL PRIMARY KEY,
    holder   VARBINARY(32) NOT NULL,
    expires  BIGINT NOT NULL,
    INDEX bearerkit_locks_expires (expires)
) ENGINE = InnoDB;
