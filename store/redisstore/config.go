package redisstore

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/internal/watching"
)

// Config describes a [Store].
type Config struct {
	// Client is the connection to Redis: one server, a cluster, or a master that Sentinel finds. Required. The caller closes
	// it. Its option ContextTimeoutEnabled must be true, because Timeout has no effect otherwise. It must write to masters and
	// read from them, so ReadOnly, RouteByLatency and RouteRandomly must be false. A redis.Ring is rejected: when a server
	// fails, it uses another one, which does not have the entries.
	Client redis.UniversalClient

	// Prefix is the beginning of all keys, at most 64 bytes without braces, spaces and control characters. Two APIs that must
	// not share entries need different prefixes. Empty: "bearerkit".
	Prefix string

	// Timeout is the longest time that one method waits for Redis, including retries of the client. At most 10 s. Zero: 1 s.
	Timeout time.Duration

	// ClockSkew is how far the clocks of Redis and of this process may differ. If they differ by more, Mark and Save return
	// [ErrClock], because Redis might delete an entry too early. Between 1 s and 5 min. Zero: 10 s.
	ClockSkew time.Duration

	// PollInterval is the time between two checks of [Store.Watch] for lost messages. Between 100 ms and 1 min. Zero: 2 s.
	PollInterval time.Duration

	// MaxSilence is how long [Store.Watch] leaves tokens in the caches while it cannot reach Redis. Between PollInterval and 24
	// hours. Zero: 30 s, or PollInterval if that is longer.
	MaxSilence time.Duration

	// InsecureSkipServerCheck accepts a server whose settings cannot be read, or that may evict keys. If Redis evicts an entry,
	// a used proof can be used again, or a denied token becomes valid. False: the store checks the settings with the command
	// INFO, and returns errors until maxmemory-policy is noeviction or maxmemory is 0.
	InsecureSkipServerCheck bool

	// Logger receives the messages of Watch: at level Warn if Redis cannot be reached, and at level Error if Redis has lost
	// changes or fails the check of its settings. Nil: nothing is logged.
	Logger *slog.Logger
}

const (
	defaultPrefix  = "bearerkit"
	maxPrefix      = 64
	defaultTimeout = time.Second
	maxTimeout     = 10 * time.Second
	defaultSkew    = 10 * time.Second
	defaultPoll    = 2 * time.Second
	defaultSilence = 30 * time.Second
)

// Store is a store.Storage and a middleware.ReplayStore in Redis. Create it with [New]. It is safe for concurrent use.
type Store struct {
	cfg     Config
	channel string
	process string        // a random text; with the number of the call, it is the value of a mark
	calls   atomic.Uint64 // of Mark
	shards  [numShards]shard
	watches watching.Recorder

	checked  atomic.Bool // the last check of the servers found no wrong setting
	renewing atomic.Bool // a call of Mark is renewing all epochs
}

// New returns a Store for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no I/O.
func New(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, channel: cfg.Prefix + ":changes", process: randomText()}
	for i := range s.shards {
		s.shards[i].init(cfg.Prefix, i, cfg.ClockSkew)
	}
	return s, nil
}

// withDefaults returns a copy of cfg with all defaults filled in.
func (cfg Config) withDefaults() Config {
	cfg.Prefix = cmp.Or(cfg.Prefix, defaultPrefix)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	cfg.PollInterval = cmp.Or(cfg.PollInterval, defaultPoll)
	cfg.MaxSilence = cmp.Or(cfg.MaxSilence, max(defaultSilence, cfg.PollInterval))
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// validate joins all faults of cfg.
func (cfg Config) validate() error {
	faults := []error{validateClient(cfg.Client)}
	// A message of Watch ends the name of a shard with a space.
	if len(cfg.Prefix) > maxPrefix || strings.ContainsFunc(cfg.Prefix, isSeparator) {
		faults = append(faults, fmt.Errorf("redisstore: Config.Prefix %.100q has more than %d bytes, or a brace, a space or a control character",
			cfg.Prefix, maxPrefix))
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
			faults = append(faults, fmt.Errorf("redisstore: Config.%s is %v, expected %v to %v", d.field, d.value, d.lo, d.hi))
		}
	}
	return errors.Join(faults...)
}

// isSeparator reports whether a Prefix must not contain r.
func isSeparator(r rune) bool {
	return r == '{' || r == '}' || unicode.IsSpace(r) || unicode.IsControl(r)
}

// validateClient checks the options of the known clients. The options of other types are not accessible.
func validateClient(client redis.UniversalClient) error {
	switch {
	case client == nil:
		return errors.New("redisstore: Config.Client is required")
	case nilcheck.IsNil(client):
		return errors.New("redisstore: Config.Client contains a nil value")
	}
	var deadlines, replicas bool
	switch c := client.(type) {
	case *redis.Ring:
		return errors.New("redisstore: Config.Client is a redis.Ring, which uses another server when one fails; use a cluster")
	case *redis.Client:
		deadlines = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		o := c.Options()
		deadlines, replicas = o.ContextTimeoutEnabled, o.ReadOnly || o.RouteByLatency || o.RouteRandomly
	default:
		return nil
	}
	var faults []error
	if !deadlines {
		faults = append(faults, errors.New("redisstore: Config.Client ignores deadlines: set its option ContextTimeoutEnabled"))
	}
	if replicas {
		faults = append(faults, errors.New("redisstore: Config.Client reads from replicas, which may lack an entry: "+
			"do not set its options ReadOnly, RouteByLatency and RouteRandomly"))
	}
	return errors.Join(faults...)
}
