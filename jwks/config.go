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
	// URL is the URL of the JWK Set. The scheme must be https, or http for a loopback host.
	URL string

	// HTTPClient provides the transport. Its CheckRedirect and its cookie jar are not used: a redirect is an error.
	// Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// FreshFor is how long a set is fresh if the response has neither a Cache-Control nor an Expires header. Times in
	// those headers are limited to between 1 minute and 1 hour; FreshFor is not. New rejects less than 1 millisecond.
	// Zero: 10 minutes.
	FreshFor time.Duration

	// StaleFor is the age from which a set is no longer used, even if the issuer cannot be reached. New rejects a
	// positive value of less than 1 millisecond. Zero: 24 hours. Negative: a set is not used once it is no longer
	// fresh.
	StaleFor time.Duration

	// MinRefetch limits the fetches for tokens that no key fits, or whose signature no key verifies. On average, at
	// most one such fetch is allowed per MinRefetch. After a time without such fetches, up to 3 are allowed in quick
	// succession. After a failed one, the next is allowed once MinRefetch has passed since the failed one began. If a
	// fetch brings no new key for a kid, that kid causes no further fetch for MinRefetch or 30 seconds, whichever is
	// shorter. Zero: 10 seconds.
	MinRefetch time.Duration

	// Timeout limits a fetch, from dialing to the last byte of the body. Zero: 3 seconds.
	Timeout time.Duration

	// MaxBytes limits the body of a response. A longer body is an error. Zero: 512 KiB.
	MaxBytes int64

	// MaxKeys limits the usable keys of a set. Further keys are reported and not used. Zero: 100.
	MaxKeys int

	// Snapshot stores the set for the next process. It is loaded at first use, and the set is used at once unless it is
	// older than StaleFor. It is saved after each successful fetch. [SnapshotFile] returns one. Nil: nothing is stored.
	Snapshot Snapshot

	// OnRefresh is called after each fetch, successful or not. It must be safe for concurrent use: a call may overlap
	// the next one if it takes long. Nil: no call.
	OnRefresh func(context.Context, Refresh)

	// PublicAddressesOnly rejects connections to loopback, private and other special addresses. Set it for a URL that does
	// not come from the operator. HTTPClient must then be nil or have an *http.Transport. False: any address is allowed.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows http for any host. An attacker on the network path can then forge tokens. False: https is
	// required.
	InsecureAllowHTTP bool
}

// staleWait limits the wait for a fetch while an older set can be used. A healthy issuer responds within it. If the issuer
// hangs, a request loses no more time than that.
const staleWait = 500 * time.Millisecond

// leastAge is the minimum of FreshFor and StaleFor. A shorter time is probably a number without a unit (nanoseconds).
// It would make every request fetch the set.
const leastAge = time.Millisecond

// check returns the client to fetch with, or all faults of cfg.
func (cfg Config) check() (*http.Client, error) {
	var faults []error
	fault := func(field, problem string, got any) {
		faults = append(faults, fmt.Errorf("jwks: Config.%s is %v, %s", field, got, problem))
	}
	if err := fetch.CheckURL(cfg.URL, cfg.InsecureAllowHTTP); err != nil {
		faults = append(faults, fmt.Errorf("jwks: Config.URL: %w", err))
	}
	if cfg.FreshFor != 0 && cfg.FreshFor < leastAge {
		fault("FreshFor", "expected at least 1ms", cfg.FreshFor)
	}
	if cfg.StaleFor > 0 && cfg.StaleFor < leastAge {
		fault("StaleFor", "expected at least 1ms", cfg.StaleFor)
	}
	if cfg.MinRefetch < 0 {
		fault("MinRefetch", "expected 0 or more", cfg.MinRefetch)
	}
	if cfg.Timeout < 0 {
		fault("Timeout", "expected 0 or more", cfg.Timeout)
	}
	if cfg.MaxBytes < 0 {
		fault("MaxBytes", "expected 0 or more", cfg.MaxBytes)
	}
	if cfg.MaxKeys < 0 {
		fault("MaxKeys", "expected 0 or more", cfg.MaxKeys)
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

// withDefaults returns cfg with the defaults that this package uses. Package refresh has those of FreshFor and StaleFor.
func (cfg Config) withDefaults() Config {
	cfg.MinRefetch = cmp.Or(cfg.MinRefetch, refresh.DefaultMinForce)
	cfg.Timeout = cmp.Or(cfg.Timeout, fetch.DefaultTimeout)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, fetch.DefaultMaxBytes)
	cfg.MaxKeys = cmp.Or(cfg.MaxKeys, 100)
	return cfg
}

// refreshConfig returns the settings of the value that holds the set.
func (r *Remote) refreshConfig() refresh.Config[*set] {
	cfg := refresh.Config[*set]{
		Fetch:      r.fetch,
		FreshFor:   r.cfg.FreshFor,
		StaleFor:   r.cfg.StaleFor,
		MinForce:   r.cfg.MinRefetch,
		Timeout:    r.cfg.Timeout + time.Second, // fetch.Get applies cfg.Timeout, and its error names it
		StaleWait:  staleWait,
		RetryAfter: fetch.RetryAfter,
		OnFetch:    r.onFetch,
	}
	if r.cfg.Snapshot != nil {
		cfg.Restore = r.restore
	}
	return cfg
}
