package registry

import (
	"context"
	"runtime"
	"time"
)

const (
	defaultMaxSecrets = 4
	limitMaxSecrets   = 16
	defaultMaxWaiting = 100
	defaultCacheSize  = 1000
	limitConcurrent   = 10_000
	limitWaiting      = 1_000_000
	limitCacheSize    = 10_000_000
)

// Config describes a Registry. [New] copies it.
type Config struct {
	// Store keeps the clients. Required.
	Store Store

	// Hash says how secrets are hashed. The zero value is sha256 with 600 000 iterations.
	Hash HashParams

	// Pepper is what the seed system calls its secret: it is needed to verify hashes that were imported from there with
	// use_secret 1, and for nothing else. Zero: such hashes are refused.
	Pepper Secret

	// SecretLifetime is how long a new secret is valid. Zero: until it is rotated or revoked.
	SecretLifetime time.Duration

	// MaxSecrets is how many valid secrets a client may have at a time. Each is one more hash for a wrong guess to cost.
	// Zero: 4; at most 16.
	MaxSecrets int

	// MaxConcurrent is how many hashes are computed at a time. Zero: as many as there are processors (GOMAXPROCS); at
	// most 10 000.
	MaxConcurrent int

	// MaxWaiting is how many more calls may wait for that; the next ones fail at once with [ErrUnavailable]. Zero: 100;
	// negative: none; at most 1 000 000.
	MaxWaiting int

	// CacheSize is how many checked secrets are remembered, so that a client that comes again costs a lookup and no hash.
	// No secret is kept, only an HMAC of it, and what changes in the Store counts at once. Zero: 1000; negative: none;
	// at most 10 000 000.
	CacheSize int

	// OnAuthenticate is told of every Authenticate. It runs within the call. Nil: nobody is told.
	OnAuthenticate func(ctx context.Context, a Authentication)

	// InsecureAllowLocalhost allows http redirect URIs on "localhost", with a fixed port. That name may be made to resolve
	// to another machine, and what listens may be reachable from outside (RFC 8252 §8.3).
	InsecureAllowLocalhost bool
}

func (cfg Config) withDefaults() Config {
	cfg.Hash = cfg.Hash.withDefaults()
	cfg.MaxSecrets = orDefault(cfg.MaxSecrets, defaultMaxSecrets)
	cfg.MaxConcurrent = orDefault(cfg.MaxConcurrent, runtime.GOMAXPROCS(0))
	cfg.MaxWaiting = max(orDefault(cfg.MaxWaiting, defaultMaxWaiting), 0)
	cfg.CacheSize = orDefault(cfg.CacheSize, defaultCacheSize)
	return cfg
}

// validate comes after withDefaults.
func (cfg Config) validate() error {
	var f faults
	f.check(cfg.Store != nil, "Config.Store", "is required")
	cfg.Hash.validate(&f)
	f.check(cfg.SecretLifetime >= 0, "Config.SecretLifetime", "is negative")
	f.check(cfg.MaxSecrets > 0 && cfg.MaxSecrets <= limitMaxSecrets, "Config.MaxSecrets", "is not from 1 to 16")
	f.check(cfg.MaxConcurrent > 0 && cfg.MaxConcurrent <= limitConcurrent, "Config.MaxConcurrent", "is not from 1 to 10 000")
	f.check(cfg.MaxWaiting <= limitWaiting, "Config.MaxWaiting", "is more than 1 000 000")
	f.check(cfg.CacheSize <= limitCacheSize, "Config.CacheSize", "is more than 10 000 000")
	return f.join()
}
