-- All times are microseconds since 1970. In bearerkit_entries, the largest number means that an entry never expires, and the
-- smallest that issued_before is not set.

-- +goose Up

-- store.Storage: denied and stored tokens.
CREATE TABLE bearerkit_entries (
    entry_key     bytea  PRIMARY KEY,
    expires       bigint NOT NULL,
    issued_before bigint NOT NULL
);
CREATE INDEX bearerkit_entries_expires ON bearerkit_entries (expires);

-- The keys of changed entries, for Watch. The transaction that changes an entry adds a row.
CREATE TABLE bearerkit_changes (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_key bytea  NOT NULL,
    created   bigint NOT NULL
);

-- One row. pruned is the largest id that was removed from bearerkit_changes. A program can use the tables if its own version of
-- the schema is at least min_version. A migration that older programs cannot work with sets min_version to its own version, in
-- its first statement.
CREATE TABLE bearerkit_state (
    id          smallint PRIMARY KEY CHECK (id = 1),
    pruned      bigint   NOT NULL,
    min_version bigint   NOT NULL
);
INSERT INTO bearerkit_state (id, pruned, min_version) VALUES (1, 0, 1);

-- Used DPoP proofs. owner is a hash of the client's key, and mark a hash of the proof.
CREATE TABLE bearerkit_marks (
    owner   bytea  NOT NULL,
    mark    bytea  NOT NULL,
    expires bigint NOT NULL,
    PRIMARY KEY (owner, mark)
);
CREATE INDEX bearerkit_marks_expires ON bearerkit_marks (expires);

-- At most one row: since when no mark was lost, and the server that it is about.
CREATE TABLE bearerkit_epoch (
    id     smallint PRIMARY KEY CHECK (id = 1),
    epoch  bytea    NOT NULL,
    begins bigint   NOT NULL,
    server text     NOT NULL
);

-- registry.Store: registered clients.
CREATE TABLE bearerkit_clients (
    id      text COLLATE "C" PRIMARY KEY,
    name    text COLLATE "C" NOT NULL,
    owner   text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    data    text   NOT NULL
);
CREATE INDEX bearerkit_clients_name ON bearerkit_clients (name, id);
CREATE INDEX bearerkit_clients_owner ON bearerkit_clients (owner, id);

-- The scopes that an owner has authorized a client to use, one row for each scope. owner is empty for a client without a user.
CREATE TABLE bearerkit_authorizations (
    client_id text COLLATE "C" NOT NULL,
    owner     text COLLATE "C" NOT NULL,
    scope     text COLLATE "C" NOT NULL,
    created   bigint NOT NULL,
    PRIMARY KEY (client_id, owner, scope)
);
CREATE INDEX bearerkit_authorizations_owner ON bearerkit_authorizations (owner);

-- client.TokenStore: sealed tokens.
CREATE TABLE bearerkit_tokens (
    token_key bytea  PRIMARY KEY,
    version   bigint NOT NULL,
    data      bytea  NOT NULL
);

-- client.TokenLocker: who refreshes a token.
CREATE TABLE bearerkit_locks (
    lock_key bytea  PRIMARY KEY,
    holder   bytea  NOT NULL,
    expires  bigint NOT NULL
);
CREATE INDEX bearerkit_locks_expires ON bearerkit_locks (expires);
