package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// PEMEndpointConfig describes an endpoint that serves each key as a PEM document of its own. Only URL is required.
type PEMEndpointConfig struct {
	// URL is the URL of the endpoint without the key id. The key with the kid k is read from URL + "/" + k. The scheme must
	// be https, or http for a loopback host. For the Application Load Balancer of AWS it is
	// https://public-keys.auth.elb.REGION.amazonaws.com.
	URL string

	// Algorithm is the one algorithm that the keys serve. Empty: all algorithms of the type and curve of each key.
	Algorithm string

	// HTTPClient provides the transport, as in [Config]. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// FreshFor is how long a key is used before it is fetched again. New rejects less than 1 millisecond. Zero: 10
	// minutes.
	FreshFor time.Duration

	// StaleFor is the age from which a key is no longer used, even if the endpoint cannot be reached. New rejects a positive
	// value of less than 1 millisecond. Zero: 24 hours. Negative: a key is not used once it is no longer fresh.
	StaleFor time.Duration

	// MinRefetch limits the fetches that unknown kids cause, as in [Config]. Zero: 10 seconds.
	MinRefetch time.Duration

	// Timeout limits each request, from dialing to the last byte of the body. Zero: 3 seconds.
	Timeout time.Duration

	// OnRefresh is called after each fetch, successful or not. It must be safe for concurrent use. Nil: no call.
	OnRefresh func(context.Context, Refresh)

	// InsecureAllowHTTP allows http for any host. An attacker on the network path can then forge tokens. False: https is
	// required.
	InsecureAllowHTTP bool
}

// PEMEndpoint is a [Source] for an endpoint that serves keys one by one. It fetches a key when a token names it, and keeps
// at most 8 keys. Make one with [NewPEMEndpoint]; the zero PEMEndpoint cannot be used. It is safe for concurrent use.
//
// A kid must consist of at most 128 letters, digits, hyphens and underscores, because it becomes part of a URL. Any other
// kid causes no request. [PEMEndpointConfig].MinRefetch limits the requests that unknown kids cause, whatever the kids are,
// and a kid that the endpoint does not know causes no further request for MinRefetch, but for at most 30 seconds.
//
// When 8 keys are kept, a new key replaces the one that was not used for the longest time, if that is more than a minute.
// Otherwise the new key is not used, so that tokens with foreign kids cannot evict the keys in use.
type PEMEndpoint struct {
	cfg     PEMEndpointConfig
	value   *refresh.Value[*pemSet]
	unknown unknownIDs
	started atomic.Bool // whether a fetch has succeeded

	mu     sync.Mutex // guards wanted
	wanted []string   // kids that the next fetch adds
}

var _ Source = (*PEMEndpoint)(nil)

const (
	maxPEMKeys   = 8
	maxWanted    = 4 // kids that one fetch may add
	maxPEMBytes  = 16 << 10
	maxPEMKeyID  = 128
	idleUntilOut = 60 // seconds; a key that is used more often is never evicted
)

// pemSet contains the keys that were fetched. It is immutable, except for the times of use.
type pemSet struct {
	byID   map[string]*pemKey
	absent []string // kids that the last fetch asked for, and that the endpoint does not know
}

// pemKey is one key of the endpoint.
type pemKey struct {
	keys []Key        // one key; a slice, so that a lookup allocates nothing
	used atomic.Int64 // the second of the last use, in Unix time
}

// NewPEMEndpoint returns a PEMEndpoint for cfg. If cfg has faults, the error joins all of them, and each names its field.
// NewPEMEndpoint fetches nothing and starts no goroutine.
func NewPEMEndpoint(cfg PEMEndpointConfig) (*PEMEndpoint, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/")
	cfg.MinRefetch = cmp.Or(cfg.MinRefetch, refresh.DefaultMinForce)
	cfg.Timeout = cmp.Or(cfg.Timeout, fetch.DefaultTimeout)
	e := &PEMEndpoint{cfg: cfg, unknown: newUnknownIDs(cfg.MinRefetch)}
	e.value = refresh.New(refresh.Config[*pemSet]{
		Fetch:      e.fetch,
		FreshFor:   cfg.FreshFor,
		StaleFor:   cfg.StaleFor,
		MinForce:   cfg.MinRefetch,
		Timeout:    cfg.Timeout + time.Second, // fetch.Get applies cfg.Timeout, and its error names it
		StaleWait:  staleWait,
		RetryAfter: fetch.RetryAfter,
		OnFetch:    e.onFetch,
	})
	return e, nil
}

// check returns all faults of cfg.
func (cfg PEMEndpointConfig) check() error {
	var faults []error
	if err := fetch.CheckURL(cfg.URL, cfg.InsecureAllowHTTP); err != nil {
		faults = append(faults, fmt.Errorf("jwks: PEMEndpointConfig.URL: %w", err))
	}
	if strings.ContainsAny(cfg.URL, "?#") { // the kid is appended to the path
		faults = append(faults, errors.New("jwks: PEMEndpointConfig.URL has a query or a fragment, expected none"))
	}
	if cfg.Algorithm != "" && !slices.Contains(publicAlgorithms(), cfg.Algorithm) {
		faults = append(faults, fmt.Errorf("jwks: PEMEndpointConfig.Algorithm is %q, expected an algorithm for public keys", cfg.Algorithm))
	}
	for _, age := range []struct {
		field string
		value time.Duration
		ok    bool
	}{
		{"FreshFor", cfg.FreshFor, cfg.FreshFor == 0 || cfg.FreshFor >= leastAge},
		{"StaleFor", cfg.StaleFor, cfg.StaleFor <= 0 || cfg.StaleFor >= leastAge},
		{"MinRefetch", cfg.MinRefetch, cfg.MinRefetch >= 0},
		{"Timeout", cfg.Timeout, cfg.Timeout >= 0},
	} {
		if !age.ok {
			faults = append(faults, fmt.Errorf("jwks: PEMEndpointConfig.%s is %v, which is too short", age.field, age.value))
		}
	}
	return errors.Join(faults...)
}

// URL returns the URL from which the keys are read, without the key id.
func (e *PEMEndpoint) URL() string { return e.cfg.URL }

// Err returns nil if the last fetch was successful or there was none, and otherwise its error. It is for health checks and
// logs.
func (e *PEMEndpoint) Err() error { return e.value.Stats().LastError }

// Keys implements [Source]. If the key is kept and fresh, it takes no lock and causes no network request. A token without
// a kid has no key.
func (e *PEMEndpoint) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	return e.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is [PEMEndpoint.Keys] for packages of this module that have just read the clocks for the same request.
func (e *PEMEndpoint) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	if !e.started.Load() && isPEMKeyID(kid) {
		e.want(kid) // the first fetch is made for the first token
	}
	held, err := e.value.GetAt(ctx, now)
	if err != nil {
		return nil, noKeys(err)
	}
	if key, ok := held.byID[kid]; ok {
		return key.use(now, kid, alg)
	}
	if !isPEMKeyID(kid) || e.unknown.has(now, kid) {
		return nil, e.notFound(held, kid, alg)
	}
	return e.add(ctx, now, kid, alg)
}

// add fetches the key called kid, if the limits allow it.
func (e *PEMEndpoint) add(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	e.want(kid)
	held, fetched, err := e.value.Force(ctx, now, func(s *pemSet) bool { return s.byID[kid] != nil })
	if err != nil {
		return nil, noKeys(err)
	}
	if key, ok := held.byID[kid]; ok {
		return key.use(now, kid, alg)
	}
	if fetched && slices.Contains(held.absent, kid) {
		e.unknown.add(kid)
	}
	return nil, e.notFound(held, kid, alg)
}

// use returns the key if it serves alg, and records the time.
func (k *pemKey) use(now clock.Instant, kid, alg string) ([]Key, error) {
	if second := now.Time().Unix(); k.used.Load() != second { // a write by each request would slow all of them down
		k.used.Store(second)
	}
	if !k.keys[0].serves(alg) {
		return nil, &NotFoundError{KeyID: kid, Algorithm: alg, Keys: 1, cause: ErrAlgorithm}
	}
	return k.keys, nil
}

// notFound returns the error for a kid that is not in the set held. The kid does not decide which of the two errors it is.
func (e *PEMEndpoint) notFound(held *pemSet, kid, alg string) error {
	if len(held.byID) == 0 {
		return fmt.Errorf("%w: no key was fetched yet", ErrUnavailable)
	}
	_, at := e.value.Last()
	return &NotFoundError{KeyID: kid, Algorithm: alg, Keys: len(held.byID), FetchedAt: at, cause: ErrKeyNotFound}
}

// isPEMKeyID reports whether kid may become part of a URL. It excludes slashes, dots and percent signs, which could lead to
// another path.
func isPEMKeyID(kid string) bool {
	return kid != "" && len(kid) <= maxPEMKeyID && !strings.ContainsFunc(kid, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// want adds kid to the keys that the next fetch adds. If there are too many, it drops the oldest one, so that a fetch
// includes the kid of the request that has started it.
func (e *PEMEndpoint) want(kid string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Contains(e.wanted, kid) {
		return
	}
	if len(e.wanted) == maxWanted {
		e.wanted = slices.Delete(e.wanted, 0, 1)
	}
	e.wanted = append(e.wanted, strings.Clone(kid)) // a substring would keep the whole token in memory
}

// takeWanted returns the kids that the fetch adds.
func (e *PEMEndpoint) takeWanted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := e.wanted
	e.wanted = nil
	return wanted
}

// onFetch calls OnRefresh.
func (e *PEMEndpoint) onFetch(ctx context.Context, a refresh.Attempt[*pemSet]) {
	if e.cfg.OnRefresh == nil {
		return
	}
	event := Refresh{URL: e.cfg.URL, Cause: string(a.Cause), Duration: a.Duration, Err: a.Err}
	if a.Err == nil {
		event.Keys = len(a.Value.byID)
	}
	e.cfg.OnRefresh(ctx, event)
}
