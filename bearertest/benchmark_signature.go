package bearertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// errSignature is returned by a signature check that fails.
var errSignature = errors.New("bearertest: the signature of the valid token is wrong")

// signatureCheck returns a function that verifies the signature of a token as the standard library does, without base64 and
// JSON. It hashes the signed text each time.
func signatureCheck(token *Token) (func() error, error) {
	s := schemes[token.algorithm]
	raw := token.Sign()
	end := strings.LastIndexByte(raw, '.')
	if end < 0 {
		return nil, errSignature
	}
	input := []byte(raw[:end])
	signature, err := sign(token.algorithm, token.key, input)
	if err != nil {
		return nil, err
	}
	var check func() bool
	if signer, ok := token.key.(crypto.Signer); ok {
		check = publicCheck(s, signer.Public(), input, signature)
	} else if secret, ok := token.key.([]byte); ok {
		check = func() bool {
			mac := hmac.New(s.hash.New, secret)
			mac.Write(input)
			return hmac.Equal(mac.Sum(nil), signature)
		}
	}
	if check == nil {
		return nil, fmt.Errorf("bearertest: signatures of %s cannot be measured", token.algorithm)
	}
	return func() error {
		if !check() {
			return errSignature
		}
		return nil
	}, nil
}

// publicCheck returns the check for a public key, or nil.
func publicCheck(s scheme, public crypto.PublicKey, input, signature []byte) func() bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if s.family == familyPSS {
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return func() bool { return rsa.VerifyPSS(key, s.hash, digest(s.hash, input), signature, options) == nil }
		}
		return func() bool { return rsa.VerifyPKCS1v15(key, s.hash, digest(s.hash, input), signature) == nil }
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		r, sValue := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return func() bool { return ecdsa.Verify(key, digest(s.hash, input), r, sValue) }
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(key, input, signature) }
	default:
		return nil
	}
}
