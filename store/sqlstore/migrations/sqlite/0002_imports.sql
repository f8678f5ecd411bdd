-- +goose Up

-- Programs of version 1 can use the tables: they do not read this one.
--
-- What was imported from another system. kind is client, authorization or token. owner is empty, except for authorizations.
-- expires is the largest number for a row that never expires.
CREATE TABLE bearerkit_imports (
    kind    BLOB    NOT NULL,
    row_key BLOB    NOT NULL,
    owner   BLOB    NOT NULL,
    digest  BLOB    NOT NULL,
    expires INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (kind, row_key, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX bearerkit_imports_expires ON bearerkit_imports (expires);
