package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// Config describes a key set that is read over HTTP. Only URL is required.
type Config struct {
	// URL of the JWK Set: https, or http to a loopback host.
	URL string

	// HTTPClient gives the transport; redirects are refused whatever it says. Nil: http.DefaultTransport.
	HTTPClient *http.Client

	// FreshFor is how long a set is fresh if the answer has neither Cache-Control nor Expires; what those say counts
	// within 1 minute and 1 hour. At least 1 millisecond. Zero: 10 minutes.
	FreshFor time.Duration

	// StaleFor is the age past which a set is not used any more, while the issuer cannot be reached. At least 1 millisecond.
	// Zero: 24 hours. Negative: a set is not used past its freshness.
	StaleFor time.Duration

	// MinRefetch is the least time between two fetches for unknown kids. Zero: 30 seconds.
	MinRefetch time.Duration

	// Timeout bounds a fetch, from dialling to the last byte. Zero: 3 seconds.
	Timeout time.Duration

	// MaxBytes bounds the answer. Zero: 512 KiB.
	MaxBytes int64

	// MaxKeys bounds the usable keys of a set; the rest is reported. Zero: 100.
	MaxKeys int

	// Snapshot is where the set is kept beyond the life of the process: loaded at first use, and served at once until it
	// is older than StaleFor; saved after each successful fetch. [SnapshotFile] makes one. Nil: nowhere.
	Snapshot Snapshot

	// OnRefresh, if set, is called after each fetch, also a failed one. Calls can overlap if they take long.
	OnRefresh func(context.Context, Refresh)

	// PublicAddressesOnly refuses to connect to loopback, private and other special addresses, for a URL that is not the
	// operator's own. HTTPClient must then be nil or have an *http.Transport. False: any address.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows http to any host: whoever is on the way can then forge tokens. False: https.
	InsecureAllowHTTP bool
}

// Remote is a [Source] that keeps a key set fresh. It is safe for concurrent use.
type Remote struct {
	cfg     Config
	value   *refresh.Value[*set]
	unknown unknownIDs
}

var _ Source = (*Remote)(nil)

// New checks cfg and reports all its faults together. It fetches nothing and starts no goroutine.
func New(cfg Config) (*Remote, error) {
	client, err := cfg.check()
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = client
	cfg.Timeout = cmp.Or(cfg.Timeout, fetch.DefaultTimeout)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, fetch.DefaultMaxBytes)
	cfg.MaxKeys = cmp.Or(cfg.MaxKeys, 100)
	cfg.MinRefetch = cmp.Or(cfg.MinRefetch, 30*time.Second)
	r := &Remote{cfg: cfg, unknown: newUnknownIDs(cfg.MinRefetch)}
	values := refresh.Config[*set]{
		Fetch:      r.fetch,
		FreshFor:   cfg.FreshFor,
		StaleFor:   cfg.StaleFor,
		MinForce:   cfg.MinRefetch,
		Timeout:    cfg.Timeout + time.Second, // fetch.Get keeps to cfg.Timeout, and says so in its error
		StaleWait:  staleWait,
		RetryAfter: fetch.RetryAfter,
		OnFetch:    r.onFetch,
	}
	if cfg.Snapshot != nil {
		values.Restore = r.restore
	}
	r.value = refresh.New(values)
	return r, nil
}

// staleWait is enough for an issuer that is well, and all that one that hangs takes from those whom the old set serves.
const staleWait = 500 * time.Millisecond

// leastAge tells an age from a number whose unit was forgotten, which would make every request fetch.
const leastAge = time.Millisecond

// check returns the client to fetch with.
func (cfg Config) check() (*http.Client, error) {
	var faults []error
	fault := func(field, problem string) {
		faults = append(faults, fmt.Errorf("jwks: Config.%s %s", field, problem))
	}
	if err := fetch.CheckURL(cfg.URL, cfg.InsecureAllowHTTP); err != nil {
		faults = append(faults, fmt.Errorf("jwks: Config.URL: %w", err))
	}
	if cfg.FreshFor != 0 && cfg.FreshFor < leastAge {
		fault("FreshFor", "is less than a millisecond")
	}
	if cfg.StaleFor > 0 && cfg.StaleFor < leastAge {
		fault("StaleFor", "is less than a millisecond")
	}
	if cfg.MinRefetch < 0 {
		fault("MinRefetch", "is negative")
	}
	if cfg.Timeout < 0 {
		fault("Timeout", "is negative")
	}
	if cfg.MaxBytes < 0 {
		fault("MaxBytes", "is negative")
	}
	if cfg.MaxKeys < 0 {
		fault("MaxKeys", "is negative")
	}
	client := cfg.HTTPClient
	if cfg.PublicAddressesOnly {
		var err error
		if client, err = fetch.PublicClient(cfg.HTTPClient); err != nil {
			faults = append(faults, fmt.Errorf("jwks: Config.HTTPClient with PublicAddressesOnly: %w", err))
		}
	}
	return client, errors.Join(faults...)
}

// URL is where the set is read.
func (r *Remote) URL() string { return r.cfg.URL }

// Key implements [Source]. With a fresh set it touches no lock and no network, unless kid is unknown.
func (r *Remote) Key(ctx context.Context, kid, alg string) (Key, error) {
	held, err := r.value.Get(ctx)
	if err != nil {
		return Key{}, noKeys(err)
	}
	key, err := held.key(kid, alg)
	if errors.Is(err, errUnknownID) {
		return r.lookAgain(ctx, kid, alg)
	}
	return key, err
}

// lookAgain asks the issuer for a kid that is not in the set held, if the limiter lets it. It answers from whatever set
// is held afterwards.
func (r *Remote) lookAgain(ctx context.Context, kid, alg string) (Key, error) {
	if len(kid) > maxKeyID || r.unknown.has(kid) {
		return Key{}, errUnknownID
	}
	held, fetched, err := r.value.Force(ctx, func(s *set) bool { return s.has(kid) })
	if err != nil {
		return Key{}, noKeys(err)
	}
	key, err := held.key(kid, alg)
	if fetched && errors.Is(err, errUnknownID) {
		r.unknown.add(kid)
	}
	return key, err
}

// noKeys is the outage class, unless it was the caller who left.
func noKeys(err error) error {
	if errors.Is(err, refresh.ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("jwks: waiting for keys: %w", err)
}

// Warm returns nil if a usable set is held, after fetching one if there is none. Otherwise the error is that of Key.
func (r *Remote) Warm(ctx context.Context) error {
	if _, err := r.value.Get(ctx); err != nil {
		return noKeys(err)
	}
	return nil
}

// Refresh fetches the set, after the fetch that is running if there is one, and returns the error. After an error the
// set held before is still in use. It is for an operator's command; requests need no such call.
func (r *Remote) Refresh(ctx context.Context) error {
	if err := r.value.Refresh(ctx); err != nil {
		return fmt.Errorf("jwks: refresh: %w", err)
	}
	return nil
}

// Run fetches whenever it is time, so that no request waits for a fetch and the set stays fresh without requests. It
// returns nil when ctx ends. It is optional.
func (r *Remote) Run(ctx context.Context) error { return r.value.Run(ctx) }
