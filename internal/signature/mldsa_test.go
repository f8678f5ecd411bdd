//go:build mldsa && go1.27

package signature_test

import (
	"bytes"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/bearerkit/bearerkit/internal/signature"
)

// known are the answers for the key with a seed of zeros, and for a signature by it that uses no random bytes. The
// thumbprints, and the beginnings and the ends of the signatures, are those of the examples that the IETF working group
// published for RFC 9964. The hashes of the keys and of the signatures were computed by two independent implementations,
// crypto/mldsa and circl.
var known = map[string]struct{ thumbprint, key, signature, begin, end string }{
	"ML-DSA-44": {
		"T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o",
		"eb4e7302842153b0fa19e8620739ad258af4929c26dd89079a7ec7d4282208e1",
		"8651ad35f71a6e01bf62569ad21822c635f1b6cf3c35037bb689074dca560bfa",
		"knI1Q_9CIzLH5Xy94Kkc7WVKqZcAgtJ3mNf0GUj1uLA6YXAW", "d9QAAAAAAAAAAAAAAABIfMEQ",
	},
	"ML-DSA-65": {
		"Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM",
		"085ba380ff386dd52e42349c6eb88489d6058ea541a4e3fb0dce9a3fd1f7a911",
		"2d3d1ba6581e89392226d707e2fe24e3326f80b9f7c6865707be9bd6f89d6ec6",
		"zmO9_0bLgJAegoVNymfRo4nGPK5lVtSFGnDbzfzYAD5mUEXp", "hIyPtgAAAAAAAAAABgwVHCUv",
	},
	"ML-DSA-87": {
		"tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU",
		"1d4a461707fc50a7ec93a9c02454778a8b82321ca460eea345e7bbfaff38a3aa",
		"c521622a50722e369f511589f8405b7d3624b6fb39ae4045333f6485f4d9d42c",
		"hmMrKkUgZwGPQV_WUoXUVq_Z9WOenDZbfMmHpKritl0btWi2", "z0AAAAAAAAAAALGSAlKzg7Qw",
	},
}

// payload is that of the examples.
const payload = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4"

func parameters(alg string) mldsa.Parameters {
	return map[string]mldsa.Parameters{
		"ML-DSA-44": mldsa.MLDSA44(), "ML-DSA-65": mldsa.MLDSA65(), "ML-DSA-87": mldsa.MLDSA87(),
	}[alg]
}

func b64(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }

// signedExample returns the key, the signing input and the signature of an example.
func signedExample(t *testing.T, alg string) (private *mldsa.PrivateKey, input string, signed []byte) {
	t.Helper()
	private, err := mldsa.NewPrivateKey(parameters(alg), make([]byte, mldsa.PrivateKeySize))
	if err != nil {
		t.Fatal(err)
	}
	input = b64(fmt.Appendf(nil, `{"alg":%q,"kid":%q}`, alg, known[alg].thumbprint)) + "." + payload
	if signed, err = private.SignDeterministic([]byte(input), nil); err != nil {
		t.Fatal(err)
	}
	return private, input, signed
}

func TestMLDSAKnownAnswers(t *testing.T) {
	t.Parallel()
	for alg, want := range known {
		private, input, signed := signedExample(t, alg)
		encoded := private.PublicKey().Bytes()
		hash := sha256.Sum256(encoded)
		if got := hex.EncodeToString(hash[:]); got != want.key {
			t.Errorf("%s: the key has the hash %s, want %s", alg, got, want.key)
		}
		hash = sha256.Sum256(signed)
		if got := hex.EncodeToString(hash[:]); got != want.signature {
			t.Errorf("%s: the signature has the hash %s, want %s", alg, got, want.signature)
		}
		if text := b64(signed); text[:48] != want.begin || text[len(text)-24:] != want.end {
			t.Errorf("%s: the signature is %s…%s, want %s…%s", alg, text[:48], text[len(text)-24:], want.begin, want.end)
		}
		hash = sha256.Sum256(fmt.Appendf(nil, `{"alg":%q,"kty":"AKP","pub":%q}`, alg, b64(encoded)))
		if got := b64(hash[:]); got != want.thumbprint {
			t.Errorf("%s: the thumbprint is %s, want %s", alg, got, want.thumbprint)
		}

		public, err := signature.ParsePostQuantum(alg, encoded)
		if err != nil || signature.Weakness(public) != "" {
			t.Fatalf("%s: %v, %s", alg, err, signature.Weakness(public))
		}
		if a, ok := signature.Lookup(alg); !ok || !a.Fits(public) || !a.Verify(public, input, signed) {
			t.Errorf("%s: the signature of the example is rejected", alg)
		}
	}
}

// Each bit of the key, the input and the signature matters, and so does the name of the algorithm.
func TestMLDSAForgeries(t *testing.T) {
	t.Parallel()
	for alg := range known {
		private, input, signed := signedExample(t, alg)
		public, a := private.PublicKey(), lookup(t, alg)
		for i := 0; i < len(signed); i += 97 {
			forged := bytes.Clone(signed)
			forged[i] ^= 1
			if a.Verify(public, input, forged) {
				t.Errorf("%s: accepted with byte %d of the signature changed", alg, i)
			}
		}
		withContext, err := private.SignDeterministic([]byte(input), &mldsa.Options{Context: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for name, forged := range map[string][]byte{
			"empty": nil, "cut": signed[:len(signed)-1], "longer": append(bytes.Clone(signed), 0), "zeros": make([]byte, len(signed)),
			"with a context": withContext,
		} {
			if a.Verify(public, input, forged) {
				t.Errorf("%s: accepted with a signature that is %s", alg, name)
			}
		}
		if a.Verify(public, input+"x", signed) || a.Verify((*mldsa.PublicKey)(nil), input, signed) || a.Verify(*public, input, signed) {
			t.Errorf("%s: accepted with another input or key", alg)
		}
		for _, other := range append(signature.Public(), "HS256", "HS384", "HS512") {
			if fits := lookup(t, other).Fits(public); fits != (other == alg) || lookup(t, other).Verify(public, input, signed) != fits {
				t.Errorf("a key of %s serves %s: %t", alg, other, fits)
			}
		}
	}
}

func lookup(t *testing.T, alg string) signature.Algorithm {
	t.Helper()
	a, ok := signature.Lookup(alg)
	if !ok {
		t.Fatalf("%s is not supported", alg)
	}
	return a
}

func TestMLDSAKeys(t *testing.T) {
	t.Parallel()
	for alg := range known {
		size := signature.PostQuantumKeySize(alg)
		if size != parameters(alg).PublicKeySize() {
			t.Errorf("%s: keys of %d bytes, want %d", alg, size, parameters(alg).PublicKeySize())
		}
		for _, wrong := range []int{0, size - 1, size + 1, 32} {
			if _, err := signature.ParsePostQuantum(alg, make([]byte, wrong)); err == nil {
				t.Errorf("%s: a key of %d bytes is accepted", alg, wrong)
			}
		}
		private, _, _ := signedExample(t, alg)
		a := private.PublicKey()
		b, err := signature.ParsePostQuantum(alg, a.Bytes())
		other, otherErr := mldsa.GenerateKey(parameters(alg))
		if err != nil || otherErr != nil || !signature.EqualPostQuantum(a, b) || signature.EqualPostQuantum(a, other.PublicKey()) {
			t.Errorf("%s: keys are compared wrongly (%v, %v)", alg, err, otherErr)
		}
		if signature.EqualPostQuantum(a, (*mldsa.PublicKey)(nil)) || signature.EqualPostQuantum(a, "x") || signature.EqualPostQuantum(nil, nil) {
			t.Errorf("%s: equals something that is not a key", alg)
		}
		if slices.Contains(signature.Default(), alg) || !slices.Contains(signature.Public(), alg) {
			t.Errorf("%s must be supported, and must not be a default", alg)
		}
	}
	if _, err := signature.ParsePostQuantum("RS256", nil); err == nil {
		t.Error("a key of RS256 is accepted")
	}
	if signature.Weakness((*mldsa.PublicKey)(nil)) == "" {
		t.Error("a nil key is not weak")
	}
}
