-- +goose Up

-- Programs of version 1 can use the tables: they do not read this one.
--
-- What was imported from another system. kind is client, authorization or token. owner is empty, except for authorizations.
-- expires is the largest number for a row that never expires.
CREATE TABLE IF NOT EXISTS bearerkit_imports (
    kind    VARBINARY(16)  NOT NULL,
    row_key VARBINARY(255) NOT NULL,
    owner   VARBINARY(255) NOT NULL,
    digest  VARBINARY(64)  NOT NULL,
    expires BIGINT         NOT NULL,
    created BIGINT         NOT NULL,
    PRIMARY KEY (kind, row_key, owner),
    INDEX bearerkit_imports_expires (expires)
) ENGINE = InnoDB;
