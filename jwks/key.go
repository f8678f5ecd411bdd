package jwks

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
)

// Key is one public key of an issuer that verifies signatures, or the shared secret of a [Secret] source. Requests
// share Keys, so do not change the value that Public refers to.
type Key struct {
	// ID is the kid (RFC 7517 §4.5). Empty: the key was published without one.
	ID string

	// Algorithm is the one alg that the key serves (RFC 7518 §3.1). Empty: all algorithms that the type and curve of Public
	// allow. The consumer accepts only those that its own list contains, too.
	Algorithm string

	// Public is an *rsa.PublicKey, an *ecdsa.PublicKey, an ed25519.PublicKey, or a []byte for HMAC.
	Public any
}

// Equal reports whether k and other are the same key with the same ID and Algorithm. It is fastest if both refer to the
// same public key in memory. A refresh that finds a key unchanged keeps the same Key.
func (k Key) Equal(other Key) bool {
	if k.ID != other.ID || k.Algorithm != other.Algorithm {
		return false
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		o, ok := other.Public.(*rsa.PublicKey)
		return ok && (public == o || public.Equal(o))
	case *ecdsa.PublicKey:
		o, ok := other.Public.(*ecdsa.PublicKey)
		return ok && (public == o || public.Equal(o))
	case ed25519.PublicKey:
		return public.Equal(other.Public)
	case []byte:
		o, ok := other.Public.([]byte)
		return ok && subtle.ConstantTimeCompare(public, o) == 1
	}
	return false
}

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
// algorithms are possible, and never the other way round (RFC 8725 §3.1).
func (k Key) serves(alg string) bool {
	return (k.Algorithm == "" || k.Algorithm == alg) && fits(k.Public, alg)
}

// fits reports whether alg (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2) is an algorithm for the type and curve of public.
func fits(public any, alg string) bool {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		_, ok := public.(*rsa.PublicKey)
		return ok
	case "ES256":
		return hasCurve(public, elliptic.P256())
	case "ES384":
		return hasCurve(public, elliptic.P384())
	case "ES512":
		return hasCurve(public, elliptic.P521())
	case "EdDSA", "Ed25519":
		_, ok := public.(ed25519.PublicKey)
		return ok
	case "HS256", "HS384", "HS512":
		secret, ok := public.([]byte)
		return ok && len(secret) >= secretLength(alg)
	}
	return false
}

// hasCurve reports whether public is an ECDSA key on the given curve.
func hasCurve(public any, curve elliptic.Curve) bool {
	key, ok := public.(*ecdsa.PublicKey)
	return ok && key.Curve == curve
}

// secretLength returns the minimum length of a secret for alg in bytes, which is the length of the hash (RFC 7518 §3.2). It
// returns 0 if alg does not use a secret.
func secretLength(alg string) int {
	switch alg {
	case "HS256":
		return 32
	case "HS384":
		return 48
	case "HS512":
		return 64
	}
	return 0
}

// algorithms returns every algorithm that at least one of keys serves.
func algorithms(keys []Key) []string {
	all := []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
		"HS256", "HS384", "HS512",
	}
	return slices.DeleteFunc(all, func(alg string) bool {
		return !slices.ContainsFunc(keys, func(k Key) bool { return k.serves(alg) })
	})
}

// Source finds the key that a token names. Implementations must be safe for concurrent use.
type Source interface {
	// Key returns the key with the ID kid for the algorithm alg. kid is empty for a token without one: the key is then
	// returned only if exactly one key of the source serves alg.
	//
	// The error matches [ErrKeyNotFound] if the source has usable keys and none of them fits. It matches [ErrUnavailable]
	// if the source has no usable keys. The caller rejects the token in the first case and reports an outage in the
	// second, so kid and alg must not influence which of the two it is. If ctx ends before that is known, the error
	// matches ctx.Err() instead.
	Key(ctx context.Context, kid, alg string) (Key, error)
}

// ErrKeyNotFound means that the source has usable keys, and that none of them fits the token.
var ErrKeyNotFound = errors.New("jwks: no key fits the token")

// ErrAlgorithm means that the token's key does not serve the token's algorithm. For a token without a kid, it means
// that no key serves the algorithm. It also matches [ErrKeyNotFound].
var ErrAlgorithm = fmt.Errorf("%w: the key does not serve the token's algorithm", ErrKeyNotFound)

// ErrUnavailable means that there is no usable key set: none was ever fetched, or the last one is older than StaleFor.
var ErrUnavailable = errors.New("jwks: keys unavailable")

var (
	errUnknownID = fmt.Errorf("%w: unknown kid", ErrKeyNotFound)
	errAmbiguous = fmt.Errorf("%w: several keys serve the token's algorithm, and the token has no kid that selects one", ErrKeyNotFound)
)

// maxKeyID is the maximum length of a kid, in bytes. It applies to the kid of a token, which is cached if it is
// unknown, and to that of a key.
const maxKeyID = 256

// only returns the single key that serves alg, among the keys for whose ID the function ok returns true.
func only(keys []Key, alg string, ok func(id string) bool) (Key, error) {
	var found Key
	candidates, serving := 0, 0
	for _, k := range keys {
		if !ok(k.ID) {
			continue
		}
		candidates++
		if k.serves(alg) {
			found = k
			serving++
		}
	}
	switch {
	case candidates == 0:
		return Key{}, errUnknownID
	case serving == 0:
		return Key{}, ErrAlgorithm
	// Trying all of them would make the verification slower with each key, and would accept a key that the token does
	// not name.
	case serving > 1:
		return Key{}, errAmbiguous
	}
	return found, nil
}

// anyID accepts every ID.
func anyID(string) bool { return true }
