package jwtsign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
)

// PublicJWK returns the members of a JWK that represent a public key (RFC 7518 §6, RFC 8037 §2). It supports RSA, ECDSA
// and Ed25519 keys, and returns [ErrKey] for all others. The map contains only the members that RFC 7638 §3.2 requires,
// and no optional ones such as `kid`.
func PublicJWK(public crypto.PublicKey) (map[string]string, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return map[string]string{
			"kty": "RSA", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
		}, nil
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // uncompressed: 4, x, y
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		half := len(point) / 2 // x and y have the same length; the first byte is the format
		return map[string]string{
			"kty": "EC", "crv": key.Curve.Params().Name, "x": encode(point[1 : 1+half]), "y": encode(point[1+half:]),
		}, nil
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(key)}, nil
	}
	return nil, ErrKey
}

// Thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638 §3), in base64url. The thumbprint covers exactly the
// members that PublicJWK returns, sorted by name. json.Marshal sorts maps in this way.
func Thumbprint(public crypto.PublicKey) (string, error) {
	jwk, err := PublicJWK(public)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(jwk)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(text)
	return encode(hash[:]), nil
}
