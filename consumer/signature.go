package consumer

import (
	"context"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

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

// checkSignature returns the issuer's key that verifies signature. now was read for the same request.
//
// If none of the keys that fit verifies it, the issuer may have replaced a key and kept its kid, so checkSignature looks for
// new keys once. Package jwks limits the fetches for that. A forged token costs at most maxKeys verifications, and as many
// with the new keys after a fetch.
func (c *Consumer) checkSignature(
	ctx context.Context, now clock.Instant, p *parsed, a signature.Algorithm, signature []byte,
) (*jwks.Key, error) {
	keys, err := c.keysOf(ctx, now, &p.header)
	if err != nil {
		return nil, err
	}
	key, tried := signer(a, keys, p, signature)
	if tried == 0 {
		return nil, keyError(ctx, &p.header, jwks.ErrAlgorithm)
	}
	if key == nil && !p.unestablished {
		keys = c.keys.Load().keysAfter(ctx, now, &p.header, keys)
		key, _ = signer(a, keys, p, signature)
	}
	switch {
	case key != nil:
		c.noteAlias(ctx, key, &p.header)
		if source := c.keys.Load(); source.confirms != nil {
			source.confirms.Confirm(*key)
		}
		return c.lasting(*key), nil
	case tried == 1:
		return nil, reject(ReasonSignature, "the signature does not match the key of the token")
	}
	return nil, reject(ReasonSignature, "the signature does not match any of the keys that fit the token")
}

// signer returns the one of keys that verifies the received signature, or nil. tried is the number of keys that serve the
// algorithm of the token: each key has one algorithm (RFC 8725bis section 3.1), even if a custom source returns it for another.
func signer(a signature.Algorithm, keys []jwks.Key, p *parsed, received []byte) (key *jwks.Key, tried int) {
	for i := range keys {
		if own := keys[i].Algorithm; own != "" && own != p.header.algorithm && !signature.IsAlias(own, p.header.algorithm) {
			continue
		}
		tried++
		if a.Verify(keys[i].Public, p.SigningInput, received) {
			return &keys[i], tried
		}
	}
	return nil, tried
}

// noteAlias reports that the token names its algorithm EdDSA and the key Ed25519, or the reverse.
func (c *Consumer) noteAlias(ctx context.Context, key *jwks.Key, h *header) {
	if key.Algorithm != "" && key.Algorithm != h.algorithm {
		c.quirks.add(ctx, quirk.Quirk{Name: quirk.AlgorithmAlias, Place: "header alg", RFC: "RFC 9864 section 2.2"})
	}
}
