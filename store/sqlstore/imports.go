package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// Imports stores data of another system, and records what it has stored. So a later import can distinguish a new row from one that
// an earlier import stored and that was deleted from the store since. Package crossauth uses it. Errors are those of the methods of
// [Store]. It is safe for concurrent use.
type Imports struct{ d *database }

// Imports returns the store for data of another system.
func (s *Store) Imports() *Imports { return &Imports{&s.database} }

// ImportKind is the kind of row that a record describes.
type ImportKind string

// The kinds of records.
const (
	ImportedClient        ImportKind = "client"
	ImportedAuthorization ImportKind = "authorization"
	ImportedToken         ImportKind = "token"
)

// ImportRecord records that a row was imported.
type ImportRecord struct {
	// Key identifies the row: the id of a client, or the key of a token (store.TokenKey). For an authorization, Key is the id of
	// the client, and Owner the user. Owner is empty for other kinds.
	Key, Owner string

	// Digest is a hash of the row in the other system when it was imported, at most 64 bytes.
	Digest []byte

	// Expires is when the row expires. Zero: it does not.
	Expires time.Time

	// Imported is when the row was imported. It is set by the methods that store a row.
	Imported time.Time
}

// ImportOutcome is the result of an import of one row. The source is the other system, and the target is the store. The call has
// stored the row only if the result is RowImported.
type ImportOutcome int

// The results of an import of one row.
const (
	RowImported        ImportOutcome = iota + 1 // the row was new and was stored
	RowUnchanged                                // the store has the row already, with the same content; for a token, with the same key
	RowChangedInSource                          // an earlier import stored it, and the other system has changed it since
	RowDeletedInTarget                          // an earlier import stored it, and it was deleted from the store since
	RowChangedInTarget                          // an earlier import stored it, and it was changed in the store since
	RowExists                                   // the store has another row with this key, which no import stored
)

// The statements of [Imports].
const (
	importsGet = `
SELECT row_key, owner, digest, expires, created FROM bearerkit_imports WHERE kind = ? AND row_key = ? AND owner = ?`
	importsPage = `
SELECT row_key, owner, digest, expires, created FROM bearerkit_imports
WHERE kind = ? AND (row_key > ? OR row_key = ? AND owner > ?) ORDER BY row_key, owner LIMIT ?`
	importsInsert = `
INSERT INTO bearerkit_imports (kind, row_key, owner, digest, expires, created) VALUES (?, ?, ?, ?, ?, ?)`
	importsInsertNew = importsInsert + ` ON CONFLICT (kind, row_key, owner) DO NOTHING`
	importsDelete    = `DELETE FROM bearerkit_imports WHERE kind = ? AND row_key = ? AND owner = ?`
	importsBound     = `SELECT expires FROM bearerkit_imports WHERE expires < ? ORDER BY expires LIMIT 1 OFFSET ?`
	importsExpired   = `DELETE FROM bearerkit_imports WHERE expires < ?`

	entriesInsert = `
INSERT INTO bearerkit_entries (entry_key, expires, issued_before) VALUES (?, ?, ?)`
	entriesInsertNew = entriesInsert + ` ON CONFLICT (entry_key) DO NOTHING`
	entriesGet       = `SELECT expires FROM bearerkit_entries WHERE entry_key = ?`
)

const (
	importPage = 1000 // records that Each reads at a time
	maxDigest  = 64   // bytes of the digest of a record
)

// checkDigest returns a *ValueError if a digest is too long for its column.
func checkDigest(operation string, digest []byte) error {
	if len(digest) > maxDigest {
		return &ValueError{operation, "digest", tooLong(len(digest), maxDigest)}
	}
	return nil
}

// Get returns the record of a row, and false if the row was not imported.
func (i *Imports) Get(ctx context.Context, kind ImportKind, key, owner string) (record ImportRecord, found bool, err error) {
	limited, cancel := i.d.limited(ctx)
	defer cancel()
	err = i.d.query(limited, i.d.portable(importsGet), []any{[]byte(kind), []byte(key), []byte(owner)}, func(rows *sql.Rows) error {
		found = true
		return scanRecord(rows, &record)
	})
	return record, found && err == nil, i.d.failed(ctx, "Imports.Get", err)
}

// Each calls do with the records of a kind, in ascending order of Key and Owner. It ends with the first error of do.
func (i *Imports) Each(ctx context.Context, kind ImportKind, do func(ImportRecord) error) error {
	var last ImportRecord
	for {
		page, err := i.page(ctx, kind, last)
		if err != nil {
			return i.d.failed(ctx, "Imports.Each", err)
		}
		for _, record := range page {
			if err := do(record); err != nil {
				return err
			}
			last = record
		}
		if len(page) < importPage {
			return nil
		}
	}
}

// page returns the records after last.
func (i *Imports) page(ctx context.Context, kind ImportKind, last ImportRecord) (page []ImportRecord, err error) {
	limited, cancel := i.d.limited(ctx)
	defer cancel()
	args := []any{[]byte(kind), []byte(last.Key), []byte(last.Key), []byte(last.Owner), importPage}
	err = i.d.query(limited, i.d.portable(importsPage), args, func(rows *sql.Rows) error {
		page = append(page, ImportRecord{})
		return scanRecord(rows, &page[len(page)-1])
	})
	return page, err
}

func scanRecord(rows *sql.Rows, record *ImportRecord) error {
	var key, owner []byte
	var expires, created int64
	if err := rows.Scan(&key, &owner, &record.Digest, &expires, &created); err != nil {
		return err
	}
	record.Key, record.Owner = string(key), string(owner)
	record.Expires, record.Imported = timeOf(expires, never), time.UnixMicro(created)
	return nil
}

// CreateClient is [Clients.Create] for an imported client. In the same transaction, it records the import with the given digest. If
// created is false, nothing was stored or recorded.
func (i *Imports) CreateClient(ctx context.Context, row store.ClientRow, digest []byte) (created bool, err error) {
	const operation = "Imports.CreateClient"
	if err := errors.Join(checkClient(operation, row), checkDigest(operation, digest)); err != nil {
		return false, err
	}
	limited, cancel := i.d.limited(ctx)
	defer cancel()
	err = i.d.write(limited, func(t transaction) error {
		created, err = t.insert(limited, clientsCreate, clientsCreateNew, row.ID, row.Name, row.Owner, row.Version, string(row.Data))
		if err != nil || !created {
			return err
		}
		_, err := t.record(limited, ImportedClient, ImportRecord{Key: row.ID, Digest: digest})
		return err
	})
	return created && err == nil, i.d.failed(ctx, operation, err)
}

// SetAuthorization stores an authorization with all its scopes, unless an earlier import stored it, or the store has scopes of this
// client and owner. The record and the scopes are stored in one transaction.
func (i *Imports) SetAuthorization(ctx context.Context, a Authorization, digest []byte) (ImportOutcome, error) {
	const operation = "Imports.SetAuthorization"
	if err := errors.Join(checkAuthorization(operation, a.ClientID, a.Owner, a.Scopes), checkDigest(operation, digest)); err != nil {
		return 0, err
	}
	limited, cancel := i.d.limited(ctx)
	defer cancel()
	var outcome ImportOutcome
	err := i.d.write(limited, func(t transaction) (err error) {
		outcome, err = t.importAuthorization(limited, a, digest)
		return err
	})
	return outcome, i.d.failed(ctx, operation, err)
}

// importAuthorization is SetAuthorization in a transaction.
func (t transaction) importAuthorization(ctx context.Context, a Authorization, digest []byte) (ImportOutcome, error) {
	if err := t.lockAuthorizations(ctx); err != nil {
		return 0, err
	}
	isNew, err := t.record(ctx, ImportedAuthorization, ImportRecord{Key: a.ClientID, Owner: a.Owner, Digest: digest})
	if err != nil {
		return 0, err
	}
	scopes, err := t.scopes(ctx, a.ClientID, a.Owner)
	if err != nil {
		return 0, err
	}
	switch {
	case isNew && len(scopes) == 0:
		return RowImported, t.replaceScopes(ctx, a.ClientID, a.Owner, a.Scopes)
	case isNew && sameScopes(scopes, a.Scopes):
		return RowUnchanged, nil
	case isNew:
		return RowExists, t.unrecord(ctx, ImportedAuthorization, a.ClientID, a.Owner)
	}
	known, err := t.digest(ctx, ImportedAuthorization, a.ClientID, a.Owner)
	switch {
	case err != nil:
		return 0, err
	case known != string(digest):
		return RowChangedInSource, nil
	case len(scopes) == 0:
		return RowDeletedInTarget, nil
	case !sameScopes(scopes, a.Scopes):
		return RowChangedInTarget, nil
	}
	return RowUnchanged, nil
}

// ImportTokens stores entries for store.PersistedTokens, all in one transaction. tokens has at most 1000 elements. It returns the
// result for each of them. If an earlier import stored a token, and its entry was deleted since, the token was revoked. Its result is
// RowDeletedInTarget, and it is not stored again.
func (i *Imports) ImportTokens(ctx context.Context, tokens []ImportRecord) ([]ImportOutcome, error) {
	const operation = "Imports.ImportTokens"
	if len(tokens) > importPage {
		return nil, &ValueError{operation, "tokens", fmt.Sprintf("has %d elements, expected at most %d", len(tokens), importPage)}
	}
	for n, token := range tokens {
		switch field := fmt.Sprintf("tokens[%d].", n); {
		case !strings.HasPrefix(token.Key, persistedPrefix):
			return nil, &ValueError{operation, field + "Key", "is not a key of store.TokenKey"}
		case len(token.Key) > maxKey:
			return nil, &ValueError{operation, field + "Key", tooLong(len(token.Key), maxKey)}
		case len(token.Digest) > maxDigest:
			return nil, &ValueError{operation, field + "Digest", tooLong(len(token.Digest), maxDigest)}
		}
	}
	outcomes := make([]ImportOutcome, len(tokens))
	// A transaction of 1000 rows may take longer than one statement.
	limited, cancel := context.WithTimeout(ctx, max(i.d.timeout, maxTimeout))
	defer cancel()
	err := i.d.write(limited, func(t transaction) (err error) {
		for n, token := range tokens {
			if outcomes[n], err = t.importToken(limited, token); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, i.d.failed(ctx, operation, err)
	}
	return outcomes, nil
}

// importToken stores one token.
func (t transaction) importToken(ctx context.Context, token ImportRecord) (ImportOutcome, error) {
	isNew, err := t.record(ctx, ImportedToken, token)
	if err != nil {
		return 0, err
	}
	if !isNew {
		outcome := RowDeletedInTarget
		err := t.query(ctx, t.d.portable(entriesGet), []any{[]byte(token.Key)}, func(*sql.Rows) error {
			outcome = RowUnchanged
			return nil
		})
		return outcome, err
	}
	created, err := t.insert(ctx, entriesInsert, entriesInsertNew, []byte(token.Key), stored(token.Expires, never), unset)
	if err != nil {
		return 0, err
	}
	if !created { // the entry was saved by the application
		return RowUnchanged, nil
	}
	return RowImported, nil
}

// Forget deletes the records of tokens that expired before the given time, in transactions of about 1000 records.
func (i *Imports) Forget(ctx context.Context, before time.Time) error {
	for ended := micros(before); ; {
		bound, err := i.forget(ctx, ended)
		if err != nil || bound == ended {
			return i.d.failed(ctx, "Imports.Forget", err)
		}
	}
}

// forget deletes the records that expire first, and returns the time before which all records are deleted.
func (i *Imports) forget(ctx context.Context, ended int64) (bound int64, err error) {
	limited, cancel := context.WithTimeout(ctx, max(i.d.timeout, maxTimeout)) // many records may expire at the same time
	defer cancel()
	bound = ended
	err = i.d.query(limited, i.d.portable(importsBound), []any{ended, importPage}, func(rows *sql.Rows) error {
		err := rows.Scan(&bound)
		bound = min(bound+1, ended)
		return err
	})
	if err != nil {
		return 0, err
	}
	_, err = i.d.exec(limited, i.d.portable(importsExpired), bound)
	return bound, err
}

// record inserts a record. It reports whether there was none before.
func (t transaction) record(ctx context.Context, kind ImportKind, r ImportRecord) (bool, error) {
	digest := append([]byte{}, r.Digest...) // nil would be NULL
	return t.insert(ctx, importsInsert, importsInsertNew,
		[]byte(kind), []byte(r.Key), []byte(r.Owner), digest, stored(r.Expires, never), micros(time.Now()))
}

// unrecord deletes a record.
func (t transaction) unrecord(ctx context.Context, kind ImportKind, key, owner string) error {
	_, err := t.exec(ctx, t.d.portable(importsDelete), []byte(kind), []byte(key), []byte(owner))
	return err
}

// digest returns the digest of a record.
func (t transaction) digest(ctx context.Context, kind ImportKind, key, owner string) (digest string, err error) {
	err = t.query(ctx, t.d.portable(importsGet), []any{[]byte(kind), []byte(key), []byte(owner)}, func(rows *sql.Rows) error {
		var record ImportRecord
		err := scanRecord(rows, &record)
		digest = string(record.Digest)
		return err
	})
	return digest, err
}
