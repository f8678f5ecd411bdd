package signature

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"math/big"
)

// Weakness returns why public is too weak to verify signatures, as text for the operator. It returns an empty string if
// public is strong enough. The text contains no part of the key.
func Weakness(public any) string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return rsaWeakness(key)
	case *ecdsa.PublicKey:
		return ecdsaWeakness(key)
	case ed25519.PublicKey:
		return ed25519Weakness(key)
	case []byte:
		return "" // the minimum length depends on the algorithm; see Fits
	}
	if isMLDSA(public) {
		return "" // each size has been checked, and no weak keys are known
	}
	return fmt.Sprintf("%T is not a type of key for signatures", public)
}

// RFC 7518 section 3.3 requires RSA moduli of at least 2048 bits. With more than 8192 bits, a verification costs too much.
const (
	minModulusBits = 2048
	maxModulusBits = 8192
	maxExponent    = 1<<31 - 1 // the maximum of crypto/rsa
)

// rsaWeakness checks the size of the modulus first, because the checks after it take longer with a larger one. With the
// exponent 1 every message is its own signature, and an even exponent has no private key.
func rsaWeakness(key *rsa.PublicKey) string {
	if key == nil || key.N == nil {
		return "RSA key is empty"
	}
	switch bits := key.N.BitLen(); {
	case bits < minModulusBits || bits > maxModulusBits:
		return fmt.Sprintf("RSA modulus has %d bits, expected %d to %d", bits, minModulusBits, maxModulusBits)
	case key.E < 3 || key.E > maxExponent || key.E%2 == 0:
		return fmt.Sprintf("RSA exponent is %d, expected an odd number from 3 to %d", key.E, maxExponent)
	}
	if weakness := modulusWeakness(key.N); weakness != "" || !fips140.Enforced() {
		return weakness
	}
	return fipsWeakness(key)
}

// fipsWeakness applies the rules of crypto/rsa for GODEBUG=fips140=only (FIPS 186-5 §5.1).
func fipsWeakness(key *rsa.PublicKey) string {
	if bits := key.N.BitLen(); bits%2 == 1 || key.E <= 1<<16 {
		return fmt.Sprintf("RSA key of %d bits with exponent %d is not allowed in FIPS 140-only mode", bits, key.E)
	}
	return ""
}

// modulusWeakness detects moduli with a small factor, and those of a faulty key generator (ROCA, CVE-2017-15361). Both
// factors of such a modulus are powers of 65537 modulo every small prime, and so is the modulus itself. About one in 2^27
// other moduli also has this property for all primes below, and is rejected by mistake.
func modulusWeakness(n *big.Int) string {
	primes := [...]int64{
		2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
		109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	}
	roca := true // until a prime shows the opposite
	for _, p := range primes {
		residue := new(big.Int).Mod(n, big.NewInt(p)).Int64()
		if residue == 0 {
			return fmt.Sprintf("RSA modulus is divisible by %d", p)
		}
		roca = roca && powerOf65537(residue, p)
	}
	if roca {
		return "RSA modulus has the structure of CVE-2017-15361 (ROCA)"
	}
	return ""
}

// powerOf65537 reports whether residue is a power of 65537 modulo p.
func powerOf65537(residue, p int64) bool {
	generator := 65537 % p
	for power := generator; power != residue; power = power * generator % p {
		if power == 1 {
			return false
		}
	}
	return true
}

// ecdsaWeakness requires a point on one of the three curves of RFC 7518 section 6.2.1.1.
func ecdsaWeakness(key *ecdsa.PublicKey) string {
	if key == nil || key.X == nil || key.Y == nil { //nolint:staticcheck // SA1019: only checks whether there is a point
		return "EC key is empty"
	}
	if !isSupportedCurve(key.Curve) {
		return "EC curve is not P-256, P-384 or P-521"
	}
	if _, err := key.Bytes(); err != nil {
		return "EC point is not on its curve"
	}
	return ""
}

// isSupportedCurve compares with the curves of the standard library itself, because only its own implementations check
// points.
func isSupportedCurve(curve elliptic.Curve) bool {
	return curve == elliptic.P256() || curve == elliptic.P384() || curve == elliptic.P521()
}

// ed25519Weakness rejects encodings that are not canonical (RFC 8032 section 5.1.3), and points of small order, for which one
// signature is valid for many messages.
func ed25519Weakness(key ed25519.PublicKey) string {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Sprintf("Ed25519 key has %d bytes, expected %d", len(key), ed25519.PublicKeySize)
	}
	// An Ed25519 key is the y coordinate of a point, little-endian, with the sign of x in the highest bit.
	y := make([]byte, len(key)) // big-endian, without the sign
	for i, b := range key {
		y[len(y)-1-i] = b
	}
	y[0] &= 0x7f
	switch hex.EncodeToString(y) {
	case "0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"0000000000000000000000000000000000000000000000000000000000000001", // order 1
		"05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", // order 8
		"7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", // order 8
		"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec": // order 2
		return "Ed25519 point has a small order"
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	if new(big.Int).SetBytes(y).Cmp(p) >= 0 {
		return "Ed25519 point is not canonically encoded"
	}
	return ""
}
