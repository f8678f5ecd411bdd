// Package signature verifies the signatures of JWS with the standard library. It is the only place that decides which
// algorithms the kit supports, which keys serve them, and which keys are too weak.
//
// A key is an *rsa.PublicKey, an *ecdsa.PublicKey, an ed25519.PublicKey, or a []byte for HMAC. In programs that are built
// with Go 1.27 or later and the build tag mldsa, it may also be an *mldsa.PublicKey of package crypto/mldsa.
package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"strings"
)

// Algorithm is the meaning of one `alg` (RFC 7518 section 3.1, RFC 8037, RFC 9864, RFC 9964). [Lookup] returns it. The zero
// value verifies nothing. It is a small value that may be copied and used concurrently.
type Algorithm struct {
	family family
	hash   crypto.Hash
	curve  string // the curve that an ECDSA key must be on
	name   string // set only for ML-DSA, whose keys have one algorithm each
}

// family is a kind of key and signature. A key of one family never verifies a signature of another one.
type family int

const (
	rsaPKCS1v15 family = iota + 1
	rsaPSS
	ellipticCurve
	edwards25519
	hmacSecret
	moduleLattice
)

// Lookup returns the algorithm with this name. ok is false if this package does not support it. The algorithm none is
// not supported, so no configuration can enable it. Names are case-sensitive (RFC 7515 section 4.1.1).
func Lookup(name string) (a Algorithm, ok bool) {
	switch name {
	case "RS256":
		return Algorithm{family: rsaPKCS1v15, hash: crypto.SHA256}, true
	case "RS384":
		return Algorithm{family: rsaPKCS1v15, hash: crypto.SHA384}, true
	case "RS512":
		return Algorithm{family: rsaPKCS1v15, hash: crypto.SHA512}, true
	case "PS256":
		return Algorithm{family: rsaPSS, hash: crypto.SHA256}, true
	case "PS384":
		return Algorithm{family: rsaPSS, hash: crypto.SHA384}, true
	case "PS512":
		return Algorithm{family: rsaPSS, hash: crypto.SHA512}, true
	case "ES256":
		return Algorithm{family: ellipticCurve, hash: crypto.SHA256, curve: "P-256"}, true
	case "ES384":
		return Algorithm{family: ellipticCurve, hash: crypto.SHA384, curve: "P-384"}, true
	case "ES512":
		return Algorithm{family: ellipticCurve, hash: crypto.SHA512, curve: "P-521"}, true
	case "EdDSA", "Ed25519":
		return Algorithm{family: edwards25519}, true
	case "ML-DSA-44", "ML-DSA-65", "ML-DSA-87":
		return Algorithm{family: moduleLattice, name: name}, hasMLDSA
	case "HS256":
		return Algorithm{family: hmacSecret, hash: crypto.SHA256}, true
	case "HS384":
		return Algorithm{family: hmacSecret, hash: crypto.SHA384}, true
	case "HS512":
		return Algorithm{family: hmacSecret, hash: crypto.SHA512}, true
	}
	return Algorithm{}, false
}

// Check returns nil if this package supports the algorithm called name, and otherwise an error that says why not. The
// text of the error has no prefix.
func Check(name string) error {
	switch _, ok := Lookup(name); {
	case ok:
		return nil
	case PostQuantumKeySize(name) > 0:
		return fmt.Errorf("%q is only supported in programs that are built with Go 1.27 or later and -tags mldsa", name)
	}
	return fmt.Errorf("%q is not supported", name)
}

// Default returns the algorithms of public keys that are accepted if the configuration lists none. ML-DSA is not among
// them.
func Default() []string {
	return []string{
		"ES256", "ES384", "ES512", "Ed25519", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
	}
}

// Public returns all algorithms of public keys that this build supports.
func Public() []string {
	if !hasMLDSA {
		return Default()
	}
	return append(Default(), "ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
}

// PostQuantumKeySize returns the length of a public key for an algorithm of ML-DSA, in bytes (FIPS 204 section 4). It
// returns 0 for all other algorithms. It does not depend on the build.
func PostQuantumKeySize(alg string) int {
	switch alg {
	case "ML-DSA-44":
		return 1312
	case "ML-DSA-65":
		return 1952
	case "ML-DSA-87":
		return 2592
	}
	return 0
}

// IsAlias reports whether a and b are the two names of EdDSA with Ed25519, the only curve of EdDSA that this package
// supports (RFC 9864 section 2.2).
func IsAlias(a, b string) bool {
	return a == "EdDSA" && b == "Ed25519" || a == "Ed25519" && b == "EdDSA"
}

// IsSymmetric reports whether alg is an HMAC algorithm, whose key is a shared secret.
func IsSymmetric(alg string) bool { return strings.HasPrefix(alg, "HS") }

// SecretLength returns the minimum length of a secret for alg in bytes, which is the length of the hash (RFC 7518
// section 3.2). It returns 0 if alg does not use a secret.
func SecretLength(alg string) int {
	if a, ok := Lookup(alg); ok && a.family == hmacSecret {
		return a.hash.Size()
	}
	return 0
}

// Fits reports whether key has the type and the curve, or the length of a secret, that a requires. It does not check the
// strength of a public key: see [Weakness].
func (a Algorithm) Fits(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return a.family == rsaPKCS1v15 || a.family == rsaPSS
	case *ecdsa.PublicKey:
		return a.family == ellipticCurve && a.hasCurve(key)
	case ed25519.PublicKey:
		return a.family == edwards25519
	case []byte:
		return a.family == hmacSecret && len(key) >= a.hash.Size()
	}
	return a.family == moduleLattice && a.fitsMLDSA(key)
}

// hasCurve reports whether key is on the curve of a (RFC 7518 section 3.4).
func (a Algorithm) hasCurve(key *ecdsa.PublicKey) bool {
	return key != nil && isSupportedCurve(key.Curve) && key.Curve.Params().Name == a.curve
}
