package bearertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
)

// JWK returns a public key as a JSON Web Key (RFC 7517 section 4), so that a test can change its members, add it to a key
// set, and publish that with [Issuer.SetJWKS]. public is a value that [Issuer.Key] returns. A []byte becomes an `oct`
// key, which an issuer must not publish. For other types, the result has no `kty`. If kid or alg is empty, the result
// does not contain it.
func JWK(kid, alg string, public any) map[string]any {
	jwk := map[string]any{"use": "sig"}
	if kid != "" {
		jwk["kid"] = kid
	}
	if alg != "" {
		jwk["alg"] = alg
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		jwk["kty"] = "RSA"
		jwk["n"] = base64url(key.N.Bytes())
		jwk["e"] = base64url(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return jwk
		}
		coordinates := point[1:] // 4 ‖ X ‖ Y (SEC 1 section 2.3.3)
		half := len(coordinates) / 2
		jwk["kty"] = "EC"
		jwk["crv"] = key.Params().Name
		jwk["x"] = base64url(coordinates[:half])
		jwk["y"] = base64url(coordinates[half:])
	case ed25519.PublicKey:
		jwk["kty"] = "OKP"
		jwk["crv"] = "Ed25519"
		jwk["x"] = base64url(key)
	case []byte:
		jwk["kty"] = "oct"
		jwk["k"] = base64url(key)
	}
	return jwk
}

// base64url encodes data without padding (RFC 7515 section 2).
func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
