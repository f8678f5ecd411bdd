// Package jwk is the one place where this module uses jwx. It turns the members of one public key into a key of the
// standard library. No token and no key set ever comes here, and no type of jwx leaves.
package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// Parse reads text, a JWK (RFC 7517 §4) that the caller has reduced to the members that make up a public key and whose
// values it has checked. The result is an *rsa.PublicKey, an *ecdsa.PublicKey or an ed25519.PublicKey; its strength is
// for the caller to judge.
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
	return nil, errors.New("not a public key for signatures")
}
