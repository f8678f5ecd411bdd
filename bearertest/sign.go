package bearertest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // linked in for crypto.SHA256
	_ "crypto/sha512" // linked in for crypto.SHA384 and crypto.SHA512
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// family is a kind of signature algorithm: those that use the same type of key in the same way.
type family int

const (
	familyUnknown family = iota
	familyRSA
	familyPSS
	familyECDSA
	familyEdDSA
	familyHMAC
)

// scheme describes a signature algorithm.
type scheme struct {
	family family
	hash   crypto.Hash // zero for Ed25519, which signs the message itself
}

// schemes contains the algorithms of RFC 7518 section 3.1, RFC 8037 section 3.1 and RFC 9864 section 2.2.
var schemes = map[string]scheme{ //nolint:gochecknoglobals // a constant table
	"RS256": {familyRSA, crypto.SHA256}, "RS384": {familyRSA, crypto.SHA384}, "RS512": {familyRSA, crypto.SHA512},
	"PS256": {familyPSS, crypto.SHA256}, "PS384": {familyPSS, crypto.SHA384}, "PS512": {familyPSS, crypto.SHA512},
	"ES256": {familyECDSA, crypto.SHA256}, "ES384": {familyECDSA, crypto.SHA384}, "ES512": {familyECDSA, crypto.SHA512},
	"HS256": {familyHMAC, crypto.SHA256}, "HS384": {familyHMAC, crypto.SHA384}, "HS512": {familyHMAC, crypto.SHA512},
	"EdDSA": {familyEdDSA, 0}, "Ed25519": {familyEdDSA, 0},
}

// sign returns a JWS signature. It does not check that the curve or the key size fits the algorithm, so that tests can
// produce wrong combinations.
func sign(alg string, key any, input []byte) ([]byte, error) {
	s := schemes[alg]
	if s.family == familyHMAC {
		return signHMAC(s.hash, key, input)
	}
	signer, ok := key.(crypto.Signer)
	if !ok || !fits(s.family, signer.Public()) {
		return nil, fmt.Errorf("bearertest: %s cannot be computed with a key of type %T", alg, key)
	}
	// A crypto.Signer signs a hash, except for Ed25519, which signs the message.
	if s.hash != 0 {
		input = digest(s.hash, input)
	}
	if s.family == familyPSS {
		return signer.Sign(rand.Reader, input, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash})
	}
	signature, err := signer.Sign(rand.Reader, input, s.hash)
	if public, ok := signer.Public().(*ecdsa.PublicKey); ok && err == nil {
		return fixedLength(signature, public.Params().BitSize)
	}
	return signature, err
}

// fits reports whether the private key of public can sign with the algorithms of the family. Without this check,
// crypto.Signer would make a signature of the key's own family.
func fits(f family, public crypto.PublicKey) bool {
	switch public.(type) {
	case *rsa.PublicKey:
		return f == familyRSA || f == familyPSS
	case *ecdsa.PublicKey:
		return f == familyECDSA
	case ed25519.PublicKey:
		return f == familyEdDSA
	default:
		return false
	}
}

// signHMAC returns an HMAC. Unlike RFC 7518 section 3.2, it accepts keys of any length, so that tests can use short ones.
func signHMAC(hash crypto.Hash, key any, input []byte) ([]byte, error) {
	secret, ok := key.([]byte)
	if !ok {
		return nil, fmt.Errorf("bearertest: HMAC needs a []byte as key, got %T", key)
	}
	if len(secret) < hash.Size() { // HMAC pads with zeros too (RFC 2104 section 2); FIPS mode panics for a short key
		secret = append(bytes.Clone(secret), make([]byte, hash.Size())...)
	}
	mac := hmac.New(hash.New, secret)
	mac.Write(input)
	return mac.Sum(nil), nil
}

// fixedLength converts the DER signature of a crypto.Signer to R ‖ S, each as long as the curve (RFC 7518 section 3.4).
func fixedLength(der []byte, curveBits int) ([]byte, error) {
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	if max(rs.R.BitLen(), rs.S.BitLen()) > curveBits {
		return nil, errors.New("bearertest: the signature is longer than its curve")
	}
	size := (curveBits + 7) / 8
	signature := make([]byte, 2*size)
	rs.R.FillBytes(signature[:size])
	rs.S.FillBytes(signature[size:])
	return signature, nil
}

// digest returns the hash of input.
func digest(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}
