package seal

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// Config describes a [Keyring].
type Config struct {
	// Keys are the keys, 1 to 16. The first one seals, and all of them open. Required.
	//
	// To change the key, append the new one in all processes, and then move it to the front. Remove the old key when no stored
	// value has it any more. docs/encryption.md describes the steps.
	Keys []Key

	// MaxBytes is the largest plaintext that is sealed and opened, at most 64 MiB. Zero: 1 MiB.
	MaxBytes int
}

const (
	maxKeys         = 16
	defaultMaxBytes = 1 << 20
	largestMaxBytes = 64 << 20

	derivation = "bearerkit seal 1" // the info of HKDF
)

// Keyring seals and opens values with keys in memory. Create it with [New]. It is safe for concurrent use.
type Keyring struct {
	keys     []ringKey // the first one seals
	maxBytes int
}

// ringKey is a key of a [Keyring]. The secret is in a closure and not in a field. Package fmt does not call the methods of
// unexported fields. So if it prints a struct that has a Keyring in such a field, it would also print a secret in a field of
// ringKey.
type ringKey struct {
	id   string
	aead func(salt []byte) (cipher.AEAD, error) // returns the AEAD for the value with this salt
}

// New returns a Keyring for cfg. It copies the keys. If cfg has faults, the error joins all of them, and each names its field.
func New(cfg Config) (*Keyring, error) {
	var faults []error
	if len(cfg.Keys) == 0 || len(cfg.Keys) > maxKeys {
		faults = append(faults, fmt.Errorf("seal: Config.Keys has %d keys, expected 1 to %d", len(cfg.Keys), maxKeys))
	}
	if cfg.MaxBytes < 0 || cfg.MaxBytes > largestMaxBytes {
		faults = append(faults, fmt.Errorf("seal: Config.MaxBytes is %d, expected 0 to %d", cfg.MaxBytes, largestMaxBytes))
	}
	k := &Keyring{maxBytes: cmp.Or(cfg.MaxBytes, defaultMaxBytes)}
	for i, key := range cfg.Keys[:min(len(cfg.Keys), maxKeys)] {
		if err := key.check(cfg.Keys[:i]); err != nil {
			faults = append(faults, fmt.Errorf("seal: Config.Keys[%d]: %w", i, err))
			continue
		}
		secret := slices.Clone(key.Secret)
		k.keys = append(k.keys, ringKey{key.ID, func(salt []byte) (cipher.AEAD, error) { return derive(secret, salt) }})
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return k, nil
}

// check returns an error if k cannot be used, or if one of the other keys has the same ID or secret.
func (k Key) check(others []Key) error {
	if !isKeyID(k.ID) {
		return errKeyID
	}
	if err := checkSecret(k.Secret); err != nil {
		return fmt.Errorf("the secret of %q %w", k.ID, err)
	}
	for _, other := range others {
		if other.ID == k.ID {
			return fmt.Errorf("another key has the ID %q too", k.ID)
		}
		if isKeyID(other.ID) && subtle.ConstantTimeCompare(other.Secret, k.Secret) == 1 {
			return fmt.Errorf("the keys %q and %q have the same secret", other.ID, k.ID)
		}
	}
	return nil
}

// Seal implements [Sealer]. It encrypts plaintext with the first key. Open must receive the same binding, for example
// [Bind]("invoice", id), so that nobody can swap the values of two rows. The binding is authenticated, but not stored and
// not encrypted. Empty: the value is not bound. The result is up to 101 bytes longer than plaintext. If plaintext is longer
// than Config.MaxBytes, the error matches [ErrTooLarge]. ctx is not used.
func (k *Keyring) Seal(_ context.Context, plaintext, binding []byte) ([]byte, error) {
	if k.isZero() {
		return nil, errZero
	}
	if len(plaintext) > k.maxBytes {
		return nil, k.tooLarge(len(plaintext), "")
	}
	key := k.keys[0]
	head := appendHeader(make([]byte, 0, maxOverhead+len(plaintext)), key.id)
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	head = append(head, salt...)
	aead, err := key.aead(salt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(head, nil, plaintext, slices.Concat(head, binding)), nil //nolint:gosec // G407: the AEAD chooses its own nonce
}

// Open implements [Sealer]. The error matches [ErrNotSealed], [ErrDamaged], [ErrUnknownKey] or [ErrTooLarge]. ctx is not used.
func (k *Keyring) Open(_ context.Context, sealed, binding []byte) ([]byte, error) {
	if k.isZero() {
		return nil, errZero
	}
	e, err := split(sealed)
	if err != nil {
		return nil, err
	}
	if n := len(e.body) - nonceBytes - tagBytes; n > k.maxBytes {
		return nil, k.tooLarge(n, "sealed ")
	}
	i := slices.IndexFunc(k.keys, func(key ringKey) bool { return key.id == e.keyID })
	if i < 0 {
		return nil, &UnknownKeyError{ID: strings.Clone(e.keyID)}
	}
	aead, err := k.keys[i].aead(e.salt)
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, e.body, slices.Concat(e.head, binding))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

// NeedsReseal implements [Sealer]. It reports whether the value was not sealed with the first key, or is not a sealed value
// at all. It reads only the id of the key, and verifies nothing.
func (k *Keyring) NeedsReseal(sealed []byte) bool {
	id, ok := KeyID(sealed)
	return !ok || k.isZero() || id != k.keys[0].id
}

// derive returns the AEAD for the value with this salt.
func derive(secret, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, derivation, secretBytes)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead, nil
}

// isZero reports whether k was not created by New.
func (k *Keyring) isZero() bool { return k == nil || len(k.keys) == 0 }

var errZero = errors.New("seal: the Keyring is nil or the zero value, expected one from New")

func (k *Keyring) tooLarge(n int, what string) error {
	return fmt.Errorf("%w: the %splaintext has %d bytes, expected at most %d (Config.MaxBytes)", ErrTooLarge, what, n, k.maxBytes)
}

// describe returns what a Keyring shows.
func (k Keyring) describe() string {
	ids := make([]string, 0, len(k.keys))
	for _, key := range k.keys {
		ids = append(ids, key.id)
	}
	return fmt.Sprintf("seal.Keyring{IDs: %q}", ids)
}

// The following methods have value receivers, so that a copy of a Keyring does not show its keys either.

// String returns the ids of the keys.
func (k Keyring) String() string { return k.describe() }

// Format implements [fmt.Formatter]. For every verb, it shows only the ids of the keys.
func (k Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.describe()) }

// LogValue implements [slog.LogValuer]. It shows only the ids of the keys.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(k.describe()) }
