package issuer

import (
	"context"
	"slices"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/jwks"
)

// Scoped is a [jwks.Source] with the keys of another source that may verify the tokens of one issuer: those whose
// [jwks.Key.Issuer] is empty or in a list. Make one with [Scope].
type Scoped struct {
	source  jwks.Source
	issuers []string
}

// Scope returns the keys of source that may verify tokens of one issuer, given all its names. If source is a [jwks.Static]
// with such keys, the result is a Static, because package consumer has rules that depend on that type.
func Scope(source jwks.Source, issuers ...string) jwks.Source {
	s := &Scoped{source, issuers}
	if static, ok := source.(jwks.Static); ok {
		if own := s.filtered(static); len(own) > 0 {
			return jwks.Static(own)
		}
	}
	return s
}

// Mixed reports whether the source has both secrets and public keys; see [jwks.Join].
func (s *Scoped) Mixed() bool {
	joined, ok := s.source.(interface{ Mixed() bool })
	return ok && joined.Mixed()
}

// Confirm calls the Confirm method of the source, if it has one. It reports that key has verified a signature.
func (s *Scoped) Confirm(key jwks.Key) {
	if source, ok := s.source.(interface{ Confirm(jwks.Key) }); ok {
		source.Confirm(key)
	}
}

// filtered returns the keys of the issuer.
func (s *Scoped) filtered(keys []jwks.Key) (own []jwks.Key) {
	for _, key := range keys {
		if key.Issuer == "" || slices.Contains(s.issuers, key.Issuer) {
			own = append(own, key)
		}
	}
	return own
}

// Keys implements [jwks.Source].
func (s *Scoped) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	return s.KeysAt(ctx, clock.Now(), kid, alg)
}

// KeysAt is Keys for a caller that has just read the clocks for the same request.
func (s *Scoped) KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error) {
	if timed, ok := s.source.(interface {
		KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error)
	}); ok {
		return s.own(timed.KeysAt(ctx, now, kid, alg))
	}
	return s.own(s.source.Keys(ctx, kid, alg))
}

// KeysAfter is [Remote.KeysAfter]. It returns no keys if Source does not fetch any.
func (s *Scoped) KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []jwks.Key) ([]jwks.Key, error) {
	fetching, ok := s.source.(interface {
		KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []jwks.Key) ([]jwks.Key, error)
	})
	if !ok {
		return nil, jwks.ErrKeyNotFound
	}
	return s.own(fetching.KeysAfter(ctx, now, kid, alg, tried))
}

const maxKeys = 4 // that are tried for a token

// own returns the keys of the issuer, at most maxKeys.
func (s *Scoped) own(keys []jwks.Key, err error) ([]jwks.Key, error) {
	if err != nil {
		return nil, err
	}
	own := s.filtered(keys)
	if len(own) == 0 {
		return nil, jwks.ErrKeyNotFound
	}
	return own[:min(len(own), maxKeys)], nil
}
