package propagation_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// backend is a kind of store.
type backend string

const (
	redisServer backend = "redis"
	postgres    backend = "postgres"
	mariadb     backend = "mariadb"
	sqliteFile  backend = "sqlite"
)

// bound returns how long a token may be accepted after it was denied, if the store works. The documentation promises it for the
// default settings: two intervals and the timeout for Redis, also if a message is lost, and one interval, the timeout and the
// longest pause between two passes over the caches for SQL.
func (b backend) bound() time.Duration {
	if b == redisServer {
		return 2*2*time.Second + time.Second
	}
	return time.Second + time.Second + time.Second
}

// start starts a server, and returns it and the address of a new, empty store. server is nil for SQLite. It skips the test if the
// server is not installed.
func (b backend) start(t *testing.T) (server *engine.Server, address string) {
	t.Helper()
	kinds := map[backend]engine.Kind{redisServer: engine.Redis, postgres: engine.PostgreSQL, mariadb: engine.MariaDB}
	kind, ok := kinds[b]
	if !ok {
		return nil, filepath.Join(t.TempDir(), "store.db")
	}
	server = engine.Start(t, kind, engine.Options{Durable: true})
	return server, server.Database(t)
}

// opened is a store in one process, with the default settings.
type opened struct {
	storage store.Storage
	watch   func(context.Context, *consumer.Consumer) error
	redis   *redis.Client // nil for SQL
	db      *sql.DB       // nil for Redis
	close   func()
}

// open opens the store at an address that start has returned.
func (b backend) open(ctx context.Context, address string) (*opened, error) {
	if b == redisServer {
		return openRedis(ctx, address)
	}
	return b.openSQL(ctx, address)
}

func openRedis(ctx context.Context, address string) (*opened, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	s, err := redisstore.New(redisstore.Config{Client: client})
	if err == nil {
		err = s.Check(ctx)
	}
	watch := func(ctx context.Context, c *consumer.Consumer) error { return s.Watch(ctx, c) }
	return &opened{storage: s, watch: watch, redis: client, close: func() { _ = client.Close() }}, err
}

func (b backend) openSQL(ctx context.Context, address string) (*opened, error) {
	db, dialect, err := b.connect(address)
	if err != nil {
		return nil, err
	}
	s, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect})
	if err == nil {
		err = s.Migrate(ctx)
	}
	watch := func(ctx context.Context, c *consumer.Consumer) error { return s.Watch(ctx, c) }
	return &opened{storage: s, watch: watch, db: db, close: func() { _ = db.Close() }}, err
}

func (b backend) connect(address string) (*sql.DB, sqlstore.Dialect, error) {
	switch b {
	case postgres:
		db, err := sql.Open("pgx", address)
		return db, sqlstore.PostgreSQL, err
	case mariadb:
		db, err := sql.Open("mysql", address)
		return db, sqlstore.MariaDB, err
	default:
		db, err := sqlite.Open(address)
		return db, sqlstore.SQLite, err
	}
}

// loseMessages ends the subscriptions of all processes, so that they do not receive the next message. It reports whether none of
// them has subscribed again when after has returned.
func (o *opened) loseMessages(t *testing.T, after func()) bool {
	t.Helper()
	if err := o.redis.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	after()
	subscribers, err := o.redis.PubSubNumSub(t.Context(), "bearerkit:changes").Result()
	if err != nil {
		t.Fatal(err)
	}
	return subscribers["bearerkit:changes"] == 0
}
