package signature_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/signature"
)

// The three lists agree with each other, and none of them contains an algorithm that verifies nothing.
func TestJ1_ListsOfAlgorithms(t *testing.T) {
	t.Parallel()
	for _, alg := range signature.Public() {
		if err := signature.Check(alg); err != nil || signature.IsSymmetric(alg) || signature.SecretLength(alg) != 0 {
			t.Errorf("%s: %v", alg, err)
		}
	}
	for _, alg := range signature.Default() {
		if !slices.Contains(signature.Public(), alg) || signature.PostQuantumKeySize(alg) != 0 {
			t.Errorf("%s is a default", alg)
		}
	}
	for alg, length := range map[string]int{"HS256": 32, "HS384": 48, "HS512": 64} {
		if got := signature.SecretLength(alg); got != length || !signature.IsSymmetric(alg) || slices.Contains(signature.Public(), alg) {
			t.Errorf("%s: the secret has %d bytes", alg, got)
		}
	}
	for _, alg := range []string{"", "none", "None", "rs256", "RS1", "ES256K", "Ed448", "HS1", "A128KW", "ML-DSA", "ML-DSA-45", "ml-dsa-44"} {
		a, ok := signature.Lookup(alg)
		if err := signature.Check(alg); ok || err == nil || !strings.HasSuffix(err.Error(), "is not supported") {
			t.Errorf("%s: %t, %v", alg, ok, err)
		}
		if a.Fits([]byte(strings.Repeat("k", 64))) || a.Verify([]byte(strings.Repeat("k", 64)), "a.b", nil) {
			t.Errorf("%q verifies a signature", alg)
		}
	}
}

// fakeCurve has the name of another curve.
type fakeCurve struct{ elliptic.Curve }

// A key of another type, or an incomplete one, fits no algorithm and verifies nothing, without a panic.
func TestS7_KeysThatFitNothing(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]any{
		"nil": nil, "nil RSA": (*rsa.PublicKey)(nil), "nil EC": (*ecdsa.PublicKey)(nil), "EC without a curve": &ecdsa.PublicKey{},
		"EC on another curve":     &ecdsa.PublicKey{Curve: elliptic.P224()},
		"EC on a curve of a name": &ecdsa.PublicKey{Curve: fakeCurve{elliptic.P256()}},
		"RSA without N":           &rsa.PublicKey{E: 3}, "short RSA": &rsa.PublicKey{N: big.NewInt(15), E: 3},
		"short Ed25519": ed25519.PublicKey("short"), "short secret": []byte("secret"), "string": "secret",
		"private": &ecdsa.PrivateKey{}, "value": rsa.PublicKey{},
	} {
		for _, alg := range append(signature.Public(), "HS256", "HS384", "HS512") {
			a, _ := signature.Lookup(alg)
			if a.Verify(key, "header.payload", make([]byte, 256)) {
				t.Errorf("%s verifies with %s", name, alg)
			}
		}
		if signature.Weakness(key) == "" && !strings.Contains(name, "secret") {
			t.Errorf("%s is not weak", name)
		}
	}
}
