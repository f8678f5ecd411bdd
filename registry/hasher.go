package registry

import (
	"context"
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // to verify old hashes, never to make one
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	gohash "hash"
	"slices"
)

// HashParams says how secrets are hashed: PBKDF2 with HMAC (RFC 8018 §5.2), the function that FIPS 140 approves. A secret
// whose hash is below it, or of another digest, is hashed anew when it is next used. The zero value is sha256 with
// 600 000 iterations, about 90 ms of one processor.
type HashParams struct {
	// Digest is "sha256" or "sha512". Empty: sha256.
	Digest string

	// Iterations is the iteration count. Zero: 600 000 with sha256, 220 000 with sha512. At least 1000 (RFC 8018 §4.2), at
	// most 10 000 000. Secrets that the Registry makes cannot be guessed whatever the count; it protects those that were
	// given.
	Iterations int

	// KeyLength is the length of the hash in bytes. Zero: 32. From 16 to 128.
	KeyLength int

	// SaltLength is the length of the random salt in bytes. Zero: 16. From 16 to 128.
	SaltLength int
}

func (p HashParams) validate(f *faults) {
	f.check(p.Digest == "sha256" || p.Digest == "sha512", "Config.Hash.Digest", "is neither sha256 nor sha512")
	f.check(p.Iterations >= 1000 && p.Iterations <= maxRounds, "Config.Hash.Iterations", "is not from 1000 to 10 000 000")
	f.check(p.KeyLength >= minKey && p.KeyLength <= maxKey, "Config.Hash.KeyLength", "is not from 16 to 128")
	f.check(p.SaltLength >= 16 && p.SaltLength <= maxSalt, "Config.Hash.SaltLength", "is not from 16 to 128")
}

func (p HashParams) withDefaults() HashParams {
	p.Digest = orDefault(p.Digest, "sha256")
	p.KeyLength = orDefault(p.KeyLength, 32)
	p.SaltLength = orDefault(p.SaltLength, 16)
	p.Iterations = orDefault(p.Iterations, map[string]int{"sha256": 600_000, "sha512": 220_000}[p.Digest])
	return p
}

func orDefault[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}

// digestFunc returns nil for what is not supported.
func digestFunc(name string) func() gohash.Hash {
	switch name {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

// forbiddenByFIPS reports whether package pbkdf2 rejects h in this process: it does with GODEBUG=fips140=only.
func (h hash) forbiddenByFIPS() bool {
	return fips140.Enforced() && (h.digest == "sha1" || len(h.salt) < 16)
}

// errNoPepper says why a hash cannot be verified.
var errNoPepper = errors.New("registry: a hash needs Config.Pepper, and there is none")

// hasher makes and verifies hashes, so many at a time.
type hasher struct {
	params HashParams
	pepper Secret
	gate   gate
}

// hash returns the PHC form of a secret's hash.
func (h *hasher) hash(ctx context.Context, secret string) (string, error) {
	made := h.blank()
	_, _ = rand.Read(made.salt) // never fails
	key, err := h.derive(ctx, secret, made)
	if err != nil {
		return "", err
	}
	made.key = key
	return made.String(), nil
}

// blank returns a hash of nothing, for what costs as much as a real one.
func (h *hasher) blank() hash {
	return hash{
		digest: h.params.Digest, rounds: h.params.Iterations,
		salt: make([]byte, h.params.SaltLength), key: make([]byte, h.params.KeyLength),
	}
}

// verify takes the same time whether the secret fits or not.
func (h *hasher) verify(ctx context.Context, secret string, stored hash) (bool, error) {
	key, err := h.derive(ctx, secret, stored)
	return err == nil && subtle.ConstantTimeCompare(key, stored.key) == 1, err
}

// derive computes the key that h would have. It waits until it may, or ctx ends.
func (h *hasher) derive(ctx context.Context, secret string, as hash) ([]byte, error) {
	salt := as.salt
	if as.peppered {
		if h.pepper.IsZero() {
			return nil, errNoPepper
		}
		salt = slices.Concat(salt, []byte("!"), []byte(h.pepper.Reveal()))
	}
	if err := h.gate.enter(ctx); err != nil {
		return nil, unavailable(err)
	}
	defer h.gate.leave()
	return pbkdf2.Key(digestFunc(as.digest), secret, salt, as.rounds, len(as.key))
}

// isBelow reports whether a secret with this hash is to be hashed anew.
func (h *hasher) isBelow(stored hash) bool {
	return stored.crossed || stored.digest != h.params.Digest || stored.rounds < h.params.Iterations ||
		len(stored.key) < h.params.KeyLength || len(stored.salt) < h.params.SaltLength
}

// worth returns how much of the cost of the current form it was to verify a hash. The iterations of another digest are
// not comparable, and worth nothing.
func (h *hasher) worth(stored hash) int {
	if stored.digest != h.params.Digest {
		return 0
	}
	return stored.cost()
}

// rest returns a hash of nothing that costs what is left of the current form's cost when so much has been paid.
func (h *hasher) rest(paid int) hash {
	rest := h.blank()
	rest.rounds = rest.cost() - paid
	rest.key = rest.key[:min(len(rest.key), digestFunc(rest.digest)().Size())] // one block
	return rest
}
