package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// keySource is what signatures are verified with: the user's own keys, the key set that given metadata names, or the
// one that discovery finds.
func (cfg Config) keySource() (jwks.Source, error) {
	cache, err := cfg.keyCache()
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Keys != nil:
		return cfg.Keys, validateSource(cfg.Keys)
	case cfg.Metadata != nil:
		return published(cfg.Metadata.JWKSURI, cache)
	}
	return newDiscovered(cfg, cache)
}

// validateMetadata checks metadata given by hand as if it had been fetched.
func (cfg Config) validateMetadata() error {
	if cfg.Metadata == nil {
		return nil
	}
	discovery := oidcdiscovery.Client{InsecureAllowHTTP: cfg.InsecureAllowHTTP}
	if err := discovery.Validate(cfg.Issuer, cfg.Metadata); err != nil {
		return fmt.Errorf("consumer: Config.Metadata: %w", err)
	}
	return nil
}

// published is the key set at a place that given metadata names.
func published(place string, cache jwks.Config) (jwks.Source, error) {
	if place == "" {
		return nil, errors.New("consumer: Config.Metadata has no jwks_uri")
	}
	cache.URL = place
	remote, err := jwks.New(cache)
	if err != nil {
		return nil, fmt.Errorf("consumer: Config.Metadata: %w", err)
	}
	return remote, nil
}

// validateSource checks keys that can be checked without I/O.
func validateSource(keys jwks.Source) error {
	source, ok := keys.(interface{ Validate() error })
	if !ok {
		return nil
	}
	if err := source.Validate(); err != nil {
		return fmt.Errorf("consumer: Config.Keys: %w", err)
	}
	return nil
}

// keyCache completes KeyCache by what the Config says of fetching.
func (cfg Config) keyCache() (jwks.Config, error) {
	cache := cfg.KeyCache
	cache.OnRefresh = cfg.logRefreshes(cache.OnRefresh)
	cache.HTTPClient = cfg.HTTPClient
	cache.InsecureAllowHTTP = cfg.InsecureAllowHTTP
	if cache.Snapshot != nil {
		cache.Snapshot = issuerSnapshot{cache.Snapshot, cfg.Issuer}
	}
	if !cfg.PublicAddressesOnly {
		return cache, nil
	}
	client, err := fetch.PublicClient(cfg.HTTPClient)
	if err != nil {
		return jwks.Config{}, fmt.Errorf("consumer: Config.PublicAddressesOnly: %w", err)
	}
	cache.HTTPClient = client
	return cache, nil
}

const (
	locateTimeout = 10 * time.Second     // two well-known places and, when the set moved, the new one
	neverStale    = math.MaxInt64        // a place does not go stale, only the keys in it do
	noWait        = -1 * time.Nanosecond // for a place that is asked for again while the last one is known
	lookAgain     = 10 * time.Second
)

// discovered is the key set of an issuer whose place discovery tells. The place is asked for again from time to time,
// and a set in a new place takes over only once it has been read. That of a snapshot serves until then.
type discovered struct {
	issuer    string
	logger    *slog.Logger
	discovery oidcdiscovery.Client
	cache     jwks.Config
	remote    *refresh.Value[*jwks.Remote]

	fetches atomic.Uint64 // of metadata and of keys, good and bad
	last    atomic.Pointer[located]
}

// located is where the keys were before a fetch of anything had ended since.
type located struct {
	remote  *jwks.Remote
	fetches uint64
}

func newDiscovered(cfg Config, cache jwks.Config) (*discovered, error) {
	discovery := oidcdiscovery.Client{HTTPClient: cache.HTTPClient, InsecureAllowHTTP: cfg.InsecureAllowHTTP}
	err := discovery.Validate(cfg.Issuer, &oidcdiscovery.Metadata{Issuer: cfg.Issuer})
	if err != nil && cfg.Issuer != "" {
		return nil, fmt.Errorf("consumer: Config.Issuer: %w", err)
	}
	cache.URL = "https://keys.invalid" // stands in for what discovery will say, so that all else is checked now
	if _, err := jwks.New(cache); err != nil {
		return nil, fmt.Errorf("consumer: Config.KeyCache: %w", err)
	}
	d := &discovered{issuer: cfg.Issuer, logger: cfg.Logger, discovery: discovery, cache: cache}
	d.cache.OnRefresh = func(ctx context.Context, r jwks.Refresh) {
		d.fetches.Add(1)
		cache.OnRefresh(ctx, r)
	}
	places := refresh.Config[*jwks.Remote]{
		Fetch: d.locate, Timeout: locateTimeout, StaleFor: neverStale, StaleWait: noWait, RetryAfter: fetch.RetryAfter,
		OnFetch: d.onLocated,
	}
	if cache.Snapshot != nil {
		places.Restore = restoring(d.cache)
		d.cache.Snapshot = usedUp{cache.Snapshot} // a set that is found later is only saved
	}
	d.remote = refresh.New(places)
	return d, nil
}

// locate asks for the metadata and returns the key set it names, which is the held one unless it moved.
func (d *discovered) locate(ctx context.Context, held *jwks.Remote) (refresh.Fetched[*jwks.Remote], error) {
	m, err := d.discovery.Discover(ctx, d.issuer)
	if err != nil {
		return refresh.Fetched[*jwks.Remote]{}, err
	}
	if held != nil && held.URL() == m.JWKSURI {
		return refresh.Fetched[*jwks.Remote]{Value: held}, nil
	}
	cache := d.cache
	cache.URL = m.JWKSURI
	remote, err := jwks.New(cache)
	if err == nil && held != nil {
		err = remote.Refresh(ctx)
	}
	return refresh.Fetched[*jwks.Remote]{Value: remote}, err
}

func (d *discovered) onLocated(ctx context.Context, a refresh.Attempt[*jwks.Remote]) {
	d.fetches.Add(1)
	switch {
	case a.Err == nil:
	case a.Cause == refresh.CauseRestored: // there is no set that could tell of it
		d.cache.OnRefresh(ctx, jwks.Refresh{Cause: string(a.Cause), Duration: a.Duration, Err: a.Err})
	default:
		d.logUnlocated(ctx, a.Err)
	}
}

// Key looks in the set where it was last found. Whether the place is due to be asked for again is looked at after a fetch
// and every lookAgain, so that most requests look at one clock instead of two.
func (d *discovered) Key(ctx context.Context, kid, alg string) (jwks.Key, error) {
	fetches := d.fetches.Load() // before the place is read: what a later fetch brings is not missed
	last := d.last.Load()
	if last != nil && last.fetches == fetches {
		return last.remote.Key(ctx, kid, alg)
	}
	remote, err := d.remote.Get(ctx)
	switch {
	case errors.Is(err, refresh.ErrUnavailable):
		return jwks.Key{}, fmt.Errorf("%w: %w", jwks.ErrUnavailable, err)
	case err != nil:
		return jwks.Key{}, fmt.Errorf("consumer: waiting for metadata: %w", err)
	}
	d.keepLocated(last, &located{remote, fetches})
	return remote.Key(ctx, kid, alg)
}

// keepLocated replaces last by next, for a while: keys may be fresh for much longer than their place is.
func (d *discovered) keepLocated(last, next *located) {
	if d.last.CompareAndSwap(last, next) { // else somebody else was faster, and one timer is enough
		time.AfterFunc(lookAgain, func() { d.last.CompareAndSwap(next, nil) })
	}
}

// Warm makes sure that a usable set of keys is held.
func (d *discovered) Warm(ctx context.Context) error {
	remote, err := d.remote.Get(ctx)
	if err != nil {
		return err
	}
	return remote.Warm(ctx)
}

// Refresh asks for the place and for the keys now.
func (d *discovered) Refresh(ctx context.Context) error {
	if err := d.remote.Refresh(ctx); err != nil {
		return err
	}
	remote, err := d.remote.Get(ctx)
	if err != nil {
		return err
	}
	return remote.Refresh(ctx)
}

// Run keeps the place fresh, and the keys of whichever set is the current one.
func (d *discovered) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { _ = d.remote.Run(ctx) })

	var current *jwks.Remote
	stop := func() {}
	for {
		if remote, err := d.remote.Get(ctx); err == nil && remote != current {
			stop()
			keysCtx, cancel := context.WithCancel(ctx)
			running.Go(func() { _ = remote.Run(keysCtx) })
			current, stop = remote, cancel
		}
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-time.After(lookAgain):
		}
	}
}
