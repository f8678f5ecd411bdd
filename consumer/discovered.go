package consumer

import (
	"cmp"
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
	neverStale = math.MaxInt64        // a place does not go stale, only the keys in it do
	noWait     = -1 * time.Nanosecond // for a place that is asked for again while the last one is known
	lookAgain  = 10 * time.Second
)

// discovered is the key set of an issuer whose place discovery tells. The place is asked for again from time to time,
// and a set in a new place takes over only once it has been read. That of a snapshot serves until then.
type discovered struct {
	issuer    string
	logger    *slog.Logger
	discovery oidcdiscovery.Client
	cache     jwks.Config
	keys      *refresh.Value[*keySet]

	fetches atomic.Uint64 // of metadata and of keys, good and bad
	last    atomic.Pointer[located]
}

// located is where the keys were before a fetch of anything had ended since.
type located struct {
	keys    *keySet
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
	places := refresh.Config[*keySet]{
		Fetch: d.locate, Timeout: locateTimeout(cache), StaleFor: neverStale, StaleWait: noWait, RetryAfter: fetch.RetryAfter,
		OnFetch: d.onLocated,
	}
	if cache.Snapshot != nil {
		places.Restore = restoring(d.cache)
		d.cache.Snapshot = usedUp{cache.Snapshot} // a set that is found later is only saved
	}
	d.keys = refresh.New(places)
	return d, nil
}

// locate asks for the metadata and returns the key set it names, which is the held one unless it moved.
func (d *discovered) locate(ctx context.Context, held *keySet) (refresh.Fetched[*keySet], error) {
	m, err := d.discovery.Discover(ctx, d.issuer)
	if err != nil {
		return refresh.Fetched[*keySet]{}, err
	}
	if held != nil && held.URL() == m.JWKSURI {
		return refresh.Fetched[*keySet]{Value: held}, nil
	}
	cache := d.cache
	cache.URL = m.JWKSURI
	found, err := newKeySet(cache, jwks.New)
	if err == nil && held != nil {
		err = found.Refresh(ctx)
	}
	return refresh.Fetched[*keySet]{Value: found}, err
}

// locateTimeout is enough for two well-known places and, when the set moved, for the new one and the snapshot of it.
func locateTimeout(cache jwks.Config) time.Duration {
	return 2*fetch.DefaultTimeout + 2*cmp.Or(cache.Timeout, fetch.DefaultTimeout) + time.Second
}

// onLocated is called when the set is in use, or is not going to be.
func (d *discovered) onLocated(ctx context.Context, a refresh.Attempt[*keySet]) {
	d.fetches.Add(1)
	if a.Value != nil {
		a.Value.news.release()
	}
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
		return last.keys.Key(ctx, kid, alg)
	}
	keys, err := d.keys.Get(ctx)
	switch {
	case errors.Is(err, refresh.ErrUnavailable):
		return jwks.Key{}, fmt.Errorf("%w: %w", jwks.ErrUnavailable, err)
	case err != nil:
		return jwks.Key{}, fmt.Errorf("consumer: waiting for metadata: %w", err)
	}
	d.keepLocated(last, &located{keys, fetches})
	return keys.Key(ctx, kid, alg)
}

// keepLocated replaces last by next, for a while: keys may be fresh for much longer than their place is.
func (d *discovered) keepLocated(last, next *located) {
	if d.last.CompareAndSwap(last, next) { // else somebody else was faster, and one timer is enough
		time.AfterFunc(lookAgain, func() { d.last.CompareAndSwap(next, nil) })
	}
}

// Warm makes sure that a usable set of keys is held.
func (d *discovered) Warm(ctx context.Context) error {
	keys, err := d.keys.Get(ctx)
	if err != nil {
		return err
	}
	return keys.Warm(ctx)
}

// Refresh asks for the place and for the keys now.
func (d *discovered) Refresh(ctx context.Context) error {
	if err := d.keys.Refresh(ctx); err != nil {
		return err
	}
	keys, err := d.keys.Get(ctx)
	if err != nil {
		return err
	}
	return keys.Refresh(ctx)
}

// Run keeps the place fresh, and the keys of whichever set is the current one.
func (d *discovered) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { _ = d.keys.Run(ctx) })

	var current *keySet
	stop := func() {}
	for {
		if keys, err := d.keys.Get(ctx); err == nil && keys != current {
			stop()
			keysCtx, cancel := context.WithCancel(ctx)
			running.Go(func() { _ = keys.Run(keysCtx) })
			current, stop = keys, cancel
		}
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-time.After(lookAgain):
		}
	}
}

// keySet is the set in one place. It is read before it is in use, and the owner is told of that afterwards: Refresh.Err
// says what serves requests, and nobody who is slow to listen keeps the set from taking over.
type keySet struct {
	*jwks.Remote
	news news
}

// newKeySet makes one by build, which is jwks.New or restores.
func newKeySet(cache jwks.Config, build func(jwks.Config) (*jwks.Remote, error)) (*keySet, error) {
	s, tell := new(keySet), cache.OnRefresh
	cache.OnRefresh = func(ctx context.Context, r jwks.Refresh) {
		s.news.pass(func() { tell(ctx, r) })
	}
	remote, err := build(cache)
	if err != nil {
		return nil, err
	}
	s.Remote = remote
	return s, nil
}

// news is passed on from the release on, and kept until then.
type news struct {
	mu       sync.Mutex // guards what follows; not held while anybody is told
	released bool
	kept     []func() // a fetch or two
}

func (n *news) pass(tell func()) {
	if !n.keep(tell) {
		tell()
	}
}

func (n *news) keep(tell func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.released {
		n.kept = append(n.kept, tell)
	}
	return !n.released
}

func (n *news) release() {
	n.mu.Lock()
	kept := n.kept
	n.released, n.kept = true, nil
	n.mu.Unlock()
	for _, tell := range kept {
		tell()
	}
}
