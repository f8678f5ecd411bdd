package consumer_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// header sets a parameter of the header, claim a claim.
func header(name string, value any) edit {
	return func(token *bearertest.Token) *bearertest.Token { return token.SetHeader(name, value) }
}

func claim(name string, value any) edit {
	return func(token *bearertest.Token) *bearertest.Token { return token.Set(name, value) }
}

func signature(change func([]byte) []byte) edit {
	return func(token *bearertest.Token) *bearertest.Token { return token.EditSignature(change) }
}

// algorithmAttacks let the token choose how it is verified.
func algorithmAttacks(a *arena) []attack {
	unsigned := func(alg string) edit {
		return func(token *bearertest.Token) *bearertest.Token {
			return token.SignWith("none", nil).SetHeader("alg", alg)
		}
	}
	secret := func(secret []byte) edit {
		return func(token *bearertest.Token) *bearertest.Token {
			return token.Algorithm("RS256").SignWith("HS256", secret)
		}
	}
	_, public := a.issuer.Key("RS256")
	key, _ := public.(*rsa.PublicKey)
	pemText := a.issuer.PEM("RS256")
	block, _ := pem.Decode(pemText)
	jwk, _ := json.Marshal(bearertest.JWK("rs256-1", "RS256", public))

	rows := []attack{
		{name: "Attack1_none", spoil: unsigned("none")},
		{name: "Attack1_nOnE", spoil: unsigned("nOnE")},
		{name: "Attack1_NONE", spoil: unsigned("NONE")},
		{name: "Attack1_empty", spoil: unsigned("")},
		{name: "Attack1_missing", spoil: header("alg", bearertest.Absent)},
		{name: "Attack1_null", spoil: header("alg", nil)},
		{name: "Attack1_list", spoil: header("alg", []string{"ES256"})},
		{name: "Attack1_number", spoil: header("alg", 256)},
		{name: "Attack1_space", spoil: header("alg", "ES256 ")},
		{name: "Attack1_lower_case", spoil: header("alg", "es256")},
		{name: "Attack1_none_with_a_good_signature", spoil: header("alg", "none")},
		{name: "Attack2_PEM_as_secret", spoil: secret(pemText)},
		{name: "Attack2_PEM_without_its_last_line_feed", spoil: secret(pemText[:len(pemText)-1])},
		{name: "Attack2_DER_as_secret", spoil: secret(block.Bytes)},
		{name: "Attack2_PKCS1_as_secret", spoil: secret(x509.MarshalPKCS1PublicKey(key))},
		{name: "Attack2_modulus_as_secret", spoil: secret(key.N.Bytes())},
		{name: "Attack2_JWK_as_secret", spoil: secret(jwk)},
		{name: "Attack2_empty_secret", spoil: secret([]byte{})},
		{name: "Attack2_HS_in_name_only", spoil: header("alg", "HS256")},
		{name: "Attack17_PBES2", spoil: header("alg", "PBES2-HS256+A128KW")},
		{name: "Attack19_RSA_OAEP", spoil: header("alg", "RSA-OAEP")},
		{name: "Attack19_dir", spoil: header("alg", "dir")},
	}
	for i := range rows {
		rows[i].want, rows[i].early = consumer.ReasonAlgorithm, true
	}
	return append(rows,
		attack{name: "Attack2_another_family", want: consumer.ReasonAlgorithm, spoil: header("alg", "RS256")},
		attack{name: "Attack2_another_curve", want: consumer.ReasonAlgorithm, spoil: header("alg", "ES384")},
		attack{
			name: "Attack2_PSS_with_a_key_for_PKCS1", want: consumer.ReasonAlgorithm,
			spoil: func(token *bearertest.Token) *bearertest.Token {
				return token.Algorithm("RS256").SetHeader("alg", "PS256")
			},
		},
		attack{
			name: "Attack1_signature_left_out", want: consumer.ReasonSignature,
			spoil: signature(func([]byte) []byte { return nil }),
		},
	)
}
