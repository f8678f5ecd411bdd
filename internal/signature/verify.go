package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"
)

// Verify reports whether signature is a signature of input with key. A key of another family than that of the
// algorithm verifies nothing, whatever the header of the token says (RFC 8725bis section 3.1). The switch avoids a func
// value, which would move the parameters to the heap.
func (a Algorithm) Verify(key any, input string, signature []byte) bool {
	var buffer [2 << 10]byte // most tokens fit; crypto functions take no string
	message := append(buffer[:0], input...)
	switch a.family {
	case rsaPKCS1v15:
		return a.verifyPKCS1v15(key, message, signature)
	case rsaPSS:
		return a.verifyPSS(key, message, signature)
	case ellipticCurve:
		return a.verifyECDSA(key, message, signature)
	case edwards25519:
		return verifyEd25519(key, message, signature)
	case hmacSecret:
		return a.verifyHMAC(key, message, signature)
	case moduleLattice:
		return a.verifyMLDSA(key, message, signature)
	}
	return false
}

// digest returns the hash of message. The result is a part of buffer.
func (a Algorithm) digest(buffer *[sha512.Size]byte, message []byte) []byte {
	switch a.hash {
	case crypto.SHA256:
		digest := sha256.Sum256(message)
		return append(buffer[:0], digest[:]...)
	case crypto.SHA384:
		digest := sha512.Sum384(message)
		return append(buffer[:0], digest[:]...)
	default:
		digest := sha512.Sum512(message)
		return append(buffer[:0], digest[:]...)
	}
}

// minModulusBytes is checked again here, because a custom [jwks.Source] may return any key (RFC 7518 section 3.3).
const minModulusBytes = 2048 / 8

// rsaKey returns key if it is an RSA key that is long enough. Package jwks rejects shorter keys when it reads them, but
// a custom Source may return one.
func rsaKey(key any) (public *rsa.PublicKey, ok bool) {
	public, ok = key.(*rsa.PublicKey)
	return public, ok && public != nil && public.N != nil && public.Size() >= minModulusBytes
}

// verifyPKCS1v15 verifies an RSASSA-PKCS1-v1_5 signature (RFC 7518 section 3.3).
func (a Algorithm) verifyPKCS1v15(key any, message, signature []byte) bool {
	var buffer [sha512.Size]byte
	public, ok := rsaKey(key)
	return ok && rsa.VerifyPKCS1v15(public, a.hash, a.digest(&buffer, message), signature) == nil
}

// verifyPSS requires a salt as long as the hash (RFC 7518 section 3.5).
func (a Algorithm) verifyPSS(key any, message, signature []byte) bool {
	var buffer [sha512.Size]byte
	public, ok := rsaKey(key)
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return ok && rsa.VerifyPSS(public, a.hash, a.digest(&buffer, message), signature, options) == nil
}

// verifyECDSA requires R and S side by side, each exactly as long as the order of the curve (RFC 7518 section 3.4).
func (a Algorithm) verifyECDSA(key any, message, signature []byte) bool {
	public, ok := key.(*ecdsa.PublicKey)
	if !ok || !a.hasCurve(public) {
		return false
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	var buffer [sha512.Size]byte
	// ecdsa.Verify rejects r and s that are zero. Verifiers that forgot this accepted one signature for every message.
	return ecdsa.Verify(public, a.digest(&buffer, message), r, s)
}

// verifyEd25519 verifies an EdDSA signature with Ed25519 (RFC 8037 section 3.1). It checks the length of the key first,
// because ed25519.Verify panics if the length is wrong.
func verifyEd25519(key any, message, signature []byte) bool {
	public, ok := key.(ed25519.PublicKey)
	return ok && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, signature)
}

// verifyHMAC requires a secret at least as long as the hash (RFC 7518 section 3.2). It compares in constant time,
// because the duration of an ordinary comparison reveals how many bytes of a forged signature are right.
func (a Algorithm) verifyHMAC(key any, message, signature []byte) bool {
	secret, ok := key.([]byte)
	if !ok || len(secret) < a.hash.Size() {
		return false
	}
	mac := hmac.New(a.hash.New, secret)
	mac.Write(bytes.Clone(message)) // a copy: if message itself escaped here, it would be on the heap for all families
	return hmac.Equal(mac.Sum(nil), signature)
}
