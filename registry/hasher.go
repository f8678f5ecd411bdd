package registry

import (
	"cmp"
	"context"
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // verifies imported hashes; new hashes never use it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	gohash "hash"
	"slices"
)

// HashParams defines how secrets are hashed, by PBKDF2 with HMAC (RFC 8018 section 5.2). When a secret is next used, the
// registry replaces its hash if that has another digest, fewer iterations, a shorter key or a shorter salt, or is in the
// format of crossauth. The zero value is sha256 with 600 000 iterations.
type HashParams struct {
	// Digest is "sha256" or "sha512". Empty: "sha256".
	Digest string

	// Iterations is the iteration count, from 1000 (RFC 8018 section 4.2) to 10 000 000. Zero: 600 000 with sha256, 220 000
	// with sha512. The count matters for secrets that people choose. A secret that the registry generates has 256 random
	// bits and cannot be guessed.
	Iterations int

	// KeyLength is the length of the derived key in bytes, from 16 to 128. Zero: 32.
	KeyLength int

	// SaltLength is the length of the random salt in bytes, from 16 to 128. Zero: 16.
	SaltLength int
}

func (p HashParams) validate(f *faults) {
	f.check(p.Digest == "sha256" || p.Digest == "sha512", "Config.Hash.Digest", "must be sha256 or sha512")
	f.check(p.Iterations >= 1000 && p.Iterations <= maxRounds, "Config.Hash.Iterations", "must be from 1000 to 10 000 000")
	f.check(p.KeyLength >= minKey && p.KeyLength <= maxKey, "Config.Hash.KeyLength", "must be from 16 to 128")
	f.check(p.SaltLength >= 16 && p.SaltLength <= maxSalt, "Config.Hash.SaltLength", "must be from 16 to 128")
}

func (p HashParams) withDefaults() HashParams {
	p.Digest = cmp.Or(p.Digest, "sha256")
	p.KeyLength = cmp.Or(p.KeyLength, 32)
	p.SaltLength = cmp.Or(p.SaltLength, 16)
	p.Iterations = cmp.Or(p.Iterations, map[string]int{"sha256": 600_000, "sha512": 220_000}[p.Digest])
	return p
}

// digestFunc returns the hash function with the given name, or nil if it is not supported.
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

// forbiddenByFIPS reports whether package pbkdf2 rejects the parameters of h, as it does with GODEBUG=fips140=only.
func (h hash) forbiddenByFIPS() bool {
	return fips140.Enforced() && (h.digest == "sha1" || len(h.salt) < 16)
}

// errNoPepper means that an imported hash cannot be verified without Config.Pepper.
var errNoPepper = errors.New("registry: a stored hash needs Config.Pepper, which is not set")

// hasher computes and verifies hashes. Its gate limits the number of concurrent computations.
type hasher struct {
	params HashParams
	pepper Secret
	gate   gate
}

// hash returns a new hash of secret in PHC string format.
func (h *hasher) hash(ctx context.Context, secret string) (string, error) {
	made := h.blank()
	_, _ = rand.Read(made.salt) // never returns an error
	key, err := h.derive(ctx, secret, made)
	if err != nil {
		return "", err
	}
	made.key = key
	return made.String(), nil
}

// blank returns a hash in the current format whose salt and key are all zeros. Deriving its key costs as much as deriving
// a real one.
func (h *hasher) blank() hash {
	return hash{
		digest: h.params.Digest, rounds: h.params.Iterations,
		salt: make([]byte, h.params.SaltLength), key: make([]byte, h.params.KeyLength),
	}
}

// verify reports whether secret matches stored. It compares in constant time.
func (h *hasher) verify(ctx context.Context, secret string, stored hash) (bool, error) {
	key, err := h.derive(ctx, secret, stored)
	return err == nil && subtle.ConstantTimeCompare(key, stored.key) == 1, err
}

// derive computes the key of secret with the parameters of as. It waits for a slot of the gate, at most until ctx ends.
// The error matches ErrUnavailable if it gets none.
func (h *hasher) derive(ctx context.Context, secret string, as hash) ([]byte, error) {
	salt := as.salt
	if as.peppered {
		if h.pepper.IsZero() {
			return nil, errNoPepper
		}
		// Crossauth appends its secret to the salt, after an exclamation mark.
		salt = slices.Concat(salt, []byte("!"), []byte(h.pepper.Reveal()))
	}
	if err := h.gate.enter(ctx); err != nil {
		return nil, unavailable(err)
	}
	defer h.gate.leave()
	return pbkdf2.Key(digestFunc(as.digest), secret, salt, as.rounds, len(as.key))
}

// isBelow reports whether stored must be replaced by a hash in the current format.
func (h *hasher) isBelow(stored hash) bool {
	return stored.crossed || stored.digest != h.params.Digest || stored.rounds < h.params.Iterations ||
		len(stored.key) < h.params.KeyLength || len(stored.salt) < h.params.SaltLength
}

// worth returns how many iterations of the current digest the verification of stored has computed. Iterations of another
// digest do not count, because how long they take differs between processors.
func (h *hasher) worth(stored hash) int {
	if stored.digest != h.params.Digest {
		return 0
	}
	return stored.cost()
}

// rest returns a blank hash that costs the difference between one hash in the current format and paid iterations.
func (h *hasher) rest(paid int) hash {
	rest := h.blank()
	rest.rounds = rest.cost() - paid
	rest.key = rest.key[:min(len(rest.key), digestFunc(rest.digest)().Size())] // with at most one block, the cost is the number of rounds
	return rest
}
