package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

var (
	_ sqlstore.Cache = (*consumer.Consumer)(nil)
	_ sqlstore.Cache = (*consumer.Group)(nil)
)

// testToken is a token with the given jti, subject and sid.
type testToken struct{ id, subject, session, client string }

func (t testToken) ID() string        { return t.id }
func (testToken) Issuer() string      { return issuer }
func (t testToken) Subject() string   { return t.subject }
func (testToken) IssuedAt() time.Time { return time.Now().Add(-time.Minute) }
func (testToken) Expiry() time.Time   { return time.Now().Add(time.Hour) }

func (t testToken) Claim(name string) (any, bool) {
	switch {
	case name == "sid" && t.session != "":
		return t.session, true
	case name == "client_id" && t.client != "":
		return t.client, true
	}
	return nil, false
}

// tokenCache is a cache of tokens.
type tokenCache struct {
	mu     sync.Mutex // guards the fields below
	tokens map[string]store.Token
	all    int // how often everything was dropped
}

func (c *tokenCache) Drop(match func(store.Token) bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.tokens)
	if match == nil {
		c.all++
		clear(c.tokens)
		return before
	}
	maps.DeleteFunc(c.tokens, func(_ string, token store.Token) bool { return match(token) })
	return before - len(c.tokens)
}

func (c *tokenCache) add(tokens ...testToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil {
		c.tokens = make(map[string]store.Token)
	}
	for _, token := range tokens {
		c.tokens[token.id] = token
	}
}

func (c *tokenCache) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.tokens))
}

// drops returns how often everything was dropped.
func (c *tokenCache) drops() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

func quickPolls(c *sqlstore.Config) { c.PollInterval = 100 * time.Millisecond }

// watch starts Watch, and waits until it has polled once.
func watch(t *testing.T, s *sqlstore.Store) *tokenCache {
	t.Helper()
	cache := new(tokenCache)
	ctx, cancel := context.WithCancel(t.Context())
	done, watchers := make(chan error, 1), s.Watchers() // others than this one
	go func() { done <- s.Watch(ctx, cache) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
		if n := s.Watchers(); n != watchers {
			t.Errorf("%d watchers after the end of Watch, want %d", n, watchers)
		}
	})
	eventually(t, "the first poll", func() bool { return cache.drops() > 0 })
	return cache
}

// twoStores returns two stores of one database, as of two processes, and a connection to it.
func twoStores(t *testing.T, dialect sqlstore.Dialect, change ...func(*sqlstore.Config)) (one, two *sqlstore.Store, db *sql.DB) {
	t.Helper()
	dsn := newDSN(t, dialect)
	db = open(t, dialect, dsn)
	return storeOf(t, db, dialect, change...), storeOf(t, open(t, dialect, dsn), dialect, change...), db
}

// A token leaves the caches of other processes when its entry changes, and other tokens remain.
func TestWatch_DropsChangedTokens(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		here, there, _ := twoStores(t, dialect, quickPolls)
		cache := watch(t, there)
		deny, until := store.DenyList{Storage: here}, time.Now().Add(time.Hour)
		cache.add(
			testToken{id: "by jti", subject: "alice"}, testToken{id: "by sid", session: "s"}, testToken{id: "by subject", subject: "bob"},
			testToken{id: "by client", client: "app"}, testToken{id: "deleted"}, testToken{id: "stored"}, testToken{id: "other", subject: "alice"},
		)
		for what, err := range map[string]error{
			"DenyToken":   deny.DenyToken(t.Context(), issuer, "by jti", until),
			"DenySession": deny.DenySession(t.Context(), issuer, "s", until),
			"DenySubject": deny.DenySubject(t.Context(), issuer, "bob", time.Now(), until),
			"DenyClient":  deny.DenyClient(t.Context(), issuer, "app", time.Now(), until),
			"Delete":      here.Delete(t.Context(), store.TokenKey("deleted")),
			"Save":        here.Save(t.Context(), store.TokenKey("stored"), store.Entry{Expires: until}),
		} {
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		eventually(t, "the changed tokens are dropped", func() bool { return len(cache.ids()) <= 2 })
		// Watch drops everything once more, 11 s after its start. On a slow machine this may be over.
		if diff := cmp.Diff([]string{"other", "stored"}, cache.ids()); diff != "" && cache.drops() == 1 {
			t.Errorf("tokens that remain (-want +got):\n%s", diff)
		}
	})
}

// A change whose transaction commits after one with a larger id is noticed.
func TestWatch_CommitsInAnotherOrder(t *testing.T) {
	t.Parallel()
	for _, dialect := range []sqlstore.Dialect{sqlstore.PostgreSQL, sqlstore.MariaDB} { // SQLite has one writer at a time
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			here, there, db := twoStores(t, dialect, quickPolls)
			cache := watch(t, there)
			cache.add(testToken{id: "slow"}, testToken{id: "quick"}, testToken{id: "other"})
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			insert := `INSERT INTO bearerkit_changes (entry_key, created) VALUES ($1, 1)`
			if dialect == sqlstore.MariaDB {
				insert = `INSERT INTO bearerkit_changes (entry_key, created) VALUES (?, 1)`
			}
			if _, err := tx.ExecContext(t.Context(), insert, []byte(store.KeysOf(testToken{id: "slow"})[0])); err != nil {
				t.Fatal(err)
			}
			if err := (store.DenyList{Storage: here}).DenyToken(t.Context(), issuer, "quick", time.Time{}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the later change is noticed", func() bool { return !slices.Contains(cache.ids(), "quick") })
			if !slices.Contains(cache.ids(), "slow") && cache.drops() == 1 {
				t.Fatal("a change that is not committed was noticed")
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the earlier change is noticed", func() bool { return !slices.Contains(cache.ids(), "slow") })
			if !slices.Contains(cache.ids(), "other") && cache.drops() == 1 {
				t.Error("everything was dropped, so the test has not tested the order")
			}
		})
	}
}

// A process that changes an entry does not wait for its next poll.
func TestWatch_OwnChanges(t *testing.T) {
	t.Parallel()
	s, _ := emptyStore(t, sqlstore.SQLite, func(c *sqlstore.Config) { c.PollInterval = time.Minute })
	cache := watch(t, s)
	cache.add(testToken{id: "a"}, testToken{id: "b"})
	if err := (store.DenyList{Storage: s}).DenyToken(t.Context(), issuer, "a", time.Time{}); err != nil {
		t.Fatal(err)
	}
	for range 3000 { // half of the interval
		if len(cache.ids()) == 1 {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Errorf("after 30 s, the cache has %q", cache.ids())
}

// logged collects what is logged.
type logged struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (r *logged) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *logged) contains(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.buf.String(), text)
}

func (r *logged) logger(c *sqlstore.Config) {
	quickPolls(c)
	c.Logger = slog.New(slog.NewTextHandler(r, nil))
}

// If changes are missing, everything is dropped.
func TestWatch_MissingChanges(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ statement, log string }{
		"removed before they were read": {statement: `UPDATE bearerkit_state SET pruned = 1000000`},
		"the table was emptied":         {statement: `DELETE FROM bearerkit_changes`, log: "has lost changes"},
		"a restored backup, whose new rows have the same ids": {
			statement: `UPDATE bearerkit_changes SET created = created - 1`, log: "has lost changes",
		},
		"another epoch": {statement: `UPDATE bearerkit_epoch SET epoch = 'abcdefghijklmnop'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
				var log logged
				here, there, db := twoStores(t, dialect, log.logger)
				cache := watch(t, there)
				cache.add(testToken{id: "changed"})
				if err := (store.DenyList{Storage: here}).DenyToken(t.Context(), issuer, "changed", time.Time{}); err != nil {
					t.Fatal(err)
				}
				eventually(t, "a change is noticed", func() bool { return len(cache.ids()) == 0 })
				cache.add(testToken{id: "other"})
				before := cache.drops()
				do(t, db, statementFor(dialect, tt.statement))
				eventually(t, "everything is dropped", func() bool { return cache.drops() > before })
				if got := log.contains("has lost changes"); got != (tt.log != "") {
					t.Errorf("logged that changes were lost: %v", got)
				}
			})
		})
	}
}

// statementFor returns a statement with a literal for bytes.
func statementFor(dialect sqlstore.Dialect, statement string) string {
	if dialect == sqlstore.SQLite {
		return strings.ReplaceAll(statement, "'abcdefghijklmnop'", "x'6162636465666768696a6b6c6d6e6f70'")
	}
	return statement
}

// While the changes cannot be read for MaxSilence, everything is dropped at each interval.
func TestWatch_Silence(t *testing.T) {
	t.Parallel()
	var log logged
	s, db := emptyStore(t, sqlstore.SQLite, log.logger, func(c *sqlstore.Config) { c.MaxSilence = 300 * time.Millisecond })
	cache := watch(t, s)
	cache.add(testToken{id: "a"})
	do(t, db, `ALTER TABLE bearerkit_changes RENAME TO elsewhere`)
	eventually(t, "everything is dropped", func() bool { return cache.drops() > 1 })
	cache.add(testToken{id: "b"})
	eventually(t, "everything is dropped again", func() bool { return len(cache.ids()) == 0 })
	if !log.contains("the changes cannot be read") || !log.contains("call Store.Migrate") {
		t.Errorf("the log does not say what is wrong: %s", log.buf.String())
	}
	do(t, db, `ALTER TABLE elsewhere RENAME TO bearerkit_changes`)
	if err := (store.DenyList{Storage: s}).DenyToken(t.Context(), issuer, "c", time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// Without the row of bearerkit_state, Watch cannot read the changes. It must not look as if there were none.
func TestWatch_NoState(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		var log logged
		s, db := emptyStore(t, dialect, log.logger, func(c *sqlstore.Config) {
			c.PollInterval, c.MaxSilence = 100*time.Millisecond, 300*time.Millisecond
		})
		cache := watch(t, s)
		do(t, db, `DELETE FROM bearerkit_state`)
		before := cache.drops()
		eventually(t, "everything is dropped at each interval", func() bool { return cache.drops() > before+1 })
		if !log.contains("the changes cannot be read") || !log.contains("the row of bearerkit_state is missing") {
			t.Errorf("the log does not say what is wrong: %s", log.buf.String())
		}
		for operation, err := range map[string]error{"Check": s.Check(t.Context()), "Migrate": s.Migrate(t.Context())} {
			if !errors.Is(err, sqlstore.ErrSchema) || !strings.Contains(err.Error(), "bearerkit_state") {
				t.Errorf("%s returned %v, expected ErrSchema", operation, err)
			}
		}
	})
}

// A process is stopped while it denies a token, for so long that watchers may no longer wait for the change. The denial is not
// acknowledged. Repeating it succeeds.
func TestSave_ProcessIsStopped(t *testing.T) { //nolint:paralleltest // it shifts the clock of the process
	s, db := emptyStore(t, sqlstore.SQLite)
	deny := func() error { return (store.DenyList{Storage: s}).DenyToken(t.Context(), issuer, "a", time.Time{}) }
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	lock := func(statement string) {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	lock(`BEGIN IMMEDIATE`)
	result := make(chan error, 1)
	go func() { result <- deny() }()
	eventually(t, "the call has begun", s.Writing)
	clock.ShiftWall(t, time.Minute)
	lock(`ROLLBACK`)
	if err := <-result; !errors.Is(err, sqlstore.ErrUnavailable) {
		t.Errorf("the call that was stopped returned %v, expected ErrUnavailable", err)
	}
	if err := deny(); err != nil {
		t.Errorf("the repeated call: %v", err)
	}
	if n := count(t, db, "bearerkit_changes"); n != 2 {
		t.Errorf("%d changes are logged, want 2", n)
	}
}

// A check of the database that takes long does not delay the drops.
func TestWatch_SlowCheck(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server; not with -short")
	}
	var log logged
	s, db := emptyStore(t, sqlstore.PostgreSQL, log.logger)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE bearerkit_schema`); err != nil { // only the check reads it
		t.Fatal(err)
	}
	watch(t, s) // waits until everything was dropped
	if log.contains("the check of the database failed") {
		t.Error("the drop has waited until the check has failed")
	}
}

func TestWatch_WrongCaches(t *testing.T) {
	t.Parallel()
	s, _ := emptyStore(t, sqlstore.SQLite)
	var missing *tokenCache
	for name, caches := range map[string][]sqlstore.Cache{"none": nil, "nil": {nil}, "a nil pointer": {new(tokenCache), missing}} {
		if err := s.Watch(t.Context(), caches...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
