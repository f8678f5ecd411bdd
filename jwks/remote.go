package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// Remote is a [Source] that reads a key set over HTTP and keeps it fresh. Make one with [New]; the zero Remote cannot
// be used. It is safe for concurrent use.
type Remote struct {
	cfg     Config
	value   *refresh.Value[*set]
	unknown unknownIDs
}

var _ Source = (*Remote)(nil)

// New returns a Remote for cfg. If cfg has faults, the error joins all of them, and each names its field. New fetches
// nothing and starts no goroutine.
func New(cfg Config) (*Remote, error) {
	client, err := cfg.check()
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = client
	cfg = cfg.withDefaults()
	r := &Remote{cfg: cfg, unknown: newUnknownIDs(cfg.MinRefetch)}
	r.value = refresh.New(r.refreshConfig())
	return r, nil
}

// URL returns the URL from which the set is read.
func (r *Remote) URL() string { return r.cfg.URL }

// Keys implements [Source]. If the set is fresh and contains a key for the token, it takes no lock, causes no network
// request and allocates nothing. Otherwise it may fetch the set again; see [Config].MinRefetch.
func (r *Remote) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	return r.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is [Remote.Keys] for packages of this module that have just read the clocks for the same request. Reading them
// takes longer than finding a key.
func (r *Remote) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	keys, err := r.heldKeys(ctx, now, kid, alg)
	if errors.Is(err, ErrKeyNotFound) { // the issuer may have a new key
		return r.KeysAfter(ctx, now, kid, alg, nil)
	}
	return keys, err
}

// heldKeys is KeysAt without a fetch for a token that no key fits. Its errors have no details.
func (r *Remote) heldKeys(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	held, err := r.value.GetAt(ctx, now)
	if err != nil {
		return nil, noKeys(err)
	}
	return held.find(kid, alg)
}

// find returns the keys that may have signed a token (RFC 7515 §4.1.4). Its error is ErrAlgorithm or ErrKeyNotFound.
//
// A kid selects the keys with that ID. If there is none, it selects the keys without an ID: some issuers publish those,
// although their tokens have a kid.
func (s *set) find(kid, alg string) ([]Key, error) {
	from, cause := s.all, ErrAlgorithm
	if kid != "" {
		named, ok := s.byID[kid]
		if from = named; !ok {
			from, cause = s.unnamed, ErrKeyNotFound
		}
	}
	if keys := from.serving(alg); len(keys) > 0 {
		return keys, nil
	}
	return nil, cause
}

// serving returns the candidates that serve alg, at most maxMatches.
func (c candidates) serving(alg string) []Key {
	if c.byAlg == nil && len(c.keys) == 1 && c.keys[0].serves(alg) {
		return c.keys
	}
	return c.byAlg[alg]
}

// KeysAfter returns the keys for a token whose signature none of the keys tried verifies. The issuer may have replaced
// a key, under the same kid or without any kid. KeysAfter fetches the set again, if the limits allow it, and returns
// the matching keys that are not among tried. The limits are those for unknown kids, so forged signatures cause no
// flood of fetches. now is the time of the request. The errors are those of [Remote.Keys].
func (r *Remote) KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []Key) ([]Key, error) {
	// A kid that is too long cannot be in any set, because parseKey rejects such a key. No set contains secrets.
	if len(kid) > maxKeyID || !isPublicAlgorithm(alg) || r.unknown.has(now, kid) {
		return nil, r.notFound(kid, alg, tried)
	}
	held, fetched, err := r.value.Force(ctx, now, func(s *set) bool { return len(s.untried(kid, alg, tried)) > 0 })
	if err != nil {
		return nil, noKeys(err)
	}
	keys := held.untried(kid, alg, tried)
	if len(keys) > 0 {
		return keys, nil
	}
	if fetched { // a set that was read before the lookup says nothing about a new key
		r.unknown.add(kid)
	}
	return nil, r.notFound(kid, alg, tried)
}

// notFound returns a NotFoundError with the state of the set in use. If keys were tried, it returns ErrKeyNotFound: the
// caller knows the keys, and a flood of wrong signatures must not allocate.
func (r *Remote) notFound(kid, alg string, tried []Key) error {
	held, at := r.value.Last()
	if len(tried) > 0 || held == nil {
		return ErrKeyNotFound
	}
	_, cause := held.find(kid, alg)
	return &NotFoundError{
		KeyID: kid, Algorithm: alg, Keys: len(held.keys), FetchedAt: at, cause: cmp.Or(cause, ErrKeyNotFound),
	}
}

// noKeys returns an error that matches ErrUnavailable, or ctx.Err() if the caller has left.
func noKeys(err error) error {
	if errors.Is(err, refresh.ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("jwks: waiting for keys: %w", err)
}

// Warm fetches a set, unless a usable one is cached. It returns nil if a usable set is cached afterwards. It waits as long
// as Config.Timeout allows, which may be longer than Keys waits. Its errors are those of [Remote.Keys]: [ErrUnavailable] or
// ctx.Err().
func (r *Remote) Warm(ctx context.Context) error {
	if _, err := r.value.Wait(ctx); err != nil {
		return noKeys(err)
	}
	return nil
}

// Refresh fetches the set now, whatever its age, the back-off and MinRefetch are. If a fetch is running, Refresh waits
// for it and then starts another. After an error, the previous set remains in use. Call Refresh when an operator
// requests it; requests do not need it.
func (r *Remote) Refresh(ctx context.Context) error {
	if err := r.value.Refresh(ctx); err != nil {
		return fmt.Errorf("jwks: refresh: %w", err)
	}
	return nil
}

// Run fetches the set whenever a fetch is due, so that requests do not wait for a fetch, and the set stays fresh
// without requests. It returns nil when ctx ends. Call it in a goroutine of its own. It is optional.
func (r *Remote) Run(ctx context.Context) error { return r.value.Run(ctx) }
