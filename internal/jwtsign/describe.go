package jwtsign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
)

// requirement describes the keys of an algorithm for an error text.
func requirement(alg string) string {
	hash, _ := hashOf(alg)
	switch {
	case alg[0] == 'H':
		return fmt.Sprintf("a secret of at least %d bytes", hash.Size())
	case hash == 0:
		return "a crypto.Signer with an Ed25519 key"
	case alg[0] == 'E':
		return "a crypto.Signer with an ECDSA key on " + curveOf(alg).Params().Name
	}
	return "a crypto.Signer with an RSA key of at least 2048 bits"
}

// kindOf describes a private key for an error text. It shows no part of the key.
func kindOf(private any) string {
	signer, ok := private.(crypto.Signer)
	if !ok || isEmpty(signer) {
		return fmt.Sprintf("%T", private)
	}
	switch key := signer.Public().(type) {
	case *rsa.PublicKey:
		if key.N != nil {
			return fmt.Sprintf("an RSA key of %d bits", key.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if key.Curve != nil {
			return "an ECDSA key on " + key.Curve.Params().Name
		}
	}
	return fmt.Sprintf("%T", private)
}
