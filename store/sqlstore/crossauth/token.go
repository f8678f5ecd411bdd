package crossauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// tokenKey returns the key of store.TokenKey for a key of crossauth, which may have padding. ok is false if it is not one.
func tokenKey(key string) (string, bool) {
	encoded, _ := strings.CutPrefix(key, accessPrefix)
	encoded = strings.TrimSuffix(encoded, "=")
	hash, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(hash) != sha256.Size || base64.RawURLEncoding.EncodeToString(hash) != encoded {
		return "", false
	}
	return accessPrefix + encoded, true
}

// batch is how many tokens are stored in one transaction.
const batch = 500

// tokens imports the stored access tokens.
func (i *importer) tokens(ctx context.Context, s *source) error {
	now := time.Now()
	var pending []sqlstore.ImportRecord
	for n, row := range s.tokens {
		// A key is not shown: if it is not a hash, it may be a token.
		name := accessPrefix + "…, a key of " + strconv.Itoa(len(*row.key)) + " bytes"
		key, ok := tokenKey(*row.key)
		expires, isTime := row.expiry(i.TimeZone)
		switch {
		case !ok:
			i.report.reject(&i.report.AccessTokens, i.Layout.Keys, name, "it is not the SHA-256 hash of a token id in base64url")
		case i.seen["token"][key]:
			i.report.reject(&i.report.AccessTokens, i.Layout.Keys, name, duplicate)
		case !isTime:
			i.report.reject(&i.report.AccessTokens, i.Layout.Keys, name, "expires is "+shownCell(row.expires)+", expected a time")
		case !expires.IsZero() && !expires.After(now):
			i.seen["token"][key] = true
			i.report.AccessTokens.add(expired, 1)
		default:
			i.seen["token"][key] = true
			pending = append(pending, sqlstore.ImportRecord{Key: key, Expires: expires})
		}
		if len(pending) == batch || n == len(s.tokens)-1 {
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
		case sqlstore.RowDeleted:
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
