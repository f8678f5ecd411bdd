package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Static is a [Source] of keys that the operator has. [ParseJWKS], [ParsePEM] and [Secret] make one that is valid; one
// made by hand is checked by [Static.Validate]. It is safe for concurrent use as long as nobody changes it.
//
// A token's kid selects the key with that ID. If no key has it, the keys without an ID stand for any kid, so that a PEM
// file works with an issuer that names its key; of these exactly one must serve the token's algorithm. For a token
// without kid exactly one of all keys must.
type Static []Key

var _ Source = Static(nil)

var (
	errNoKeys = errors.New("there are no keys")
	errMixed  = errors.New("secrets and public keys exclude each other") // RFC 8725 §2.1: one must not pass for the other
)

// Key implements [Source]. It fails with [ErrUnavailable] if s is empty or mixes secrets and public keys.
func (s Static) Key(_ context.Context, kid, alg string) (Key, error) {
	if err := s.consistent(); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if kid == "" {
		return only(s, alg, anyID)
	}
	key, err := only(s, alg, func(id string) bool { return id == kid })
	if errors.Is(err, errUnknownID) {
		return only(s, alg, func(id string) bool { return id == "" })
	}
	return key, err
}

// Algorithms returns the algorithms that the keys serve, for a consumer that is not told which to accept.
func (s Static) Algorithms() []string { return algorithms(s) }

// Validate returns all faults of s joined, and nil if every key can be used: strong, of one algorithm if it is a secret
// and at most one if not, and with an ID that no other key has. Secrets and public keys exclude each other.
func (s Static) Validate() error {
	var faults []error
	if err := s.consistent(); err != nil {
		faults = append(faults, fmt.Errorf("jwks: %w", err))
	}
	for i, k := range s {
		if fault := k.fault(); fault != "" {
			faults = append(faults, fmt.Errorf("jwks: key %d %v: %s", i, k, fault))
		}
		if k.ID != "" && slices.ContainsFunc(s[:i], func(o Key) bool { return o.ID == k.ID }) {
			faults = append(faults, fmt.Errorf("jwks: key %d %v: another key has the same kid", i, k))
		}
	}
	return errors.Join(faults...)
}

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

func isSecret(k Key) bool {
	_, ok := k.Public.([]byte)
	return ok
}

// fault says why k must not be used, and is empty if it may be.
func (k Key) fault() string {
	if weak := weakness(k.Public); weak != "" {
		return weak
	}
	least := secretLength(k.Algorithm)
	switch {
	case isSecret(k) && least == 0:
		return "a secret needs an algorithm: HS256, HS384 or HS512"
	case isSecret(k) && !fits(k.Public, k.Algorithm):
		return fmt.Sprintf("a secret for %s has at least %d bytes", k.Algorithm, least)
	case k.Algorithm != "" && !fits(k.Public, k.Algorithm):
		return fmt.Sprintf("%q is no supported algorithm of the key's type", k.Algorithm)
	}
	return ""
}

// forAlgorithm binds the keys to alg and validates them. An empty alg changes nothing.
func (s Static) forAlgorithm(alg string) (Static, error) {
	for i := range s {
		if alg != "" && s[i].Algorithm != "" && s[i].Algorithm != alg {
			return nil, fmt.Errorf("jwks: key %d %v is not for %q", i, s[i], alg)
		}
		s[i].Algorithm = cmp.Or(alg, s[i].Algorithm)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseJWKS reads a JWK Set (RFC 7517 §5) or a single JWK. Keys whose `use` or `key_ops` is for something else than
// verifying signatures are left out. Any other key that cannot be used is a fault of the document, and so is a secret,
// which comes by [Secret]; all faults are reported together.
func ParseJWKS(data []byte) (Static, error) {
	text := string(data)
	document, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("jwks: not a JWK Set or JWK: %w", err)
	}
	if _, isSet := document.Get("keys"); !isSet {
		text = `{"keys":[` + text + `]}`
	}
	s, err := parseSet(text, math.MaxInt, nil)
	if err != nil && !errors.Is(err, errNoUsableKey) {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	var faults []error
	for _, k := range s.unusable {
		if k.Cause != FaultUse {
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
