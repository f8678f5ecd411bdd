package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/signature"
)

// Static is a [Source] of keys that do not change. [ParseJWKS], [ParsePEM] and [Secret] return valid ones. Call
// [Static.Validate] for a Static that you have built yourself. The nil Static has no keys. A Static is safe for
// concurrent use as long as nobody changes it.
//
// A token's kid selects the keys with that ID. If no key has that ID, it selects the keys without an ID. So a PEM file,
// whose keys have no ID, works with an issuer whose tokens have a kid. A token without a kid selects all keys. Those of the
// selected keys that serve the token's algorithm are tried in their order, at most 4. So two keys, or two secrets, can be
// used during a rotation.
type Static []Key

var _ Source = Static(nil)

var (
	errNoKeys = errors.New("there are no keys")
	errMixed  = errors.New("there are both secrets and public keys") // RFC 8725 §2.1: one could be used as the other
)

// Keys implements [Source]. It returns [ErrUnavailable] if s is empty, or contains both secrets and public keys.
func (s Static) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	keys, err := s.heldKeys(ctx, clock.Instant{}, kid, alg)
	if errors.Is(err, ErrKeyNotFound) {
		err = &NotFoundError{KeyID: kid, Algorithm: alg, Keys: len(s), cause: err}
	}
	return keys, err
}

// heldKeys is Keys without details in its errors, for [Join].
func (s Static) heldKeys(_ context.Context, _ clock.Instant, kid, alg string) ([]Key, error) {
	if err := s.consistent(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ok := anyID
	if kid != "" {
		ok = func(id string) bool { return id == kid }
		if !slices.ContainsFunc(s, func(k Key) bool { return k.ID == kid }) {
			ok = noID
		}
	}
	keys, considered := choose(s, alg, ok)
	switch {
	case len(keys) > 0:
		return keys, nil
	case considered == 0:
		return nil, ErrKeyNotFound
	}
	return nil, ErrAlgorithm
}

// Algorithms returns the algorithms that the keys serve. A consumer without a list of its own accepts these.
func (s Static) Algorithms() []string { return algorithms(s) }

// Validate returns nil if all keys can be used, and otherwise an error that joins all faults. Every key must be strong.
// A secret must have an Algorithm; a public key may have one. At most 4 keys with the same ID, or without an ID, may serve
// the same algorithm. A Static must not contain both secrets and public keys; use [Join] for an issuer that signs with
// both.
func (s Static) Validate() error {
	var faults []error
	if err := s.consistent(); err != nil {
		faults = append(faults, fmt.Errorf("jwks: %w", err))
	}
	for i, k := range s {
		if fault := k.fault(); fault != "" {
			faults = append(faults, fmt.Errorf("jwks: key %d %v: %s", i, k, fault))
		} else if !s.tries(k) {
			faults = append(faults, fmt.Errorf("jwks: key %d %v: %s", i, k, untried))
		}
	}
	return errors.Join(faults...)
}

// untried is the fault of a key that no token selects.
const untried = "4 other keys with the same kid and algorithm come first"

// tries reports whether k, which is a key of s, is tried for a token with its ID and one of its algorithms.
func (s Static) tries(k Key) bool {
	return len(s) <= maxMatches || slices.ContainsFunc(algorithms([]Key{k}), func(alg string) bool {
		chosen, _ := choose(s, alg, func(id string) bool { return id == k.ID })
		return containsPublic(chosen, k)
	})
}

// consistent returns an error if s must not be used at all. It is called for each token, because a Static can be built
// without Validate.
func (s Static) consistent() error {
	if len(s) == 0 {
		return errNoKeys
	}
	for _, k := range s {
		if isSecret(k) != isSecret(s[0]) {
			return errMixed
		}
	}
	return nil
}

// isSecret reports whether k is a secret for HMAC.
func isSecret(k Key) bool {
	_, ok := k.Public.([]byte)
	return ok
}

// fault returns why k must not be used, or an empty string if it may be.
func (k Key) fault() string {
	if weak := signature.Weakness(k.Public); weak != "" {
		return weak
	}
	least := signature.SecretLength(k.Algorithm)
	switch {
	case isSecret(k) && least == 0:
		return "the algorithm of a secret must be HS256, HS384 or HS512"
	case isSecret(k) && !fits(k.Public, k.Algorithm):
		return fmt.Sprintf("a secret for %s must have at least %d bytes", k.Algorithm, least)
	case k.Algorithm != "" && !fits(k.Public, k.Algorithm):
		return fmt.Sprintf("%q is not a supported algorithm of the key's type and curve", k.Algorithm)
	}
	return ""
}

// distinct returns the keys without duplicates.
func (s Static) distinct() (keys Static) {
	for _, k := range s {
		if !slices.ContainsFunc(keys, k.Equal) {
			keys = append(keys, k)
		}
	}
	return keys
}

// forAlgorithm sets the Algorithm of all keys to alg, unless alg is empty, and validates them.
func (s Static) forAlgorithm(alg string) (Static, error) {
	for i := range s {
		if alg != "" && s[i].Algorithm != "" && s[i].Algorithm != alg {
			return nil, fmt.Errorf("jwks: key %d %v does not serve %q", i, s[i], alg)
		}
		s[i].Algorithm = cmp.Or(alg, s[i].Algorithm)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseJWKS parses a JWK Set (RFC 7517 §5) or a single JWK. It skips keys whose use or key_ops is for something other than
// verifying signatures. Every other key that cannot be used is an error, and so is a secret; use [Secret] for it. The error
// joins all faults.
func ParseJWKS(data []byte) (Static, error) {
	s, err := parseSet(asSet(string(data)), math.MaxInt, nil)
	if err != nil && !errors.Is(err, errNoUsableKey) {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	var faults []error
	for _, k := range s.unusable {
		if k.Cause != FaultUse { // encryption keys may be in the same document
			faults = append(faults, fmt.Errorf("jwks: key %q: %s", k.KeyID, k.Detail))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	return s.keys, nil
}

// asSet returns text, or a set that contains it if it is a single JWK.
func asSet(text string) string {
	single := strings.TrimPrefix(text, byteOrderMark)
	if document, faults, err := compact.ParseDocument(single, maxDepth); err == nil {
		if _, isSet := document.Get("keys"); !isSet && faults["keys"] == nil {
			return `{"keys":[` + single + `]}`
		}
	}
	return text
}
