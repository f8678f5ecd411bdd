package bearertest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
)

// signatureRows have wrong signatures.
func (a *assault) signatureRows() []row {
	values := rule{
		source: "CVE-2022-21449, RFC 8725 section 3.4, FIPS 186-5 section 6.4.2",
		change: "Verify with a maintained library that checks the range of r and s, such as crypto/ecdsa of the standard library.",
	}
	length := rule{
		source: "RFC 7518 section 3.4, RFC 8037 section 3.1",
		change: "Accept ECDSA signatures only as R and S with the exact length of the curve, and no other form.",
	}
	wrong := rule{
		source: "RFC 7515 section 5.2, RFC 9068 section 4",
		change: "Verify the signature of each token with a key of the issuer. In bearerkit, the Verifier always does.",
	}
	salt := rule{
		source: "RFC 7518 section 3.5",
		change: "Require a salt as long as the hash. In Go: rsa.PSSOptions with rsa.PSSSaltLengthEqualsHash.",
	}
	order := rule{
		source: "RFC 8032 section 5.1.7",
		change: "Reject S that is not less than the order of the group, as crypto/ed25519 does.",
	}
	return []row{
		{"8_signature_of_zeros", values, signatureOfZeros},
		{"9_signature_form", length, signatureForm},
		{"10_wrong_signature", wrong, wrongSignature},
		{"10_signature_of_another_key", wrong, otherKey},
		{"35_salt_length", salt, saltLength},
		{"36_ed25519_S", order, addedOrder},
	}
}

// bent sends a token for each algorithm, whose signature bend has changed.
func (c *check) bent(what string, algorithms []string, bend func([]byte) []byte) {
	if len(algorithms) == 0 {
		c.skip("the issuer publishes no key of this type")
	}
	for _, alg := range algorithms {
		c.reject(alg+": "+what, c.token().Algorithm(alg).EditSignature(bend))
	}
}

// signatureOfZeros sends signatures whose numbers are out of range. If a library does not check the range, the equation of ECDSA holds
// for every message and every key when r and s are zero (CVE-2022-21449).
func signatureOfZeros(c *check) {
	zeros := func(s []byte) []byte { return make([]byte, len(s)) }
	c.bent("a signature of zeros", c.asymmetric(), zeros)
	ecdsa := c.published(familyECDSA)
	c.bent("r is zero", ecdsa, func(s []byte) []byte { return append(make([]byte, len(s)/2), s[len(s)/2:]...) })
	c.bent("s is zero", ecdsa, func(s []byte) []byte { return append(s[:len(s)/2:len(s)/2], make([]byte, len(s)/2)...) })
	c.bent("r and s are all ones", ecdsa, func(s []byte) []byte { return bytes.Repeat([]byte{0xff}, len(s)) })
}

// signatureForm sends right signatures in the ASN.1 form that TLS uses, or with another length. If one token had several valid texts, a
// program that finds denied tokens by their text would not find the other ones.
func signatureForm(c *check) {
	ecdsa := c.published(familyECDSA)
	c.bent("DER", ecdsa, func(s []byte) []byte {
		half := len(s) / 2
		der, _ := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s[:half]), new(big.Int).SetBytes(s[half:])})
		return der
	})
	c.bent("a zero before r and s", ecdsa, func(s []byte) []byte {
		return slices.Concat([]byte{0}, s[:len(s)/2], []byte{0}, s[len(s)/2:])
	})
	all := c.asymmetric()
	c.bent("one byte more", all, func(s []byte) []byte { return append(slices.Clone(s), 0) })
	c.bent("one byte less", all, func(s []byte) []byte { return s[:len(s)-1] })
}

// wrongSignature changes single bits of a right signature, or uses the signature of other claims.
func wrongSignature(c *check) {
	flip := func(at func(length int) int) func([]byte) []byte {
		return func(s []byte) []byte {
			s = slices.Clone(s)
			s[at(len(s))] ^= 1
			return s
		}
	}
	c.reject("the first byte is changed", c.token().EditSignature(flip(func(int) int { return 0 })))
	c.reject("a byte in the middle is changed", c.token().EditSignature(flip(func(n int) int { return n / 2 })))
	c.reject("the last byte is changed", c.token().EditSignature(flip(func(n int) int { return n - 1 })))
	header, rest, _ := strings.Cut(c.token().Sign(), ".")
	_, signature, _ := strings.Cut(rest, ".")
	other := strings.Split(c.token().Set("sub", "admin").Sign(), ".")[1]
	c.rejectText("the signature of other claims", header+"."+other+"."+signature)
}

// otherKey signs with the keys of a stranger, which have the same `kid`.
func otherKey(c *check) {
	algorithms := c.asymmetric()
	if len(algorithms) == 0 {
		algorithms = []string{c.token().algorithm}
	}
	for _, alg := range algorithms {
		_, key := c.stranger.signingKey(alg)
		c.reject(alg+": signed with another key, with the kid of the issuer", c.token().Algorithm(alg).SignWith(alg, key))
		c.reject(alg+": signed with another key, without kid", c.token().SetHeader("kid", Absent).SignWith(alg, key))
	}
}

// saltLength signs with PSS and other lengths of the salt than that of the hash.
func saltLength(c *check) {
	algorithms := c.published(familyPSS)
	if len(algorithms) == 0 {
		c.skip("the issuer publishes no key for PS256, PS384 or PS512")
	}
	for _, alg := range algorithms {
		_, key := c.issuer.signingKey(alg)
		for what, length := range map[string]int{"no salt": 0, "a short salt": 8, "a long salt": 128} {
			token := c.token().Algorithm(alg)
			// EditSignature does not receive the signed input, so EditInput, which is called first, copies it.
			var signed []byte
			token.EditInput(func(input []byte) []byte { signed = slices.Clone(input); return input })
			token.EditSignature(func([]byte) []byte {
				signature, _ := saltedSignature(key, schemes[alg].hash, signed, length)
				return signature
			})
			c.reject(alg+": "+what, token)
		}
	}
}

// saltedSignature returns a PSS signature. A length of 0 is a special value of crypto/rsa, so no salt is made of the encoding
// below.
func saltedSignature(key any, hash crypto.Hash, input []byte, length int) ([]byte, error) {
	private, _ := key.(*rsa.PrivateKey)
	if length > 0 {
		return private.Sign(rand.Reader, digest(hash, input), &rsa.PSSOptions{SaltLength: length, Hash: hash})
	}
	return rawRSA(private.N, private.D, encodeWithoutSalt(hash, digest(hash, input), private.N.BitLen())), nil
}

// encodeWithoutSalt returns the encoded message of PSS with an empty salt (RFC 8017 section 9.1.1).
func encodeWithoutSalt(hash crypto.Hash, digested []byte, modulusBits int) []byte {
	size := (modulusBits + 6) / 8 // the encoded message has one bit less than the modulus
	h := digest(hash, slices.Concat(make([]byte, 8), digested))
	block := make([]byte, size-len(h)-1)
	block[len(block)-1] = 1
	for i := 0; i < len(block); i += len(h) { // MGF1 (RFC 8017 appendix B.2.1)
		counter := i / len(h)
		mask := digest(hash, append(slices.Clone(h), byte(counter>>24), byte(counter>>16), byte(counter>>8), byte(counter))) //nolint:gosec // the counter is small
		for j := range min(len(mask), len(block)-i) {
			block[i+j] ^= mask[j]
		}
	}
	block[0] &= 0xff >> (8*size - (modulusBits - 1))
	return slices.Concat(block, h, []byte{0xbc})
}

// rawRSA computes message^exponent modulo n, with the length of n.
func rawRSA(n, exponent *big.Int, message []byte) []byte {
	signature := new(big.Int).Exp(new(big.Int).SetBytes(message), exponent, n)
	return signature.FillBytes(make([]byte, (n.BitLen()+7)/8))
}

// addedOrder adds the order of the group to S, which is the second half, in little-endian order (RFC 8032 section 5.1.7).
func addedOrder(c *check) {
	c.bent("S plus the order of the group", c.published(familyEdDSA), func(s []byte) []byte {
		// The order is 2^252 + 27742317777372353535851937790883648493 (RFC 8032 section 5.1). S is less than that, so the sum
		// still has 32 bytes.
		order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
		order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
		s = slices.Clone(s)
		half := s[len(s)/2:]
		slices.Reverse(half)
		new(big.Int).Add(order, new(big.Int).SetBytes(half)).FillBytes(half)
		slices.Reverse(half)
		return s
	})
}
