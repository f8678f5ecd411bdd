//go:build !mldsa || !go1.27

package signature_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/signature"
)

// Without the build tag, the error says how to get the algorithm.
func TestMLDSAIsOff(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"} {
		const want = " is only supported in programs that are built with Go 1.27 or later and -tags mldsa"
		if err := signature.Check(alg); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", alg, err)
		}
		if _, ok := signature.Lookup(alg); ok {
			t.Errorf("%s is supported", alg)
		}
		if _, err := signature.ParsePostQuantum(alg, make([]byte, signature.PostQuantumKeySize(alg))); err == nil {
			t.Errorf("a key of %s is parsed", alg)
		}
	}
}
