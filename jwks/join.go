package jwks

import (
	"context"
	"errors"
	"slices"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// Join returns a Source with the keys of several sources. Use it while an issuer moves from one kind of key to another,
// for example from a shared secret to a published key set:
//
//	jwks.Join(secret, remote)
//
// For each token, the matching keys of all sources are tried, at most 4: first those whose ID is the token's kid, then
// the others. Within each of these two groups, the order is that of the sources. Each key serves its own algorithms
// only. The type of a key decides which algorithms are possible, so a public key is never used as a secret. Keys are
// fetched again only if no source has a key for the token, or if none of the keys verifies it. If a source has no usable
// keys yet, a token for which another source has a key waits for it for 0.5 seconds at most.
//
// If no source has a matching key and one of them is unavailable, the error matches [ErrUnavailable], because the token
// may be signed with a key of that source. Otherwise it matches [ErrKeyNotFound]. Pass at least one source, and no nil
// one: consumer.New rejects anything else.
func Join(sources ...Source) Source {
	j := new(joined)
	for _, s := range sources {
		if inner, ok := s.(*joined); ok {
			j.sources = append(j.sources, inner.sources...)
			continue
		}
		j.sources = append(j.sources, s)
	}
	return j
}

// joined is the Source of Join. None of the sources is a joined one itself. In addition to Source, it implements the methods
// that a consumer uses if they exist.
type joined struct{ sources []Source }

// Keys implements [Source].
func (j *joined) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	return j.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is Keys for packages of this module that have just read the clocks for the same request.
func (j *joined) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	keys, err := j.heldKeys(ctx, now, kid, alg)
	if err != nil { // even if one source is unavailable, another one may have a new key
		return j.KeysAfter(ctx, now, kid, alg, nil)
	}
	return keys, nil
}

// heldKeys returns the matching keys of all sources, without a fetch for a token that no key fits. If a source has no usable
// keys yet, heldKeys waits only for staleWait if another source has a key for the token: a server that hangs must not stop the
// tokens of the other sources.
func (j *joined) heldKeys(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	if slices.ContainsFunc(j.sources, func(s Source) bool { return !isUsable(s, now) }) {
		if keys, err := j.soonKeys(ctx, now, kid, alg); err == nil {
			return keys, nil
		}
	}
	return j.collect(kid, nil, func(s Source) ([]Key, error) { return heldKeys(ctx, now, s, kid, alg) })
}

// soonKeys returns the matching keys of all sources that are usable within staleWait. The fetches of the other sources
// continue.
func (j *joined) soonKeys(ctx context.Context, now clock.Instant, kid, alg string) ([]Key, error) {
	soon, cancel := context.WithTimeout(ctx, staleWait)
	defer cancel()
	if !isPublicAlgorithm(alg) { // no source that is fetched has secrets
		cancel()
	}
	return j.collect(kid, nil, func(s Source) ([]Key, error) {
		if !isUsable(s, now) {
			return heldKeys(soon, now, s, kid, alg)
		}
		return heldKeys(ctx, now, s, kid, alg)
	})
}

// heldKeys returns the matching keys of s, without a fetch for a token that no key fits. Types of other packages do not have
// that method, not even if they embed one of these types: they may override Keys.
func heldKeys(ctx context.Context, now clock.Instant, s Source, kid, alg string) ([]Key, error) {
	switch s := s.(type) {
	case Static:
		return s.heldKeys(ctx, now, kid, alg)
	case *FileSource:
		return s.heldKeys(ctx, now, kid, alg)
	case *Remote:
		return s.heldKeys(ctx, now, kid, alg)
	case *PEMEndpoint:
		return s.heldKeys(ctx, now, kid, alg)
	}
	return s.Keys(ctx, kid, alg)
}

// isUsable reports whether s has keys that can be used without a fetch. It is true for sources whose keys are not fetched.
func isUsable(s Source, now clock.Instant) bool {
	switch s := s.(type) {
	case *Remote:
		return s.value.UsableAt(now)
	case *PEMEndpoint:
		return s.value.UsableAt(now)
	}
	return true
}

// KeysAfter returns the keys for a token whose signature none of the keys tried verifies; see [Remote.KeysAfter]. Sources
// that cannot be fetched again have no further keys.
func (j *joined) KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []Key) ([]Key, error) {
	return j.collect(kid, tried, func(s Source) ([]Key, error) {
		switch s := s.(type) { // not an interface, for the same reason as in heldKeys
		case *Remote:
			return s.KeysAfter(ctx, now, kid, alg, tried)
		case *PEMEndpoint:
			return s.KeysAfter(ctx, now, kid, alg, tried)
		}
		if len(tried) > 0 {
			return nil, ErrKeyNotFound
		}
		return s.Keys(ctx, kid, alg) // for the details of its error
	})
}

// collect joins the results of lookup for all sources, without the keys tried.
func (j *joined) collect(kid string, tried []Key, lookup func(Source) ([]Key, error)) ([]Key, error) {
	var all []Key
	var missing, failed error
	for _, s := range j.sources {
		keys, err := lookup(s)
		if err == nil && len(keys) == 0 { // a source of another package may return neither keys nor an error
			err = ErrKeyNotFound
		}
		switch {
		case err == nil && len(all) == 0 && len(tried) == 0:
			all = keys // the only matching keys, in most cases: they need no copy
		case err == nil:
			all = slices.Concat(all, without(without(keys, tried), all))
		case errors.Is(err, ErrKeyNotFound):
			missing = joinMissing(missing, err)
		case failed == nil:
			failed = err
		}
	}
	switch {
	case len(all) > 0:
		return bestFirst(all, kid), nil
	case failed != nil:
		return nil, failed
	}
	return nil, missing
}

// joinMissing joins the errors of two sources, which match ErrKeyNotFound. Errors without details are not joined,
// because KeysAt repeats a lookup that fails with one, and the second lookup returns details. a may be nil.
func joinMissing(a, b error) error {
	one, ok := errors.AsType[*NotFoundError](a)
	other, otherOK := errors.AsType[*NotFoundError](b)
	if !ok || !otherOK {
		return b
	}
	sum := *other
	sum.Keys += one.Keys
	if sum.FetchedAt.IsZero() {
		sum.FetchedAt = one.FetchedAt
	}
	if errors.Is(a, ErrAlgorithm) {
		sum.cause = ErrAlgorithm
	}
	return &sum
}

// bestFirst returns at most maxMatches of keys, first those whose ID is kid. It does not change keys.
func bestFirst(keys []Key, kid string) []Key {
	if len(keys) == 1 || kid == "" || !slices.ContainsFunc(keys, func(k Key) bool { return k.ID == kid }) {
		return keys[:min(len(keys), maxMatches)]
	}
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b Key) int { return rank(a, kid) - rank(b, kid) })
	return keys[:min(len(keys), maxMatches)]
}

// rank is smaller for a key whose ID is kid.
func rank(k Key, kid string) int {
	if k.ID == kid {
		return 0
	}
	return 1
}
