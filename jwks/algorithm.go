package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"slices"
)

// serves reports whether k verifies signatures made with alg. alg comes from a token: the type of the key decides what
// it may mean, never the other way round (RFC 8725 §3.1).
func (k Key) serves(alg string) bool {
	return (k.Algorithm == "" || k.Algorithm == alg) && fits(k.Public, alg)
}

// fits reports whether alg (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2) is an algorithm of public's type and curve.
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

func hasCurve(public any, curve elliptic.Curve) bool {
	key, ok := public.(*ecdsa.PublicKey)
	return ok && key.Curve == curve
}

// secretLength is the least length of a secret for alg, that of the hash (RFC 7518 §3.2), and 0 for other algorithms.
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

// algorithms lists every algorithm that one of keys serves.
func algorithms(keys []Key) []string {
	all := []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
		"HS256", "HS384", "HS512",
	}
	return slices.DeleteFunc(all, func(alg string) bool {
		return !slices.ContainsFunc(keys, func(k Key) bool { return k.serves(alg) })
	})
}
