-- +goose Up

-- Programs of version 1 can use the tables: they do not read this one.
--
-- What was imported from another system. kind is client, authorization or token. owner is empty, except for authorizations.
-- expires is the largest number for a row that never expires.
CREATE TABLE bearerkit_imports (
    kind    bytea  NOT NULL,
    row_key bytea  NOT NULL,
    owner   bytea  NOT NULL,
    digest  bytea  NOT NULL,
    expires bigint NOT NULL,
    created bigint NOT NULL,
    PRIMARY KEY (kind, row_key, owner)
);
CREATE INDEX bearerkit_imports_expires ON bearerkit_imports (expires);
