package bearertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
)

// JWK describes a public key (RFC 7517 §4), for key sets of one's own: change a member, add one or remove one, and
// publish the result with [Issuer.SetJWKS]. public is what [Issuer.Key] returns; a []byte gives an `oct` key, which no
// issuer should publish. Of any other type the description has no `kty`. An empty kid or alg is left out.
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
		coordinates := point[1:] // 4 ‖ X ‖ Y (SEC 1 §2.3.3)
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

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
