package sqlstore

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/watching"
)

// Config describes a [Store].
type Config struct {
	// DB is the connection to the database. Required. The caller opens it with a driver for Dialect, and closes it. It must
	// connect to the primary server, because a replica may lack the latest entries. For SQLite, open it with package
	// store/sqlstore/sqlite. The store is tested with these drivers: modernc.org/sqlite, github.com/jackc/pgx/v5/stdlib and
	// github.com/go-sql-driver/mysql.
	DB *sql.DB

	// Dialect is the kind of the database: [SQLite], [PostgreSQL] or [MariaDB]. Required.
	Dialect Dialect

	// Timeout is the longest time that one method waits for the database. At most 10 s. Zero: 1 s. It does not limit Migrate, the
	// wait of Tokens.Lock for the lock, and Lookup in SQLite, whose readers do not wait for writers. It limits each transaction of
	// a method that has several, such as Run. The limit of Imports.ImportTokens and Imports.Forget is 10 s.
	Timeout time.Duration

	// ClockSkew is how far the clocks of the database and of this process may differ. If they differ by more, Mark returns
	// [ErrClock], and Run removes nothing, because a row might be removed too early. Between 1 s and 5 min. Zero: 10 s.
	ClockSkew time.Duration

	// PollInterval is the time between two reads of the changed entries by [Store.Watch]. Between 100 ms and 1 min. Zero: 1 s.
	PollInterval time.Duration

	// MaxSilence is how long [Store.Watch] leaves tokens in the caches while it cannot read the changed entries. Between
	// PollInterval and 24 hours. Zero: 30 s, or PollInterval if that is longer.
	MaxSilence time.Duration

	// MaxMarksPerKey limits the used proofs of one client key that have not expired. If a key has more, Mark returns an error that
	// matches [ErrFull]. Each process counts the proofs of a key after every 256 that it has stored. So a key can have 256 more for
	// each process. With the default DPoPConfig.Window, 10 000 are enough for 140 requests per second with one key. Zero: 10 000.
	// Negative: no limit.
	MaxMarksPerKey int

	// InsecureSkipServerCheck accepts a database that may lose acknowledged writes when it crashes. A used proof could then be
	// used again, and a denied token would become valid. False: [Store.Check] returns an error for such settings.
	InsecureSkipServerCheck bool

	// Logger receives the messages of Watch, Run and Tokens.Lock. The level is Error if the database has lost changes or does not
	// pass Check, or if another process has taken a lock. It is Warn if the database cannot be used. Nil: nothing is logged.
	Logger *slog.Logger
}

const (
	defaultTimeout = time.Second
	maxTimeout     = 10 * time.Second
	defaultSkew    = 10 * time.Second
	defaultPoll    = time.Second
	defaultSilence = 30 * time.Second
)

// Store is a store.Storage and a middleware.ReplayStore in a SQL database. Create it with [New], and call [Store.Migrate]
// before its other methods. It is safe for concurrent use.
type Store struct {
	cfg Config
	database
	watchers watchers
	watches  watching.Recorder
	runs     runs
	limits   *keyLimits
	current  atomic.Pointer[epoch]  // nil: not read yet, or changed
	latest   atomic.Pointer[recent] // nil: this process has stored no mark
}

// New returns a Store for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no I/O.
func New(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	limits, err := newKeyLimits(cfg.MaxMarksPerKey)
	if err != nil {
		return nil, err
	}
	return &Store{cfg: cfg, database: newDatabase(cfg), limits: limits}, nil
}

// withDefaults returns a copy of cfg with all defaults filled in.
func (cfg Config) withDefaults() Config {
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	cfg.PollInterval = cmp.Or(cfg.PollInterval, defaultPoll)
	cfg.MaxSilence = cmp.Or(cfg.MaxSilence, max(defaultSilence, cfg.PollInterval))
	cfg.MaxMarksPerKey = cmp.Or(cfg.MaxMarksPerKey, defaultPerKey)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// validate joins all faults of cfg.
func (cfg Config) validate() error {
	var faults []error
	if cfg.DB == nil {
		faults = append(faults, errors.New("sqlstore: Config.DB is required"))
	}
	if cfg.Dialect < SQLite || cfg.Dialect > MariaDB {
		faults = append(faults, fmt.Errorf("sqlstore: Config.Dialect is %d, expected SQLite, PostgreSQL or MariaDB", int(cfg.Dialect)))
	}
	for _, d := range []struct {
		field         string
		value, lo, hi time.Duration
	}{
		{"Timeout", cfg.Timeout, time.Millisecond, maxTimeout},
		{"ClockSkew", cfg.ClockSkew, time.Second, 5 * time.Minute},
		{"PollInterval", cfg.PollInterval, 100 * time.Millisecond, time.Minute},
		{"MaxSilence", cfg.MaxSilence, cfg.PollInterval, 24 * time.Hour},
	} {
		if d.value < d.lo || d.value > d.hi {
			faults = append(faults, fmt.Errorf("sqlstore: Config.%s is %v, expected %v to %v", d.field, d.value, d.lo, d.hi))
		}
	}
	return errors.Join(faults...)
}
