package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// BenchmarkLookup compares Lookup with a prepared SELECT by key, among 10 000 entries. The context has no deadline, so Lookup adds one. "three keys" is what a store.DenyList reads for a token with jti, sid and sub; it is
// compared with a SELECT of one key.
func BenchmarkLookup(b *testing.B) {
	for _, dialect := range dialects() {
		b.Run(dialect.String(), func(b *testing.B) {
			var dsn string
			if dialect == sqlstore.SQLite {
				dsn = b.TempDir() + "/kit.db"
			} else {
				dsn = engine.Shared(b, engine.Kind(dialect.String())).Database(b)
			}
			db := open(b, dialect, dsn)
			s := storeOf(b, db, dialect)
			var keys []string
			for i := range 10_000 {
				keys = append(keys, store.TokenKey(fmt.Sprint(i)))
			}
			for start := 0; start < len(keys); start += 1000 {
				statement := "INSERT INTO bearerkit_entries (entry_key, expires, issued_before) VALUES "
				for i, key := range keys[start : start+1000] {
					if i > 0 {
						statement += ", "
					}
					statement += values(bytesOfText(dialect, key), time.Now().Add(time.Hour).UnixMicro(), 0)
				}
				do(b, db, statement)
			}
			for what, key := range map[string]string{"found": keys[5000], "missing": store.TokenKey("missing")} {
				b.Run(what, func(b *testing.B) {
					bare, lookup := selectOf(b, db, dialect, key), func(ctx context.Context) error { _, err := s.Lookup(ctx, key); return err }
					compare(b, bare, lookup)
				})
			}
			b.Run("three keys", func(b *testing.B) {
				key := store.TokenKey("missing")
				compare(b, selectOf(b, db, dialect, key), func(ctx context.Context) error { _, err := s.Lookup(ctx, key, key+"a", key+"b"); return err })
			})
		})
	}
}

// compare calls both functions in turn, so that other load of the machine slows both, and reports the medians.
func compare(b *testing.B, bare, lookup func(context.Context) error) {
	b.Helper()
	var times [2][]float64
	for b.Loop() {
		for i, call := range []func(context.Context) error{bare, lookup} {
			start := time.Now()
			if err := call(b.Context()); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds()))
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	one, two := times[0][len(times[0])/2], times[1][len(times[1])/2]
	b.ReportMetric(one, "bare-ns")
	b.ReportMetric(two, "lookup-ns")
	b.ReportMetric(two/one, "ratio")
}

// selectOf returns a function that reads one entry with a prepared statement.
func selectOf(b *testing.B, db *sql.DB, dialect sqlstore.Dialect, key string) func(context.Context) error {
	b.Helper()
	text := `SELECT expires, issued_before FROM bearerkit_entries WHERE entry_key = ?`
	if dialect == sqlstore.PostgreSQL {
		text = `SELECT expires, issued_before FROM bearerkit_entries WHERE entry_key = $1`
	}
	statement, err := db.PrepareContext(b.Context(), text)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = statement.Close() })
	return func(ctx context.Context) error {
		var expires, before int64
		err := statement.QueryRowContext(ctx, []byte(key)).Scan(&expires, &before)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
}
