package propagation_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/store"
)

const (
	writers = 16 // that deny tokens at the same time
	readers = 16
)

// capacity is a row of the table of sizes and rates.
type capacity struct {
	title   string
	backend backend // empty: store.Memory

	bytes         float64 // for each entry
	saves, checks float64 // in a second
}

// Every store reports the denied tokens, and only those, also if many goroutines use it. With -update, the test measures how much
// room an entry takes and how fast the store is.
func TestCapacity(t *testing.T) {
	needServers(t)
	if !*update {
		t.Parallel()
	}
	rows := []capacity{
		{title: "memory"},
		{title: "Redis", backend: redisServer},
		{title: "PostgreSQL", backend: postgres},
		{title: "MariaDB", backend: mariadb},
		{title: "SQLite", backend: sqliteFile},
	}
	t.Run("stores", func(t *testing.T) {
		for i := range rows {
			t.Run(rows[i].title, func(t *testing.T) {
				if !*update {
					t.Parallel()
				}
				rows[i].run(t)
			})
		}
	})
	if *update && !t.Failed() {
		head := "| store | bytes of an entry | of 100 000 entries | denied tokens in 1 s | status checks in 1 s |\n|---|---|---|---|---|\n"
		writeTable(t, scalingDocument, "capacity", head, texts(rows, (*capacity).String))
	}
}

// run fills a store and reads from it.
func (c *capacity) run(t *testing.T) {
	shared := &opened{storage: store.NewMemory(1_000_000), close: func() {}}
	if c.backend != "" {
		_, address := c.backend.start(t)
		var err error
		if shared, err = c.backend.open(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(shared.close)
	entries := 20 * writers
	if *update {
		entries = *denied
	}
	list := store.DenyList{Storage: shared.storage}
	names := make([]string, entries)
	for i := range names {
		names[i] = rand.Text()
	}
	before := shared.size(t, c.backend)
	c.saves = rate(t, entries, writers, func(ctx context.Context, i int) error {
		return list.DenyToken(ctx, issuerURL, names[i], time.Now().Add(time.Hour))
	})
	c.bytes = (shared.size(t, c.backend) - before) / float64(entries)

	active, inactive := verified(t, rand.Text()), verified(t, names[entries/2])
	c.checks = rate(t, entries, readers, func(ctx context.Context, i int) error {
		token, want := active, true
		if i%10 == 0 {
			token, want = inactive, false
		}
		got, err := list.Active(ctx, token)
		if err == nil && got != want {
			err = fmt.Errorf("check %d: active %v, want %v", i, got, want)
		}
		return err
	})
	runtime.KeepAlive(names)
	t.Logf("%s", c)
}

// rate calls f count times in several goroutines, and returns the number of calls in a second.
func rate(t *testing.T, count, goroutines int, f func(ctx context.Context, i int) error) float64 {
	t.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := g; i < count && !t.Failed(); i += goroutines {
				if err := f(t.Context(), i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return float64(count) / time.Since(start).Seconds()
}

// verified returns a token with all names under which it can be denied.
func verified(t *testing.T, jti string) *consumer.Token {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience, Algorithms: []string{"ES256"}})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Verify(t.Context(), issuer.AccessToken().Set("jti", jti).Set("sid", rand.Text()).Sign())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// sizes are the statements that return how many bytes the entries of a SQL store take.
func sizes(b backend) string {
	switch b {
	case postgres:
		return "SELECT pg_total_relation_size('bearerkit_entries')"
	case mariadb:
		return "SELECT data_length + index_length FROM information_schema.tables WHERE table_name = 'bearerkit_entries' AND table_schema = database()"
	default:
		return "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	}
}

// size returns how many bytes the store takes.
func (o *opened) size(t *testing.T, b backend) float64 {
	t.Helper()
	if b == "" {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	if o.redis != nil {
		info, err := o.redis.Info(t.Context(), "memory").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(info, "used_memory:")
		text, _, _ = strings.Cut(text, "\r")
		size, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return size
	}
	if b == mariadb { // it does not update the figures at once
		if _, err := o.db.ExecContext(t.Context(), "ANALYZE TABLE bearerkit_entries"); err != nil {
			t.Fatal(err)
		}
	}
	var size float64
	if err := o.db.QueryRowContext(t.Context(), sizes(b)).Scan(&size); err != nil {
		t.Fatal(err)
	}
	return size
}

// String returns the row of the table.
func (c *capacity) String() string {
	return fmt.Sprintf("| %s | %.0f | %.0f MiB | %s | %s |", c.title, c.bytes, c.bytes*100_000/(1<<20), rounded(c.saves), rounded(c.checks))
}

// rounded returns a rate with two digits, because the others differ between runs.
func rounded(rate float64) string {
	unit := 1.0
	for rate/unit >= 100 {
		unit *= 10
	}
	return strconv.FormatFloat(float64(int(rate/unit+0.5))*unit, 'f', 0, 64)
}
