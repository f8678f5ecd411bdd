package consumer

import (
	"context"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

// maxKeys is the maximum number of keys that are tried for one token. A [jwks.Source] returns no more, but a custom one
// may be wrong.
const maxKeys = 4

// hiddenSource hides keys, which may be secret, from fmt. If a program prints a struct with a [Consumer] in an unexported
// field, fmt calls no Format method, but it does not follow a second pointer either.
type hiddenSource struct {
	jwks.Source
	timed     timedSource     // the same, or nil if it has no KeysAt
	renewable renewableSource // the same, or nil if it has no KeysAfter
}

// timedSource is a source of this module that reads the clocks. KeysAt is Keys for a caller that has read them already.
type timedSource interface {
	KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error)
}

// renewableSource is a source of this module that fetches its keys; see [jwks.Remote.KeysAfter].
type renewableSource interface {
	KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []jwks.Key) ([]jwks.Key, error)
}

// newHiddenSource looks the methods of keys up once, because requests would notice it.
func newHiddenSource(keys jwks.Source) *hiddenSource {
	timed, _ := keys.(timedSource)
	renewable, _ := keys.(renewableSource)
	return &hiddenSource{keys, timed, renewable}
}

// keysAt is Keys, with an error if there are none. It passes now to a source that would otherwise read the clocks again.
func (s *hiddenSource) keysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error) {
	if s.timed != nil {
		return s.timed.KeysAt(ctx, now, kid, alg)
	}
	keys, err := s.Keys(ctx, kid, alg)
	if err == nil && len(keys) == 0 {
		return nil, jwks.ErrKeyNotFound
	}
	return keys[:min(len(keys), maxKeys)], err
}

// keysAfter returns keys that the issuer has published since tried, none of which verifies the signature. It returns nil
// if there are none, or if the source is not fetched. An error of the fetch does not change the result of the
// verification: the token is rejected because of the keys that were tried.
func (s *hiddenSource) keysAfter(ctx context.Context, now clock.Instant, h *header, tried []jwks.Key) []jwks.Key {
	if s.renewable == nil {
		return nil
	}
	keys, err := s.renewable.KeysAfter(ctx, now, h.keyID, h.algorithm, tried)
	if err != nil {
		return nil
	}
	return keys
}

// keysOf returns the issuer's keys that may have signed a token with the header h. now was read for the same request.
func (c *Consumer) keysOf(ctx context.Context, now clock.Instant, h *header) ([]jwks.Key, error) {
	keys, err := c.keys.Load().keysAt(ctx, now, h.keyID, h.algorithm)
	if err != nil {
		return nil, keyError(ctx, h, err)
	}
	return keys, nil
}

// checkSignature returns the issuer's key that verifies signature. now was read for the same request.
//
// If none of the keys that fit verifies it, the issuer may have replaced a key and kept its kid, so checkSignature looks for
// new keys once. Package jwks limits the fetches for that. A forged token costs at most maxKeys verifications, and as many
// with the new keys after a fetch.
func (c *Consumer) checkSignature(
	ctx context.Context, now clock.Instant, p parsed, a algorithm, signature []byte,
) (*jwks.Key, error) {
	keys, err := c.keysOf(ctx, now, &p.header)
	if err != nil {
		return nil, err
	}
	key, tried := a.signer(keys, &p, signature)
	if tried == 0 {
		return nil, keyError(ctx, &p.header, jwks.ErrAlgorithm)
	}
	if key == nil && !p.unestablished {
		keys = c.keys.Load().keysAfter(ctx, now, &p.header, keys)
		key, _ = a.signer(keys, &p, signature)
	}
	switch {
	case key != nil:
		c.noteAlias(ctx, key, &p.header)
		return c.lasting(*key), nil
	case tried == 1:
		return nil, reject(ReasonSignature, "the signature does not match the key of the token")
	}
	return nil, reject(ReasonSignature, "the signature does not match any of the keys that fit the token")
}

// signer returns the one of keys that verifies signature, or nil. tried is the number of keys that serve the algorithm of
// the token: each key has one algorithm (RFC 8725bis section 3.1), even if a custom source returns it for another.
func (a algorithm) signer(keys []jwks.Key, p *parsed, signature []byte) (key *jwks.Key, tried int) {
	for i := range keys {
		if own := keys[i].Algorithm; own != "" && own != p.header.algorithm && !isAlias(own, p.header.algorithm) {
			continue
		}
		tried++
		if a.isSignature(keys[i].Public, p.SigningInput, signature) {
			return &keys[i], tried
		}
	}
	return nil, tried
}

// contains reports whether keys contain key, which verified a cached token.
func contains(keys []jwks.Key, key *jwks.Key) bool {
	for i := range keys {
		if keys[i].Equal(*key) {
			return true
		}
	}
	return false
}

// noteAlias reports that the token names its algorithm EdDSA and the key Ed25519, or the reverse.
func (c *Consumer) noteAlias(ctx context.Context, key *jwks.Key, h *header) {
	if key.Algorithm != "" && key.Algorithm != h.algorithm {
		c.quirks.add(ctx, quirk.Quirk{Name: quirk.AlgorithmAlias, Place: "header alg", RFC: "RFC 9864 section 2.2"})
	}
}
