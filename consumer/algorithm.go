package consumer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// algorithm is one `alg` (RFC 7518 §3.1, RFC 8037, RFC 9864) and how its signatures are checked.
type algorithm struct {
	hash   crypto.Hash
	curve  string // the curve an ECDSA key must be on
	verify func(a algorithm, key any, input string, signature []byte) bool
}

// algorithms are all that this package knows.
func algorithms() map[string]algorithm {
	return map[string]algorithm{
		"RS256":   {hash: crypto.SHA256, verify: verifyPKCS1v15},
		"RS384":   {hash: crypto.SHA384, verify: verifyPKCS1v15},
		"RS512":   {hash: crypto.SHA512, verify: verifyPKCS1v15},
		"PS256":   {hash: crypto.SHA256, verify: verifyPSS},
		"PS384":   {hash: crypto.SHA384, verify: verifyPSS},
		"PS512":   {hash: crypto.SHA512, verify: verifyPSS},
		"ES256":   {hash: crypto.SHA256, verify: verifyECDSA, curve: "P-256"},
		"ES384":   {hash: crypto.SHA384, verify: verifyECDSA, curve: "P-384"},
		"ES512":   {hash: crypto.SHA512, verify: verifyECDSA, curve: "P-521"},
		"EdDSA":   {verify: verifyEd25519},
		"Ed25519": {verify: verifyEd25519},
		"HS256":   {hash: crypto.SHA256, verify: verifyHMAC},
		"HS384":   {hash: crypto.SHA384, verify: verifyHMAC},
		"HS512":   {hash: crypto.SHA512, verify: verifyHMAC},
	}
}

// asymmetricAlgorithms are the ones accepted when Config.Algorithms does not say.
func asymmetricAlgorithms() []string {
	names := slices.Sorted(maps.Keys(algorithms()))
	return slices.DeleteFunc(names, isSymmetric)
}

func isSymmetric(alg string) bool { return strings.HasPrefix(alg, "HS") }

// isSignature checks a signature with a key of the family that the algorithm demands. A key of another family verifies
// nothing, whatever the header says (RFC 8725bis §3.1).
func (a algorithm) isSignature(key any, input string, signature []byte) bool {
	return a.verify(a, key, input, signature)
}

// digest hashes without copying the input.
func (a algorithm) digest(input string) []byte {
	switch a.hash {
	case crypto.SHA256:
		digest := sha256.Sum256([]byte(input))
		return digest[:]
	case crypto.SHA384:
		digest := sha512.Sum384([]byte(input))
		return digest[:]
	default:
		digest := sha512.Sum512([]byte(input))
		return digest[:]
	}
}

const minModulusBytes = 2048 / 8 // RFC 7518 §3.3

func rsaKey(key any) (public *rsa.PublicKey, ok bool) {
	public, ok = key.(*rsa.PublicKey)
	return public, ok && public != nil && public.N != nil && public.Size() >= minModulusBytes
}

func verifyPKCS1v15(a algorithm, key any, input string, signature []byte) bool {
	public, ok := rsaKey(key)
	return ok && rsa.VerifyPKCS1v15(public, a.hash, a.digest(input), signature) == nil
}

// verifyPSS demands a salt as long as the hash (RFC 7518 §3.5).
func verifyPSS(a algorithm, key any, input string, signature []byte) bool {
	public, ok := rsaKey(key)
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return ok && rsa.VerifyPSS(public, a.hash, a.digest(input), signature, options) == nil
}

// verifyECDSA takes R and S side by side, each exactly as long as the curve's order (RFC 7518 §3.4).
func verifyECDSA(a algorithm, key any, input string, signature []byte) bool {
	public, ok := key.(*ecdsa.PublicKey)
	if !ok || public == nil || public.Curve == nil || public.Curve.Params().Name != a.curve {
		return false
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, a.digest(input), r, s)
}

func verifyEd25519(_ algorithm, key any, input string, signature []byte) bool {
	public, ok := key.(ed25519.PublicKey)
	return ok && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, []byte(input), signature)
}

func verifyHMAC(a algorithm, key any, input string, signature []byte) bool {
	secret, ok := key.([]byte)
	if !ok || len(secret) < a.hash.Size() {
		return false
	}
	mac := hmac.New(a.hash.New, secret)
	mac.Write([]byte(input))
	return hmac.Equal(mac.Sum(nil), signature)
}
