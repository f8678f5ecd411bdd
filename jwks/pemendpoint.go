package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// PEMEndpoint is a [Source] for an endpoint that serves keys one by one. It fetches a key when a token names it, and keeps
// at most 8 keys. Make one with [NewPEMEndpoint]; the zero PEMEndpoint cannot be used. It is safe for concurrent use.
//
// A kid must consist of at most 128 letters, digits, hyphens and underscores, because it becomes part of a URL. Any other
// kid causes no request. [PEMEndpointConfig].MinRefetch limits the requests for unknown kids, and for signatures that the
// key with the kid does not verify, whatever the kids are. If such a request brings no new key for a kid, that kid causes
// no further request for MinRefetch or 30 seconds, whichever is shorter.
//
// As long as no key was fetched, a lookup that finds no key returns [ErrUnavailable], and not [ErrKeyNotFound].
//
// If 8 keys are kept, a new key replaces one that has verified no token. Otherwise it replaces the one that was unused for
// the longest time, provided that it was unused for at least a minute. If there is none, the new key is not used. So tokens
// that name other keys of the endpoint can neither evict the keys in use nor keep a new key out. Only a consumer reports
// which keys have verified a token.
//
// A key whose document cannot be used is dropped. A key that cannot be fetched again remains in use until it is older than
// StaleFor. Neither affects the other keys.
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

// URL returns the URL from which the keys are read, without the key id.
func (e *PEMEndpoint) URL() string { return e.cfg.URL }

// Err returns nil if the last fetch was successful or there was none, and otherwise its error. It is for health checks and
// logs.
func (e *PEMEndpoint) Err() error { return e.value.Stats().LastError }

// Keys implements [Source]. If the key is kept and fresh, it takes no lock and causes no network request. It finds no
// key for a token without a kid.
func (e *PEMEndpoint) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	return e.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is [PEMEndpoint.Keys] for packages of this module that have just read the clocks for the same request.
func (e *PEMEndpoint) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	keys, err := e.heldKeys(ctx, now, kid, alg)
	if errors.Is(err, ErrKeyNotFound) {
		return e.KeysAfter(ctx, now, kid, alg, nil)
	}
	return keys, err
}

// heldKeys is KeysAt without a fetch for a token that no key fits. Its errors have no details.
func (e *PEMEndpoint) heldKeys(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	if !e.started.Load() && isPEMKeyID(kid) {
		e.want(kid) // the first fetch is made for the first token
	}
	held, err := e.value.GetAt(ctx, now)
	if err != nil {
		return nil, noKeys(err)
	}
	if key := held.untried(now, kid, alg, e.maxAge(), nil); key != nil {
		return key.use(now), nil
	}
	if kept := held.keptKey(kid); kept != nil && !kept.keys[0].serves(alg) {
		return nil, ErrAlgorithm
	}
	return nil, ErrKeyNotFound
}

// KeysAfter is [Remote.KeysAfter] for keys that are fetched one by one. It fetches the key called kid, even if it is kept, if
// the limits allow it.
func (e *PEMEndpoint) KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []Key) ([]Key, error) {
	if !isPEMKeyID(kid) || !isPublicAlgorithm(alg) || e.unknown.has(now, kid) {
		return nil, e.notFound(kid, alg, tried)
	}
	if held, _ := e.value.Last(); held.keptKey(kid) == nil { // kept keys are fetched again anyway
		e.want(kid)
	}
	enough := func(s *pemSet) bool { return s.untried(now, kid, alg, e.maxAge(), tried) != nil }
	held, fetched, err := e.value.Force(ctx, now, enough)
	if err != nil {
		return nil, noKeys(err)
	}
	if key := held.untried(now, kid, alg, e.maxAge(), tried); key != nil {
		return key.use(now), nil
	}
	if fetched && (held.byID[kid] != nil || slices.Contains(held.absent, kid)) {
		e.unknown.add(kid)
	}
	return nil, e.notFound(kid, alg, tried)
}

// Confirm records that key has verified a token. Keys that have not done so are the first that a new key replaces. It is
// for packages of this module.
func (e *PEMEndpoint) Confirm(key Key) {
	held, _ := e.value.Last()
	if kept := held.keptKey(key.ID); kept != nil && kept.keys[0].Equal(key) && !kept.confirmed.Load() {
		kept.confirmed.Store(true)
	}
}

// notFound returns the error for a token that no kept key fits. If no key is kept, the token may be valid: the kid does not
// decide which of the two errors it is. If keys were tried, the error has no details, as in [Remote.KeysAfter].
func (e *PEMEndpoint) notFound(kid, alg string, tried []Key) error {
	held, at := e.value.Last()
	switch {
	case len(tried) > 0:
		return ErrKeyNotFound
	case held == nil || len(held.byID) == 0:
		return fmt.Errorf("%w: no key was fetched yet", ErrUnavailable)
	case held.byID[kid] != nil && !held.byID[kid].keys[0].serves(alg):
		return &NotFoundError{KeyID: kid, Algorithm: alg, Keys: len(held.byID), FetchedAt: at, cause: ErrAlgorithm}
	}
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
	if a.Value != nil {
		event.Unusable = a.Value.unusable
	}
	if a.Err == nil {
		event.Keys = len(a.Value.byID)
	}
	e.cfg.OnRefresh(ctx, event)
}
