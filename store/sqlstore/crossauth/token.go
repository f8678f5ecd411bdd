package crossauth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// accessPrefix begins the keys of access tokens.
const accessPrefix = "access:"

// storedTokens are the rows of the key table for access tokens. There may be millions, so each has only 40 bytes.
type storedTokens struct {
	rows   []storedToken // in ascending order of hash and expires, after sort
	faults []tokenFault  // the rows that cannot be imported
}

// storedToken is the row of one token.
type storedToken struct {
	hash    [sha256.Size]byte // of the id of the token
	expires int64             // in microseconds since 1970, or one of the constants below
}

const (
	unreadable int64 = math.MinInt64 // the column cannot be read
	forever    int64 = math.MaxInt64 // the token does not expire
)

// tokenFault is a row that cannot be imported.
type tokenFault struct{ name, reason string }

// add adds a row.
func (t *storedTokens) add(key string, expires cell, zone *time.Location) {
	hash, ok := tokenHash(key)
	if !ok {
		t.faults = append(t.faults, tokenFault{shownKey(key), "the text after the prefix is not the SHA-256 hash of a token id in base64url"})
		return
	}
	row := storedToken{hash: hash, expires: forever}
	if expires != nil {
		switch at, ok := parseTime(*expires, zone); {
		case !ok:
			row.expires = unreadable
			t.faults = append(t.faults, tokenFault{row.shown(), "expires is " + shownCell(expires) + ", expected a time"})
		case !at.IsZero():
			row.expires = at.UnixMicro()
		}
	}
	t.rows = append(t.rows, row)
}

// sort sorts the rows. Of several rows for one token, the one that expires first comes first, after those that cannot be read.
func (t *storedTokens) sort() {
	slices.SortFunc(t.rows, func(a, b storedToken) int {
		return cmp.Or(bytes.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.expires, b.expires))
	})
}

// has reports whether there is a row for the token with the given key of store.TokenKey.
func (t *storedTokens) has(key string) bool {
	hash, ok := tokenHash(key)
	_, found := slices.BinarySearchFunc(t.rows, hash, func(row storedToken, hash [sha256.Size]byte) int { return bytes.Compare(row.hash[:], hash[:]) })
	return ok && found
}

// tokenHash returns the hash in a key of crossauth, which may have padding. ok is false if there is none.
func tokenHash(key string) (hash [sha256.Size]byte, ok bool) {
	encoded := strings.TrimSuffix(strings.TrimPrefix(key, accessPrefix), "=")
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(decoded) != len(hash) || base64.RawURLEncoding.EncodeToString(decoded) != encoded {
		return hash, false
	}
	return [sha256.Size]byte(decoded), true
}

// key returns the key of store.TokenKey.
func (t storedToken) key() string {
	return accessPrefix + base64.RawURLEncoding.EncodeToString(t.hash[:])
}

// shown returns a name for the report: the first characters of the key.
func (t storedToken) shown() string { return t.key()[:len(accessPrefix)+12] + "…" }

// shownKey returns a name for the report. The key is not the hash of a token id, so it may be a token, and is not shown.
func shownKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%s…, a key of %d bytes with the SHA-256 hash %s…", accessPrefix, len(key), hex.EncodeToString(sum[:8]))
}

// batch is how many tokens are stored in one transaction.
const batch = 500

// tokens imports the stored access tokens.
func (i *importer) tokens(ctx context.Context, s *source) error {
	if i.Layout.Keys == "" {
		return nil
	}
	for _, fault := range s.tokens.faults {
		i.report.reject(&i.report.AccessTokens, i.Layout.Keys, fault.name, fault.reason)
	}
	now := time.Now()
	pending := make([]sqlstore.ImportRecord, 0, batch)
	// The rows of one token follow each other. The first one that can be read decides, and the others are duplicates.
	var last storedToken
	for n, row := range s.tokens.rows {
		switch isFirst := n == 0 || row.hash != last.hash || last.expires == unreadable; {
		case row.expires == unreadable: // it is one of the faults
		case !isFirst:
			i.report.reject(&i.report.AccessTokens, i.Layout.Keys, row.shown(), duplicate)
		case row.expires <= now.UnixMicro():
			i.report.AccessTokens.add(expired, 1)
		default:
			record := sqlstore.ImportRecord{Key: row.key()}
			if row.expires != forever {
				record.Expires = time.UnixMicro(row.expires)
			}
			pending = append(pending, record)
		}
		last = row
		if len(pending) == batch || n == len(s.tokens.rows)-1 {
			if err := i.storeTokens(ctx, pending); err != nil {
				return err
			}
			pending = pending[:0]
		}
	}
	if i.DryRun {
		return nil
	}
	return i.target.Imports().Forget(ctx, now.Add(-24*time.Hour))
}

// storeTokens stores one batch of tokens.
func (i *importer) storeTokens(ctx context.Context, tokens []sqlstore.ImportRecord) error {
	outcomes, err := i.target.importTokens(ctx, tokens)
	if err != nil {
		return err
	}
	for _, outcome := range outcomes {
		switch outcome {
		case sqlstore.RowImported:
			i.report.AccessTokens.add(imported, 1)
		case sqlstore.RowDeletedInTarget:
			i.report.AccessTokens.add(different, 1)
		default:
			i.report.AccessTokens.add(unchanged, 1)
		}
	}
	return nil
}

// otherKeys reports the entries of the key table that are not imported.
func (i *importer) otherKeys(s *source) {
	known := otherKeys()
	for _, prefix := range sortedKeys(s.others) {
		count := known[prefix]
		count.Prefix, count.Rows = prefix, s.others[prefix]
		i.report.OtherKeys = append(i.report.OtherKeys, count)
	}
}
