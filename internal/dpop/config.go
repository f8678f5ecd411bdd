package dpop

import (
	"errors"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/signature"
)

// Config configures a [Checker].
type Config struct {
	// Algorithms lists the accepted values of `alg`. All must be algorithms of public keys (RFC 9449 section 4.3). EdDSA
	// and Ed25519 name the same algorithm, so either name also allows the other. Empty: RS*, PS*, ES*, EdDSA and Ed25519.
	// ML-DSA-44, ML-DSA-65 and ML-DSA-87 need the build tag mldsa.
	Algorithms []string

	// Window is how far the `iat` of a proof may be in the past or in the future. At most 5 minutes. Zero: 60 seconds.
	Window time.Duration

	// MaxBytes is the maximum length of a proof. At most 64 KiB. Zero: 4 KiB, or 16 KiB if Algorithms contains ML-DSA.
	MaxBytes int
}

const (
	defaultWindow   = time.Minute
	maxWindow       = 5 * time.Minute
	defaultMaxBytes = 4 << 10
	maxMaxBytes     = 64 << 10

	// postQuantumMaxBytes is enough for a proof with ML-DSA-87, whose key and signature have 11 000 characters.
	postQuantumMaxBytes = 16 << 10

	// maxKeys is the number of keys that a Checker caches, and maxCachedHeader the length of a header with such a key, in
	// bytes. It is enough for RSA keys of 4096 bits.
	maxKeys         = 4096
	maxCachedHeader = 2 << 10
)

// Checker reads and checks proofs. It is safe for concurrent use.
type Checker struct {
	cfg        Config
	algorithms map[string]signature.Algorithm

	// keys caches the headers of proofs with their keys, by the text of the header, because a client sends the same header
	// in all of its proofs. A header is added only after its key has verified a proof and was the key of a verified token,
	// so a caller without such a token cannot fill the cache.
	keys *lru.Cache[string, *cachedKey]
}

// cachedKey is what a Checker knows about a header that it has accepted before. It does not change.
type cachedKey struct {
	algorithm  signature.Algorithm
	public     any
	thumbprint string // as in a token
}

// New returns a Checker. It joins all faults of cfg. Each names its field, without the name of the struct.
func New(cfg Config) (*Checker, error) {
	var faults []error
	c := &Checker{algorithms: make(map[string]signature.Algorithm)}
	cfg.Algorithms = slices.Clone(cfg.Algorithms)
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = signature.Default()
	}
	for _, name := range cfg.Algorithms {
		if err := c.allow(name); err != nil {
			faults = append(faults, fmt.Errorf("Algorithms: %w", err))
		}
	}
	switch {
	case cfg.Window < 0 || cfg.Window > maxWindow:
		faults = append(faults, outOfRange("Window", cfg.Window, maxWindow))
	case cfg.Window == 0:
		cfg.Window = defaultWindow
	}
	switch {
	case cfg.MaxBytes < 0 || cfg.MaxBytes > maxMaxBytes:
		faults = append(faults, outOfRange("MaxBytes", cfg.MaxBytes, maxMaxBytes))
	case cfg.MaxBytes == 0:
		cfg.MaxBytes = defaultMaxBytes
		if slices.ContainsFunc(cfg.Algorithms, func(alg string) bool { return signature.PostQuantumKeySize(alg) > 0 }) {
			cfg.MaxBytes = postQuantumMaxBytes
		}
	}
	keys, err := lru.New[string, *cachedKey](maxKeys)
	c.cfg, c.keys = cfg, keys
	return c, errors.Join(append(faults, err)...)
}

// outOfRange returns the error for a field whose value is negative or greater than most.
func outOfRange(field string, value, most any) error {
	return fmt.Errorf("%s is %v, expected 0 to %v", field, value, most)
}

// allow adds an algorithm, and its other name if it has one.
func (c *Checker) allow(name string) error {
	if signature.IsSymmetric(name) {
		return fmt.Errorf("%q uses a shared secret, expected an algorithm of public keys", name)
	}
	if err := signature.Check(name); err != nil {
		return err
	}
	for _, other := range append(signature.Public(), name) {
		if other == name || signature.IsAlias(other, name) {
			c.algorithms[other], _ = signature.Lookup(other)
		}
	}
	return nil
}

// Algorithms returns the accepted algorithms as they were configured, for the parameter algs of a challenge (RFC 9449
// section 5.1).
func (c *Checker) Algorithms() []string { return slices.Clone(c.cfg.Algorithms) }
