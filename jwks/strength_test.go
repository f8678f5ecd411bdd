package jwks_test

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rsa"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

func TestS7_J4_Attack34_Attack36_StrengthOfKeys(t *testing.T) {
	t.Parallel()
	withE := func(e int) jwk { return public("", &rsa.PublicKey{N: rsaKey().N, E: e}) }
	withN := func(n *big.Int) jwk { return public("", &rsa.PublicKey{N: n, E: 65537}) }
	times := func(f int64) *big.Int { return new(big.Int).Mul(otherRSA().N, big.NewInt(f)) }
	point := func(k jwk, x, y []byte) jwk { return k.with("x", b64(x)).with("y", b64(y)) }
	tests := map[string]struct {
		key    jwk
		reject string // part of the error; empty: the key is usable
	}{
		"RSA 2048":             {public("", rsaKey()), ""},
		"RSA 1024":             {public("", weakRSA()), "bits"},
		"RSA 2047":             {withN(ofBits(2047)), "bits"},
		"RSA 2049":             {withN(ofBits(2049)), ""},
		"RSA 8192":             {withN(ofBits(8192)), ""},
		"RSA 8193":             {withN(ofBits(8193)), "bits"},
		"RSA of 100 000 bits":  {withN(ofBits(100_000)), "bits"},
		"modulus even":         {withN(times(2)), "divisible"},
		"modulus times 3":      {withN(times(3)), "divisible"},
		"modulus times 167":    {withN(times(167)), "divisible"},
		"ROCA":                 {withN(rocaModulus()), "ROCA"},
		"exponent 0":           {withE(0).with("e", "AA"), "e is missing"},
		"exponent 1":           {withE(1), "exponent"},
		"exponent 2":           {withE(2), "exponent"},
		"exponent 3":           {withE(3), ""},
		"exponent even":        {withE(65536), "exponent"},
		"exponent 2^31-1":      {withE(1<<31 - 1), ""},
		"exponent 2^31+1":      {withE(3).with("e", b64([]byte{0x80, 0, 0, 1})), "exponent"},
		"P-256":                {public("", p256()), ""},
		"P-384":                {public("", p384()), ""},
		"P-521":                {public("", p521()), ""},
		"infinity":             {point(public("", p256()), make([]byte, 32), make([]byte, 32)), "curve"},
		"off the curve":        {point(public("", p256()), make([]byte, 32), onlyOne(32)), "curve"},
		"coordinate of p":      {point(public("", p256()), elliptic.P256().Params().P.Bytes(), onlyOne(32)), "curve"},
		"on another's curve":   {public("", p256()).with("x", public("", otherEC())["x"]), "curve"},
		"Ed25519":              {public("", ed()), ""},
		"Ed25519 y = p + 2":    {public("", mustHex("ef"+strings.Repeat("ff", 30)+"7f")), "canonical"},
		"Ed25519 y = 2^255-1":  {public("", mustHex(strings.Repeat("ff", 31)+"7f")), "canonical"},
		"Ed25519 just below p": {public("", mustHex("e9"+strings.Repeat("ff", 30)+"7f")), ""},
	}
	if fips140.Enforced() {
		for _, name := range []string{"RSA 2049", "exponent 3"} {
			forbidden := tests[name]
			forbidden.reject = "FIPS 140"
			tests[name] = forbidden
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := jwks.ParseJWKS([]byte(tt.key.String()))
			if tt.reject == "" && err != nil {
				t.Error(err)
			}
			if tt.reject != "" && (err == nil || !strings.Contains(err.Error(), tt.reject)) {
				t.Errorf("error %v, want one with %q", err, tt.reject)
			}
		})
	}
}

// The encodings of the eight points of small order, and those that also decode to one of them.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

func TestAttack36_KeyOfSmallOrderIsRejected(t *testing.T) {
	t.Parallel()
	for _, text := range smallOrder {
		key := ed25519.PublicKey(mustHex(text))
		if !forgeable(key) {
			t.Errorf("%s is not of small order: the test is wrong", text)
		}
		if _, err := jwks.ParseJWKS([]byte(public("", key).String())); err == nil {
			t.Errorf("%s was accepted", text)
		}
		if err := (jwks.Static{{Public: key}}).Validate(); err == nil {
			t.Errorf("%s was accepted by Validate", text)
		}
	}
	if forgeable(ed()) {
		t.Error("a good key is reported as forgeable, so the test is wrong")
	}
}

// forgeable reports whether a signature made without any private key, R = the neutral point and S = 0, verifies under
// key for one of a few messages.
func forgeable(key ed25519.PublicKey) bool {
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1
	for n := range uint32(256) {
		if ed25519.Verify(key, binary.BigEndian.AppendUint32(nil, n), signature) {
			return true
		}
	}
	return false
}

func mustHex(text string) ed25519.PublicKey {
	octets, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return octets
}

func onlyOne(size int) []byte { return append(make([]byte, size-1), 1) }

// ofBits returns a modulus of so many bits without a small factor. It replaces a product of two primes, which would
// take long to find.
func ofBits(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	n.Add(n, big.NewInt(1))
	for small := primorial(39); new(big.Int).GCD(nil, nil, n, small).Cmp(big.NewInt(1)) != 0; {
		n.Add(n, big.NewInt(2))
	}
	return n
}

// rocaModulus makes a modulus of 2048 bits as the faulty generator does: both primes are k·M + (65537^a mod M), M being
// the product of the first 126 primes.
func rocaModulus() *big.Int {
	random := rand.New(rand.NewPCG(1, 2))
	m := primorial(126)
	prime := func() *big.Int {
		for {
			k := new(big.Int).SetUint64(1<<53 | random.Uint64N(1<<53))
			a := new(big.Int).SetUint64(random.Uint64())
			p := new(big.Int).Exp(big.NewInt(65537), a, m)
			if p.Add(p, k.Mul(k, m)).ProbablyPrime(1) {
				return p
			}
		}
	}
	return new(big.Int).Mul(prime(), prime())
}

// primorial returns the product of the first n primes.
func primorial(n int) *big.Int {
	product := big.NewInt(1)
	for p := big.NewInt(2); n > 0; p.Add(p, big.NewInt(1)) {
		if p.ProbablyPrime(0) {
			product.Mul(product, p)
			n--
		}
	}
	return product
}
