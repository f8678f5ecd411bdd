package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/seal"
)

// Tokens stores the tokens and registrations of OAuth clients. Each value is sealed, and bound to its row, so that somebody who
// can read or write the database can neither read a token nor swap the tokens of two users. The keys of the rows are hashes of
// the keys that the methods receive. Tokens is safe for concurrent use.
//
// Tokens implements client.CredentialStore and client.TokenLocker, so that several processes can share one refresh token:
//
//	keys, err := seal.KeysFromEnv("APP_SEAL_KEYS")
//	ring, err := seal.New(seal.Config{Keys: keys})
//	source, err := c.TokenSource(client.TokenSourceConfig{Store: sqlStore.Tokens(ring), Key: "alice"})
//
// If a value cannot be opened, for example because its key was removed, the error matches one of the errors of package seal. The
// value is never reported as missing, so a TokenSource does not replace it. [Tokens.Save] replaces it, and [Tokens.Delete]
// deletes it.
type Tokens struct {
	d      *database
	sealer seal.Sealer
	logger *slog.Logger
	locks  locks
}

var (
	_ client.CredentialStore = (*Tokens)(nil)
	_ client.TokenLocker     = (*Tokens)(nil)
)

// Tokens returns the store of tokens. sealer, for example a [seal.Keyring], seals its values. If sealer is nil or contains a nil
// pointer, every method of the result returns an error. Call Tokens once for each process and keep the result.
func (s *Store) Tokens(sealer seal.Sealer) *Tokens {
	if nilcheck.IsNil(sealer) {
		sealer = nil // such as a nil *seal.Keyring, whose New has returned an error
	}
	return &Tokens{d: &s.database, sealer: sealer, logger: s.cfg.Logger}
}

// errNoSealer is the error of all methods if the sealer is nil.
var errNoSealer = errors.New("sqlstore: Store.Tokens received a nil sealer, expected for example a Keyring of seal.New")

// The statements of [Tokens].
//
//nolint:gosec // G101: they contain no credentials
const (
	tokensLoad = `SELECT token_key, version, data FROM bearerkit_tokens WHERE token_key = ?`
	tokensSave = `
INSERT INTO bearerkit_tokens (token_key, version, data) VALUES (?, ?, ?)
ON CONFLICT (token_key) DO UPDATE SET version = bearerkit_tokens.version + 1, data = excluded.data`
	tokensSaveMariaDB = `
INSERT INTO bearerkit_tokens (token_key, version, data) VALUES (?, ?, ?)
ON DUPLICATE KEY UPDATE version = version + 1, data = VALUES(data)`
	tokensDelete = `DELETE FROM bearerkit_tokens WHERE token_key = ?`
	tokensPage   = `
SELECT token_key, version, data FROM bearerkit_tokens WHERE token_key > ? ORDER BY token_key LIMIT ?`
	tokensReseal = `
UPDATE bearerkit_tokens SET version = version + 1, data = ? WHERE token_key = ? AND version = ?`
)

// The kinds of rows. They are part of the hash that is the key of a row.
const (
	kindToken        = "token"
	kindRegistration = "registration"
)

// maxFirstVersion limits the version of a new row, which is random. Otherwise, a row that was deleted and saved again could have the
// same version as before, and a concurrent Reseal would overwrite it.
const maxFirstVersion = 1 << 52

// sealedRow is a row of the table.
type sealedRow struct {
	key     []byte
	version int64
	data    []byte
}

// rowKey returns the key of the row for a key of the caller.
func rowKey(kind, key string) []byte {
	hash := sha256.Sum256([]byte(kind + "\x00" + key))
	return hash[:]
}

// binding returns what a sealed value is bound to. It depends only on the row, so that Reseal needs no key of the caller.
func binding(rowKey []byte) []byte { return seal.Bind("bearerkit_tokens", string(rowKey)) }

// Load implements client.TokenStore.
func (t *Tokens) Load(ctx context.Context, key string) (*client.Token, error) {
	const operation = "Tokens.Load"
	text, found, err := t.open(ctx, operation, rowKey(kindToken, key))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, client.ErrNoToken
	}
	token := new(client.Token)
	if err := json.Unmarshal(text, token); err != nil || token.AccessToken == "" && token.RefreshToken == "" {
		return nil, fmt.Errorf("sqlstore: %s: the row does not contain a token", operation) // the JSON error may quote the token
	}
	return token, nil
}

// Save implements client.TokenStore.
func (t *Tokens) Save(ctx context.Context, key string, token *client.Token) error {
	const operation = "Tokens.Save"
	text, err := json.Marshal(token)
	if err != nil {
		return fmt.Errorf("sqlstore: %s: the token cannot be encoded as JSON", operation)
	}
	return t.save(ctx, operation, rowKey(kindToken, key), text)
}

// Delete implements client.TokenStore.
func (t *Tokens) Delete(ctx context.Context, key string) error {
	return t.remove(ctx, "Tokens.Delete", rowKey(kindToken, key))
}

// LoadRegistration implements client.RegistrationStore.
func (t *Tokens) LoadRegistration(ctx context.Context, key string) (*client.Registration, error) {
	const operation = "Tokens.LoadRegistration"
	text, found, err := t.open(ctx, operation, rowKey(kindRegistration, key))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, client.ErrNoRegistration
	}
	r := new(client.Registration)
	if err := json.Unmarshal(text, r); err != nil || r.ClientID == "" {
		return nil, fmt.Errorf("sqlstore: %s: the row does not contain a registration", operation)
	}
	return r, nil
}

// SaveRegistration implements client.RegistrationStore.
func (t *Tokens) SaveRegistration(ctx context.Context, key string, r *client.Registration) error {
	const operation = "Tokens.SaveRegistration"
	text, err := json.Marshal(r) //nolint:gosec // G117: the text is sealed
	if err != nil {
		return fmt.Errorf("sqlstore: %s: the registration cannot be encoded as JSON", operation)
	}
	return t.save(ctx, operation, rowKey(kindRegistration, key), text)
}

// DeleteRegistration implements client.RegistrationStore.
func (t *Tokens) DeleteRegistration(ctx context.Context, key string) error {
	return t.remove(ctx, "Tokens.DeleteRegistration", rowKey(kindRegistration, key))
}

// open reads a row and opens its value. found is false if there is no row.
func (t *Tokens) open(ctx context.Context, operation string, key []byte) (text []byte, found bool, err error) {
	if t.sealer == nil {
		return nil, false, errNoSealer
	}
	limited, cancel := t.d.limited(ctx)
	defer cancel()
	rows, err := t.rows(limited, tokensLoad, key)
	if err != nil || len(rows) == 0 {
		return nil, false, t.d.failed(ctx, operation, err)
	}
	text, err = t.sealer.Open(ctx, rows[0].data, binding(key))
	if err != nil {
		return nil, false, fmt.Errorf("sqlstore: %s: the stored value cannot be opened: %w", operation, err)
	}
	return text, true, nil
}

// rows returns the rows that a statement selects.
func (t *Tokens) rows(ctx context.Context, text string, args ...any) (found []sealedRow, err error) {
	err = t.d.query(ctx, t.d.portable(text), args, func(rows *sql.Rows) error {
		var row sealedRow
		if err := rows.Scan(&row.key, &row.version, &row.data); err != nil {
			return err
		}
		found = append(found, row)
		return nil
	})
	return found, err
}

// save seals text and stores it.
func (t *Tokens) save(ctx context.Context, operation string, key, text []byte) error {
	if t.sealer == nil {
		return errNoSealer
	}
	sealed, err := t.sealer.Seal(ctx, text, binding(key))
	if err != nil {
		return fmt.Errorf("sqlstore: %s: the value cannot be sealed: %w", operation, err)
	}
	if len(sealed) > maxData {
		return &ValueError{operation, "the sealed value", tooLong(len(sealed), maxData)}
	}
	limited, cancel := t.d.limited(ctx)
	defer cancel()
	statement := tokensSave
	if t.d.dialect == MariaDB {
		statement = tokensSaveMariaDB
	}
	version := 1 + rand.Int64N(maxFirstVersion) //nolint:gosec // not a secret
	_, err = t.d.exec(limited, t.d.portable(statement), key, version, sealed)
	return t.d.failed(ctx, operation, err)
}

func (t *Tokens) remove(ctx context.Context, operation string, key []byte) error {
	if t.sealer == nil {
		return errNoSealer
	}
	limited, cancel := t.d.limited(ctx)
	defer cancel()
	_, err := t.d.exec(limited, t.d.portable(tokensDelete), key)
	return t.d.failed(ctx, operation, err)
}

// resealBatch is how many rows Reseal reads at a time.
const resealBatch = 100

// Reseal seals the values again that were not sealed with the current key of the sealer. Call it after the new key was moved to
// the front in all processes, and before the old key is removed. If another call saves a value in the meantime, Reseal does not
// overwrite it.
//
// Values that cannot be opened are left as they are. The error joins the errors of at most 100 of them. If the database cannot be
// read, Reseal ends early. resealed is the number of values that were changed.
func (t *Tokens) Reseal(ctx context.Context) (resealed int, err error) {
	if t.sealer == nil {
		return 0, errNoSealer
	}
	var faults []error
	for after := []byte{}; ; {
		rows, err := t.page(ctx, after)
		if err != nil {
			return resealed, errors.Join(append(faults, err)...)
		}
		for _, row := range rows {
			changed, err := t.resealRow(ctx, row)
			if changed {
				resealed++
			}
			if isFault := err != nil; isFault && len(faults) < resealBatch {
				faults = append(faults, err)
			}
			after = row.key
		}
		if len(rows) < resealBatch {
			return resealed, errors.Join(faults...)
		}
	}
}

// page returns the rows after the given key.
func (t *Tokens) page(ctx context.Context, after []byte) ([]sealedRow, error) {
	limited, cancel := t.d.limited(ctx)
	defer cancel()
	rows, err := t.rows(limited, tokensPage, after, resealBatch)
	return rows, t.d.failed(ctx, "Tokens.Reseal", err)
}

// resealRow seals one value again, if it needs that and if no other call has changed it.
func (t *Tokens) resealRow(ctx context.Context, row sealedRow) (bool, error) {
	const operation = "Tokens.Reseal"
	sealed, changed, err := seal.Reseal(ctx, t.sealer, row.data, binding(row.key))
	if err != nil {
		return false, fmt.Errorf("sqlstore: %s: the value with the key %.8x… cannot be sealed again: %w", operation, row.key, err)
	}
	if !changed {
		return false, nil
	}
	limited, cancel := t.d.limited(ctx)
	defer cancel()
	n, err := t.d.exec(limited, t.d.portable(tokensReseal), sealed, row.key, row.version)
	return n > 0, t.d.failed(ctx, operation, err)
}

// Format implements [fmt.Formatter]. For every verb, it omits the sealer.
func (t *Tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "sqlstore.Tokens{}") }

// LogValue implements [slog.LogValuer]. It omits the sealer.
func (t *Tokens) LogValue() slog.Value { return slog.StringValue("sqlstore.Tokens{}") }
