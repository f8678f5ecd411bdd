//go:build mldsa && go1.27

package signature

import (
	"crypto/mldsa"
	"fmt"
)

// hasMLDSA reports whether this build supports ML-DSA.
const hasMLDSA = true

// ParsePostQuantum returns the public key for an algorithm of ML-DSA (RFC 9964). encoded is the key in the encoding of
// FIPS 204, the content of the member pub. The result is an *mldsa.PublicKey.
func ParsePostQuantum(alg string, encoded []byte) (any, error) {
	if len(encoded) != PostQuantumKeySize(alg) {
		return nil, fmt.Errorf("the key has %d bytes, expected %d for %s", len(encoded), PostQuantumKeySize(alg), alg)
	}
	switch alg {
	case "ML-DSA-44":
		return mldsa.NewPublicKey(mldsa.MLDSA44(), encoded)
	case "ML-DSA-65":
		return mldsa.NewPublicKey(mldsa.MLDSA65(), encoded)
	case "ML-DSA-87":
		return mldsa.NewPublicKey(mldsa.MLDSA87(), encoded)
	}
	return nil, fmt.Errorf("%q is not an algorithm of ML-DSA", alg)
}

// EqualPostQuantum reports whether a and b are the same key of ML-DSA. It returns false for keys of other types.
func EqualPostQuantum(a, b any) bool {
	x, okX := a.(*mldsa.PublicKey)
	y, okY := b.(*mldsa.PublicKey)
	return okX && okY && (x == y || x != nil && y != nil && x.Equal(y))
}

// isMLDSA reports whether key is a key of ML-DSA.
func isMLDSA(key any) bool {
	public, ok := key.(*mldsa.PublicKey)
	return ok && public != nil
}

// fitsMLDSA reports whether key is a key for this algorithm, and not for one of the other two. The parameters of a key have the
// same names as the algorithms, such as ML-DSA-65.
func (a Algorithm) fitsMLDSA(key any) bool {
	public, ok := key.(*mldsa.PublicKey)
	return ok && public != nil && public.Parameters().String() == a.name
}

// verifyMLDSA verifies a signature of the message itself, with an empty context (RFC 9964, FIPS 204 section 5.3).
func (a Algorithm) verifyMLDSA(key any, message, signature []byte) bool {
	public, ok := key.(*mldsa.PublicKey)
	return ok && a.fitsMLDSA(key) && mldsa.Verify(public, message, signature, nil) == nil
}
