package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// benchOnEach runs a benchmark with each database, which syncs commits to disk.
func benchOnEach(b *testing.B, run func(b *testing.B, s *sqlstore.Store, db *sql.DB, dialect sqlstore.Dialect)) {
	b.Helper()
	for _, dialect := range dialects() {
		b.Run(dialect.String(), func(b *testing.B) {
			dsn := filepath.Join(b.TempDir(), "kit.db")
			if dialect != sqlstore.SQLite {
				dsn = engine.Start(b, engine.Kind(dialect.String()), engine.Options{Durable: true}).Database(b)
			}
			db := open(b, dialect, dsn)
			db.SetMaxIdleConns(10)
			s := storeOf(b, db, dialect)
			run(b, s, db, dialect)
		})
	}
}

// fill adds n entries with the given expiry.
func fill(b *testing.B, db *sql.DB, dialect sqlstore.Dialect, n int, expires time.Time) {
	b.Helper()
	text := map[sqlstore.Dialect]string{
		sqlstore.SQLite: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ` + strconv.Itoa(n) + `)
INSERT INTO bearerkit_entries SELECT CAST('deny:token:' || hex(randomblob(16)) AS BLOB), ? + i, 0 FROM n`,
		sqlstore.PostgreSQL: `INSERT INTO bearerkit_entries SELECT convert_to('deny:token:' || md5(i::text), 'UTF8'), $1::bigint + i, 0
FROM generate_series(1, ` + strconv.Itoa(n) + `) i`,
		sqlstore.MariaDB: `INSERT INTO bearerkit_entries SELECT CONCAT('deny:token:', MD5(seq)), ? + seq, 0 FROM seq_1_to_` + strconv.Itoa(n),
	}[dialect]
	if _, err := db.ExecContext(b.Context(), text, expires.UnixMicro()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRun removes a million expired entries while two goroutines save entries. It reports how long their calls take, with
// and without the removal.
func BenchmarkRun(b *testing.B) {
	benchOnEach(b, func(b *testing.B, s *sqlstore.Store, db *sql.DB, dialect sqlstore.Dialect) {
		for b.Loop() {
			fill(b, db, dialect, 1_000_000, time.Now().Add(-2*time.Hour))
			begin := time.Now()
			quiet := saveWhile(b, s, func() bool { return time.Since(begin) < 10*time.Second })
			ctx, stop := context.WithCancel(b.Context())
			var run sync.WaitGroup
			run.Go(func() { _ = s.Run(ctx) })
			begin = time.Now()
			busy := saveWhile(b, s, func() bool { return expiredRows(b, db, dialect) })
			b.ReportMetric(time.Since(begin).Seconds(), "removal-s")
			stop()
			run.Wait()
			for name, times := range map[string][]time.Duration{"without": quiet, "with": busy} {
				slices.Sort(times)
				b.ReportMetric(times[len(times)/2].Seconds()*1e3, name+"-p50-ms")
				b.ReportMetric(times[len(times)*999/1000].Seconds()*1e3, name+"-p99.9-ms")
				b.ReportMetric(times[len(times)-1].Seconds()*1e3, name+"-max-ms")
				b.ReportMetric(float64(len(times)), name+"-saves")
			}
		}
	})
}

// saveWhile saves entries while going returns true, and returns how long each call took.
func saveWhile(b *testing.B, s *sqlstore.Store, going func() bool) (times []time.Duration) {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var mu sync.Mutex
	var all sync.WaitGroup
	for w := range 2 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				start := time.Now()
				err := s.Save(ctx, "deny:save:"+strconv.Itoa(w)+":"+strconv.Itoa(i), store.Entry{Expires: time.Now().Add(time.Hour)})
				took := time.Since(start)
				if err != nil && ctx.Err() == nil {
					b.Error(err)
				}
				mu.Lock()
				times = append(times, took)
				mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	for going() {
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	all.Wait()
	return times
}

// expiredRows reports whether an expired entry is left.
func expiredRows(b *testing.B, db *sql.DB, dialect sqlstore.Dialect) bool {
	b.Helper()
	text := "SELECT EXISTS (SELECT 1 FROM bearerkit_entries WHERE expires < ?)"
	if dialect == sqlstore.PostgreSQL {
		text = "SELECT EXISTS (SELECT 1 FROM bearerkit_entries WHERE expires < $1)"
	}
	var left bool
	if err := db.QueryRowContext(b.Context(), text, time.Now().Add(-time.Hour).UnixMicro()).Scan(&left); err != nil {
		b.Fatal(err)
	}
	return left
}
