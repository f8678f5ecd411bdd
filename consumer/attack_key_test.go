package consumer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// keyAttacks carry a key, name one that does not exist, or have a broken signature.
func keyAttacks(a *arena) []attack {
	own, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ownJWK := bearertest.JWK("es256-1", "ES256", own.Public())
	sign := func(parameter string, value any) edit {
		return func(token *bearertest.Token) *bearertest.Token {
			return token.SignWith("ES256", own).SetHeader(parameter, value)
		}
	}
	kid := func(kid any) edit { return header("kid", kid) }
	wrong, unknown, malformed := consumer.ReasonSignature, consumer.ReasonUnknownKey, consumer.ReasonMalformed
	rows := []attack{
		{name: "Attack3_own_key", want: wrong, spoil: sign("typ", "at+jwt")},
		{name: "Attack3_jwk", want: wrong, spoil: sign("jwk", ownJWK)},
		{name: "Attack3_jwk_under_its_own_kid", want: unknown, spoil: func(token *bearertest.Token) *bearertest.Token {
			return token.SignWith("ES256", own).SetHeader("jwk", ownJWK).SetHeader("kid", "own")
		}},
		{name: "Attack3_jku", want: wrong, spoil: sign("jku", "https://impostor.test/jwks")},
		{name: "Attack3_x5u", want: wrong, spoil: sign("x5u", "https://impostor.test/cert.pem")},
		{name: "Attack3_x5c", want: wrong, spoil: sign("x5c", []string{"MIIB"})},
		{name: "Attack3_x5t", want: wrong, spoil: sign("x5t#S256", "AAAA")},
		{name: "Attack4_path", want: unknown, spoil: kid("../../../../dev/null")},
		{name: "Attack4_URL", want: unknown, spoil: kid("https://impostor.test/key-of-impostor")},
		{name: "Attack4_SQL", want: unknown, spoil: kid("x' UNION SELECT 'secret-of-impostor' --")},
		{name: "Attack4_command", want: unknown, spoil: kid("key | id")},
		{name: "Attack4_NUL", want: unknown, spoil: kid("es256-1\x00")},
		{name: "Attack4_line_feed", want: unknown, spoil: kid("es256-1\nlevel=info")},
		{name: "Attack4_upper_case", want: unknown, spoil: kid("ES256-1")},
		{name: "Attack4_as_long_as_may_be", want: unknown, spoil: kid(strings.Repeat("k", 256))},
		{name: "Attack4_too_long", want: malformed, early: true, spoil: kid(strings.Repeat("k", 257))},
		{name: "Attack4_number", want: malformed, early: true, spoil: kid(1)},
		{name: "Attack4_object", want: malformed, early: true, spoil: kid(map[string]any{"$ne": ""})},
		{name: "Attack4_huge", want: consumer.ReasonTooLarge, early: true, spoil: kid(strings.Repeat("k", 2048))},
		{name: "Attack9_DER", want: wrong, spoil: signature(derOf)},
	}
	bent := func(attackID, alg string, bend func([]byte) []byte) attack {
		return attack{name: attackID + "_" + alg, want: wrong, spoil: func(token *bearertest.Token) *bearertest.Token {
			return token.Algorithm(alg).EditSignature(bend)
		}}
	}
	for _, alg := range []string{"ES256", "ES384", "ES512"} {
		rows = append(rows, bent("Attack8_r_and_s_zero", alg, zero), bent("Attack8_r_zero", alg, zeroR),
			bent("Attack8_s_zero", alg, zeroS), bent("Attack8_all_ones", alg, ones),
			bent("Attack9_a_zero_before_s", alg, paddedS))
	}
	for _, alg := range asymmetric {
		rows = append(rows, bent("Attack9_a_byte_short", alg, short), bent("Attack9_a_byte_long", alg, long),
			bent("Attack9_a_zero_before", alg, padded), bent("Attack9_a_bit_flipped", alg, flipped),
			attack{name: "Attack3_impostor_" + alg, want: wrong, spoil: func(*bearertest.Token) *bearertest.Token {
				return a.impostor.AccessToken().Algorithm(alg)
			}})
	}
	return append(rows, bent("Attack36_S_and_the_order", "EdDSA", addOrder), bent("Attack36_zero", "EdDSA", zero))
}

func zero(s []byte) []byte   { return make([]byte, len(s)) }
func zeroR(s []byte) []byte  { return append(make([]byte, len(s)/2), s[len(s)/2:]...) }
func zeroS(s []byte) []byte  { return append(s[:len(s)/2:len(s)/2], make([]byte, len(s)/2)...) }
func ones(s []byte) []byte   { return slices.Repeat([]byte{0xff}, len(s)) }
func short(s []byte) []byte  { return s[:len(s)-1] }
func long(s []byte) []byte   { return append(slices.Clone(s), 0) }
func padded(s []byte) []byte { return append([]byte{0}, s...) }

func paddedS(s []byte) []byte { return slices.Insert(slices.Clone(s), len(s)/2, 0) }

func flipped(s []byte) []byte {
	s = slices.Clone(s)
	s[len(s)/2] ^= 1
	return s
}

// derOf is the form that most signature libraries return, which JWS does not use (RFC 7518 §3.4).
func derOf(s []byte) []byte {
	der, _ := asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(s[:len(s)/2]), new(big.Int).SetBytes(s[len(s)/2:]),
	})
	return der
}

// addOrder adds the order of the group to S, the second half in little-endian (RFC 8032 §5.1.7).
func addOrder(s []byte) []byte {
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
	s = slices.Clone(s)
	half := s[len(s)/2:]
	slices.Reverse(half)
	new(big.Int).Add(order, new(big.Int).SetBytes(half)).FillBytes(half)
	slices.Reverse(half)
	return s
}
