//go:build mldsa && go1.27

package dpop_test

import (
	"crypto/mldsa"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// Proofs may have keys of ML-DSA (RFC 9964) if Config.Algorithms names them. The thumbprints are those of the examples that
// the IETF working group published for the key with a seed of zeros.
func TestG1_MLDSAProofs(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{Algorithms: []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}})
	for p, known := range map[mldsa.Parameters]string{
		mldsa.MLDSA44(): "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o",
		mldsa.MLDSA65(): "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM",
		mldsa.MLDSA87(): "tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU",
	} {
		private, err := mldsa.NewPrivateKey(p, make([]byte, mldsa.PrivateKeySize))
		if err != nil {
			t.Fatal(err)
		}
		sign := func(d *draft) string {
			input := b64([]byte(text(d.header))) + "." + b64([]byte(text(d.claims)))
			signed, err := private.Sign(nil, []byte(input), nil)
			if err != nil {
				t.Fatal(err)
			}
			return input + "." + b64(signed)
		}
		made := func() *draft {
			jwk := object{"kty": "AKP", "alg": p.String(), "pub": b64(private.PublicKey().Bytes())}
			return newDraft("ES256").head("alg", p.String()).head("jwk", jwk)
		}
		w := want(keys()["ES256"].jwk)
		w.Thumbprint = known
		for range 2 { // with a parsed and with a cached key
			if use, err := check(c, sign(made()), w); err != nil || use.Key != known {
				t.Errorf("%s: %v", p, err)
			}
		}
		good := sign(made())
		_, err = check(c, good[:strings.LastIndexByte(good, '.')+1]+b64(make([]byte, 32)), w)
		wantError(t, err, "signature")
		_, err = check(newChecker(t, dpop.Config{}), good, w)
		wantError(t, err, "expected")
		_, err = check(newChecker(t, dpop.Config{Algorithms: []string{p.String()}, MaxBytes: 4000}), good, w)
		wantError(t, err, "expected at most 4000")
		for part, d := range map[string]*draft{
			"alg of jwk":         made().member("alg", absent),
			"is not the alg":     made().member("alg", ""),
			"the header":         made().member("alg", nil),
			"not the alg of":     made().member("alg", "ES256"),
			"kty":                made().member("kty", "OKP"),
			"pub of jwk":         made().member("pub", absent),
			"has the wrong":      made().member("pub", b64(private.PublicKey().Bytes()[1:])),
			"private":            made().member("priv", b64(make([]byte, 32))),
			"a private or":       made().member("priv", nil),
			`alg is "ES256"`:     made().head("alg", "ES256"),
			"is missing, is not": made().member("pub", 1),
		} {
			_, err := check(c, sign(d), w)
			wantError(t, err, part)
		}
	}
}
