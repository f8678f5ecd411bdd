//go:build !mldsa || !go1.27

package signature

// hasMLDSA reports whether this build supports ML-DSA.
const hasMLDSA = false

// ParsePostQuantum returns an error: this build does not support ML-DSA.
func ParsePostQuantum(alg string, _ []byte) (any, error) { return nil, Check(alg) }

// EqualPostQuantum returns false: this build has no keys of ML-DSA.
func EqualPostQuantum(_, _ any) bool { return false }

// isMLDSA returns false: this build has no keys of ML-DSA.
func isMLDSA(any) bool { return false }

// fitsMLDSA returns false: this build has no keys of ML-DSA.
func (a Algorithm) fitsMLDSA(any) bool { return false }

// verifyMLDSA returns false: this build cannot verify a signature with ML-DSA.
func (a Algorithm) verifyMLDSA(any, []byte, []byte) bool { return false }
