package jwks

import (
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

// Key implements [Source]. If the set is fresh and contains kid, it takes no lock and causes no network request.
func (r *Remote) Key(ctx context.Context, kid, alg string) (Key, error) {
	return r.KeyAt(ctx, clock.Now(), kid, alg)
}

// KeyAt is [Remote.Key] for packages of this module that have just read the clocks for the same request. Reading them
// takes longer than finding a key.
func (r *Remote) KeyAt(ctx context.Context, now clock.Instant, kid, alg string) (Key, error) {
	held, err := r.value.GetAt(ctx, now)
	if err != nil {
		return Key{}, noKeys(err)
	}
	key, err := held.key(kid, alg)
	// The issuer may have a new key. Every other error is final: a token without a kid, or with an alg that its key
	// does not serve, must not cause fetches.
	if errors.Is(err, errUnknownID) {
		return r.refetch(ctx, now, kid, alg)
	}
	return key, err
}

// key finds the key for a token (RFC 7515 §4.1.4).
func (s *set) key(kid, alg string) (Key, error) {
	if kid == "" {
		return only(s.keys, alg, anyID)
	}
	key, ok := s.byID[kid]
	switch {
	case !ok:
		return Key{}, errUnknownID
	case !key.serves(alg):
		return Key{}, ErrAlgorithm
	}
	return key, nil
}

// has reports whether kid, which is not empty, is the ID of a key of the set.
func (s *set) has(kid string) bool {
	_, ok := s.byID[kid]
	return ok
}

// refetch fetches the set again because it does not contain kid, if the limits allow it, and looks the key up in the set
// that is held afterwards.
func (r *Remote) refetch(ctx context.Context, now clock.Instant, kid, alg string) (Key, error) {
	// A kid that is too long cannot be in any set, because parseKey rejects such a key.
	if len(kid) > maxKeyID || r.unknown.has(now, kid) {
		return Key{}, errUnknownID
	}
	held, fetched, err := r.value.Force(ctx, now, func(s *set) bool { return s.has(kid) })
	if err != nil {
		return Key{}, noKeys(err)
	}
	key, err := held.key(kid, alg)
	if fetched && errors.Is(err, errUnknownID) { // a set that was read before the lookup says nothing about a new key
		r.unknown.add(kid)
	}
	return key, err
}

// noKeys returns an error that matches ErrUnavailable, or ctx.Err() if the caller has left.
func noKeys(err error) error {
	if errors.Is(err, refresh.ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("jwks: waiting for keys: %w", err)
}

// Warm fetches a set, unless a usable one is cached. It returns nil if a usable set is cached afterwards. Its errors
// are those of [Remote.Key]: [ErrUnavailable] or ctx.Err().
func (r *Remote) Warm(ctx context.Context) error {
	if _, err := r.value.Get(ctx); err != nil {
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
