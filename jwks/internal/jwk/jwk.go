// Package jwk converts the members of one public key to a key of the standard library. It is the only package of this module
// that imports jwx. Neither tokens nor key sets are passed to it, and it exports no type of jwx.
package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// Parse parses text, a JWK (RFC 7517 §4). The caller must have reduced it to the members of a public key and checked their
// values. The result is an *rsa.PublicKey, an *ecdsa.PublicKey or an ed25519.PublicKey. The caller must check its strength.
func Parse(text []byte) (any, error) {
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return nil, err
	}
	var public any
	if err := parsed.Raw(&public); err != nil {
		return nil, err
	}
	switch public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return public, nil
	}
	return nil, errors.New("the key is not a public key for signatures")
}
