package jwks

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
)

// Key is one public verification key of an issuer, or one shared secret of a [Secret] source. A Key in use is shared
// between requests: do not change what Public refers to.
type Key struct {
	// ID is the `kid` (RFC 7517 §4.5). Empty for a key that was published without one.
	ID string

	// Algorithm is the one `alg` this key serves (RFC 7518 §3.1). Empty means every algorithm that the type and curve
	// of Public allow; the consumer cuts that down to its own list.
	Algorithm string

	// Public is an *rsa.PublicKey, an *ecdsa.PublicKey, an ed25519.PublicKey or, for HMAC, a []byte.
	Public any
}

// Equal reports whether k and other are the same key with the same ID and Algorithm. It is cheapest for two copies of
// one Key, and a key that a refresh has left alone is one Key before and after it.
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

// Format writes ID and Algorithm only, whatever the verb: Public may be a secret. Package fmt does not call it for a Key
// in an unexported field of a struct, so do not print a struct that keeps secrets in one.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write(k.redacted()) }

// MarshalText returns ID and Algorithm only, for loggers and encoding/json: Public may be a secret.
func (k Key) MarshalText() ([]byte, error) { return k.redacted(), nil }

func (k Key) redacted() []byte { return fmt.Appendf(nil, "{kid %q alg %q}", k.ID, k.Algorithm) }

// Source finds the key that a token names. kid is empty for a token that names none: a source then answers only if
// exactly one of its keys fits alg.
//
// Key returns an error matching [ErrKeyNotFound] when the source has usable keys and none of them fits, and one
// matching [ErrUnavailable] when it has no usable keys to look at. The difference decides between refusing a token and
// telling the client to come again, so a Source must not let kid or alg influence which of the two it is. When ctx ends
// before that is known, the error matches ctx.Err() instead.
//
// Implementations are safe for concurrent use.
type Source interface {
	Key(ctx context.Context, kid, alg string) (Key, error)
}

// ErrKeyNotFound says that a usable key set is held and that no key in it fits.
var ErrKeyNotFound = errors.New("jwks: no key fits")

// ErrAlgorithm says that the key which the token names, or the only keys there are for one that names none, do not
// serve the token's algorithm. It matches [ErrKeyNotFound] too.
var ErrAlgorithm = fmt.Errorf("%w: the key does not serve the algorithm", ErrKeyNotFound)

// ErrUnavailable says that no usable key set is held: none was ever fetched, or the last one is older than StaleFor.
var ErrUnavailable = errors.New("jwks: keys unavailable")

var (
	errUnknownID = fmt.Errorf("%w: unknown kid", ErrKeyNotFound)
	errAmbiguous = fmt.Errorf("%w: several do", ErrKeyNotFound)
)

// maxKeyID bounds a kid, in bytes: a token's, which is remembered, and a key's.
const maxKeyID = 256

// only returns the one key that serves alg among those whose ID ok accepts.
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
	case serving > 1:
		return Key{}, errAmbiguous
	}
	return found, nil
}

func anyID(string) bool { return true }
