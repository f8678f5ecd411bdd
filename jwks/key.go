package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"math/big"
	"slices"

	"github.com/bearerkit/bearerkit/internal/signature"
)

// Key is one public key of an issuer that verifies signatures, or the shared secret of a [Secret] source. Requests
// share Keys, so do not change the value that Public refers to.
type Key struct {
	// ID is the kid (RFC 7517 §4.5). Empty: the key was published without one.
	ID string

	// Algorithm is the one alg that the key serves (RFC 7518 §3.1). Empty: all algorithms that the type and curve of
	// Public allow. Package consumer accepts a token only if its alg is also in consumer.Config.Algorithms.
	Algorithm string

	// Issuer is the member `issuer` of the JWK, with which Microsoft Entra says whose tokens the key verifies: one issuer, or
	// a template such as https://login.example.com/{tenantid}/v2.0. If the member cannot be used, Issuer is "?". Package
	// client compares it if it accepts several tenants; package consumer does not. Empty: the key has no such member.
	Issuer string

	// Public is an *rsa.PublicKey, an *ecdsa.PublicKey, an ed25519.PublicKey, or a []byte for HMAC. In programs that are
	// built with Go 1.27 or later and the build tag mldsa, it may also be an *mldsa.PublicKey.
	Public any
}

// Equal reports whether k and other are the same key with the same ID, Algorithm and Issuer. It is fastest if both refer to the
// same public key in memory. A refresh that finds a key unchanged keeps the same Key.
func (k Key) Equal(other Key) bool {
	return k.ID == other.ID && k.Algorithm == other.Algorithm && k.Issuer == other.Issuer && equalPublic(k.Public, other.Public)
}

// equalPublic reports whether a and b are the same public key or the same secret. It does not use the Equal methods of RSA
// and ECDSA keys, because they allocate.
func equalPublic(a, b any) bool {
	switch a := a.(type) {
	case *rsa.PublicKey:
		b, ok := b.(*rsa.PublicKey)
		return ok && (a == b || a != nil && b != nil && a.E == b.E && equalInt(a.N, b.N))
	case *ecdsa.PublicKey:
		b, ok := b.(*ecdsa.PublicKey)
		//nolint:staticcheck // SA1019: only compares the coordinates
		return ok && (a == b || a != nil && b != nil && a.Curve == b.Curve && equalInt(a.X, b.X) && equalInt(a.Y, b.Y))
	case ed25519.PublicKey:
		return a.Equal(b)
	case []byte:
		b, ok := b.([]byte)
		return ok && subtle.ConstantTimeCompare(a, b) == 1
	}
	return signature.EqualPostQuantum(a, b)
}

// equalInt reports whether a and b are the same number. Two absent numbers are not equal.
func equalInt(a, b *big.Int) bool { return a != nil && b != nil && a.Cmp(b) == 0 }

// Format implements [fmt.Formatter]. It writes only ID and Algorithm, whatever the verb, because Public may be a
// secret. Package fmt does not call it for a Key in an unexported field of a struct: do not print such a struct if the
// Key may be a secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write(k.redacted()) }

// MarshalText implements [encoding.TextMarshaler]. It returns only ID and Algorithm, because Public may be a secret.
// Loggers and encoding/json call it.
func (k Key) MarshalText() ([]byte, error) { return k.redacted(), nil }

// redacted returns the text of k for logs, without Public.
func (k Key) redacted() []byte { return fmt.Appendf(nil, "{kid %q alg %q}", k.ID, k.Algorithm) }

// serves reports whether k verifies signatures made with alg. alg comes from a token, so the type of the key decides which
// algorithms are possible, and never the other way round (RFC 8725 §3.1). EdDSA and Ed25519 name the same algorithm,
// because Ed25519 is the only curve that this package supports (RFC 9864 §2.2).
func (k Key) serves(alg string) bool {
	return (k.Algorithm == "" || k.Algorithm == alg || signature.IsAlias(k.Algorithm, alg)) && fits(k.Public, alg)
}

// fits reports whether alg (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2) is an algorithm for the type and curve of public.
func fits(public any, alg string) bool {
	a, ok := signature.Lookup(alg)
	return ok && a.Fits(public)
}

// isPublicAlgorithm reports whether alg is an algorithm of public keys.
func isPublicAlgorithm(alg string) bool { return slices.Contains(signature.Public(), alg) }

// algorithms returns every algorithm that at least one of keys serves.
func algorithms(keys []Key) []string {
	all := append(signature.Public(), "HS256", "HS384", "HS512")
	return slices.DeleteFunc(all, func(alg string) bool {
		return !slices.ContainsFunc(keys, func(k Key) bool { return k.serves(alg) })
	})
}
