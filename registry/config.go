package registry

import (
	"cmp"
	"context"
	"reflect"
	"runtime"
	"time"
)

// The defaults and upper limits of the fields of Config.
const (
	defaultMaxSecrets = 4
	limitMaxSecrets   = 16
	defaultMaxWaiting = 100
	defaultCacheSize  = 1000
	limitConcurrent   = 10_000
	limitWaiting      = 1_000_000
	limitCacheSize    = 10_000_000
)

// Config configures a [Registry]. [New] copies it.
type Config struct {
	// Store stores the clients. Required.
	Store Store

	// Hash defines how new secrets are hashed. The zero value is sha256 with 600 000 iterations.
	Hash HashParams

	// Pepper is the value that crossauth calls its secret. It is needed only to verify imported crossauth hashes with
	// use_secret 1. Zero: such hashes are rejected.
	Pepper Secret

	// SecretLifetime is how long a new secret is valid. Zero: until it is rotated or revoked.
	SecretLifetime time.Duration

	// MaxSecrets is the maximum number of valid secrets of one client. To reject a wrong secret, the registry computes one
	// hash for each of them. Zero: 4; at most 16.
	MaxSecrets int

	// MaxConcurrent is the maximum number of hashes that are computed at the same time. Zero: GOMAXPROCS; at most 10 000.
	MaxConcurrent int

	// MaxWaiting is the maximum number of further calls that wait to compute a hash. Calls beyond that fail at once with
	// [ErrUnavailable]. Zero: 100; negative: no call waits; at most 1 000 000.
	MaxWaiting int

	// CacheSize is the maximum number of verified secrets in the cache. A cache hit replaces the hash computation. The
	// cache contains an HMAC of each secret, not the secret. Each call still reads the client from the Store, so a
	// change in the Store takes effect at once. Zero: 1000; negative: no cache; at most 10 000 000.
	CacheSize int

	// OnAuthenticate, if not nil, is called at the end of each Authenticate, in the same goroutine.
	OnAuthenticate func(ctx context.Context, a Authentication)

	// InsecureAllowLocalhost allows http redirect URIs on "localhost". Unlike for a loopback IP address, the port must match
	// exactly. Zero: such URIs are rejected. The name may resolve to another machine, and the server on that port may be
	// reachable from outside (RFC 8252 section 8.3).
	InsecureAllowLocalhost bool
}

// withDefaults returns cfg with the defaults in place of zero values.
func (cfg Config) withDefaults() Config {
	cfg.Hash = cfg.Hash.withDefaults()
	cfg.MaxSecrets = cmp.Or(cfg.MaxSecrets, defaultMaxSecrets)
	cfg.MaxConcurrent = cmp.Or(cfg.MaxConcurrent, runtime.GOMAXPROCS(0))
	cfg.MaxWaiting = max(cmp.Or(cfg.MaxWaiting, defaultMaxWaiting), 0)
	cfg.CacheSize = cmp.Or(cfg.CacheSize, defaultCacheSize)
	return cfg
}

// validate returns a *FieldError for each invalid field, joined. Call it after withDefaults.
func (cfg Config) validate() error {
	var f faults
	f.check(!isNil(cfg.Store), "Config.Store", "is required")
	cfg.Hash.validate(&f)
	f.check(cfg.SecretLifetime >= 0, "Config.SecretLifetime", "must not be negative")
	f.check(cfg.MaxSecrets > 0 && cfg.MaxSecrets <= limitMaxSecrets, "Config.MaxSecrets", "must be from 1 to 16")
	f.check(cfg.MaxConcurrent > 0 && cfg.MaxConcurrent <= limitConcurrent, "Config.MaxConcurrent", "must be from 1 to 10 000")
	f.check(cfg.MaxWaiting <= limitWaiting, "Config.MaxWaiting", "must be at most 1 000 000")
	f.check(cfg.CacheSize <= limitCacheSize, "Config.CacheSize", "must be at most 10 000 000")
	return f.join()
}

// isNil reports whether s is nil, or an interface that contains a nil pointer, map or other nil value.
func isNil(s Store) bool {
	if s == nil {
		return true
	}
	v := reflect.ValueOf(s)
	switch v.Kind() { // values of all other kinds cannot be nil
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan, reflect.UnsafePointer:
		return v.IsNil()
	}
	return false
}
