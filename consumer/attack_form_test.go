package consumer_test

import (
	"bytes"
	"strings"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

func input(change func([]byte) []byte) edit {
	return func(token *bearertest.Token) *bearertest.Token { return token.EditInput(change) }
}

// formAttacks have a form that other readers may accept as a token, or fail to read. The signature is right where there
// can be one.
func formAttacks() []attack {
	// inside puts text into the middle of the signing input, before it is signed.
	inside := func(text string) edit {
		return input(func(in []byte) []byte { return append(append(bytes.Clone(in[:8]), text...), in[8:]...) })
	}
	behind := func(text string) edit {
		return input(func(in []byte) []byte { return append(bytes.Clone(in), text...) })
	}
	malformed := []attack{
		{name: "Attack5_flattened_JSON", raw: `{"protected":"eyJhbGciOiJFUzI1NiJ9","payload":"e30","signature":"AAAA"}`},
		{name: "Attack5_general_JSON", raw: `{"payload":"e30","signatures":[{"protected":"e30","signature":"AAAA"}]}`},
		{name: "Attack5_JSON_around_a_token", raw: `{"a":"eyJhbGciOiJFUzI1NiJ9.e30.AAAA"}`},
		{name: "Attack5_JSON_in_the_header", spoil: inside(`{"alg":"none"}`)},
		{name: "Attack10_padding", spoil: behind("=")},
		{name: "Attack10_line_feed", spoil: inside("\n")},
		{name: "Attack10_carriage_return", spoil: behind("\r\n")},
		{name: "Attack10_space", spoil: inside(" ")},
		{name: "Attack10_standard_alphabet", spoil: inside("+/+/")},
		{name: "Attack10_stray_letter", spoil: behind("A")},
		{name: "Attack10_scheme_in_front", raw: "Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA"},
		{name: "Attack12_letter_outside_ASCII", spoil: inside("é")},
		{name: "Attack15_nothing", raw: ""},
		{name: "Attack15_dots", raw: strings.Repeat(".", 16<<10)},
		{name: "Attack15_two_dots", raw: ".."},
		{name: "Attack15_one_part", raw: "eyJhbGciOiJFUzI1NiJ9"},
		{name: "Attack15_two_parts", raw: "eyJhbGciOiJFUzI1NiJ9.e30"},
		{name: "Attack15_four_parts", spoil: behind(".e30")},
		{name: "Attack15_no_header", raw: ".e30.AAAA"},
		{name: "Attack15_no_claims", raw: "eyJhbGciOiJFUzI1NiJ9..AAAA"},
		{name: "Attack16_null", raw: "null"},
		{name: "Attack16_no_signatures", raw: `{"payload":"e30","signatures":[null]}`},
		{name: "Attack16_null_header", raw: "bnVsbA.e30.AAAA"},
		{name: "Attack16_null_claims", spoil: claimsText(with("null"))},
		{name: "Attack17_JWE_p2c", raw: jwe(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`, "AAAA")},
		{name: "Attack17_JWE_zip", raw: jwe(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`, "")},
		{name: "Attack18_JWE_empty_key", raw: jwe(`{"alg":"RSA-OAEP","enc":"A128GCM"}`, "")},
		{name: "Attack19_JWE", raw: jwe(`{"alg":"RSA-OAEP","enc":"A128GCM","cty":"JWT"}`, "AAAA")},
	}
	for i := range malformed {
		malformed[i].want, malformed[i].early = consumer.ReasonMalformed, true
	}
	return append(malformed,
		attack{name: "Attack15_many_dots", want: consumer.ReasonTooLarge, early: true, raw: strings.Repeat(".", 1<<20)},
		attack{
			name: "Attack14_one_byte_too_long", want: consumer.ReasonTooLarge, early: true,
			raw: strings.Repeat("A", 16<<10+1),
		},
		attack{
			name: "Attack14_long_claim", want: consumer.ReasonTooLarge, early: true,
			spoil: claim("long", strings.Repeat("x", 16<<10)),
		},
		attack{
			name: "Attack14_long_header", want: consumer.ReasonTooLarge, early: true,
			spoil: header("long", strings.Repeat("x", 2<<10)),
		},
	)
}

func headerText(change func([]byte) []byte) edit {
	return func(token *bearertest.Token) *bearertest.Token { return token.EditHeader(change) }
}

func claimsText(change func([]byte) []byte) edit {
	return func(token *bearertest.Token) *bearertest.Token { return token.EditClaims(change) }
}

// jsonAttacks have a header or claims that JSON readers read in different ways, or reject. All are signed.
func jsonAttacks() []attack {
	behind := func(text string) func([]byte) []byte {
		return func(in []byte) []byte { return append(bytes.Clone(in), text...) }
	}
	before := func(text string) func([]byte) []byte {
		return func(in []byte) []byte { return append([]byte(text), in...) }
	}
	deep := `"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)
	both := []struct {
		name   string
		change func([]byte) []byte
	}{
		{"Attack11_duplicate", add(`"x":1,"x":2`)},
		{"Attack11_escaped", add(`"x":1,"\u0078":2`)},
		{"Attack11_nested", add(`"x":{"y":1,"y":2}`)},
		{"Attack12_trailing_object", behind(`{}`)},
		{"Attack12_trailing_letter", behind(`x`)},
		{"Attack12_trailing_NUL", behind("\x00")},
		{"Attack12_BOM", before("\ufeff")},
		{"Attack12_invalid_UTF8", add("\"x\":\"\xff\"")},
		{"Attack12_invalid_UTF8_name", add("\"\xff\":1")},
		{"Attack12_lone_surrogate", add(`"x":"\ud800"`)},
		{"Attack12_control_character", add("\"x\":\"\x01\"")},
		{"Attack12_array", with(`[]`)},
		{"Attack12_string", with(`"x"`)},
		{"Attack12_nothing", with(` `)},
		{"Attack12_cut", func(in []byte) []byte { return in[:len(in)-1] }},
		{"Attack13_NaN", add(`"x":NaN`)},
		{"Attack14_deep", add(deep)},
	}
	var rows []attack
	for _, b := range both {
		rows = append(rows, attack{name: b.name + "_in_the_header", spoil: headerText(b.change)},
			attack{name: b.name + "_in_the_claims", spoil: claimsText(b.change)})
	}
	rows = append(rows,
		attack{name: "Attack11_two_alg", spoil: headerText(add(`"alg":"none"`))},
		attack{name: "Attack11_two_alg_folded", spoil: headerText(add(`"Alg":"none"`))},
		attack{name: "Attack11_fold_in_the_header", spoil: headerText(add(`"x":1,"X":2`))},
		attack{name: "Attack11_Kelvin_in_the_header", spoil: headerText(add("\"\u212aid\":1"))},
		attack{name: "Attack11_long_s_in_the_header", spoil: headerText(add("\"sx\":1,\"\u017fx\":2"))},
		attack{name: "Attack11_nested_fold_in_the_header", spoil: headerText(add(`"x":{"y":1,"Y":2}`))},
		attack{name: "Attack11_fold_in_the_claims", spoil: claimsText(add(`"Scope":"admin","scope":"a"`))},
		attack{name: "Attack11_fold_without_the_name", spoil: claimsText(add(`"Nbf":1,"NBF":4102444800`))},
		attack{name: "Attack11_Kelvin_in_the_claims", spoil: claimsText(add("\"to\u212aen_use\":1,\"token_use\":\"access\""))},
		attack{name: "Attack11_nested_fold_in_the_claims", spoil: claimsText(add(`"cnf":{"jkt":"a","JKT":"b"}`))},
		attack{name: "Attack11_two_aud", spoil: claimsText(add(`"aud":"https://other.test"`))},
		attack{name: "Attack11_two_exp_folded", spoil: claimsText(add(`"EXP":4102444800`))},
		attack{name: "Attack11_two_iss_folded", spoil: claimsText(add("\"i\u017fs\":\"https://other.test\""))},
		attack{name: "Attack14_many_members", spoil: claimsText(add(strings.Repeat(`"":1,`, 2000) + `"x":1`))},
	)
	for i := range rows {
		rows[i].want, rows[i].early = consumer.ReasonMalformed, true
	}
	return append(rows, criticalAttacks()...)
}

// criticalAttacks require extensions of JWS.
func criticalAttacks() []attack {
	rows := []attack{
		{name: "S2_Attack6_unknown", spoil: header("crit", []string{"x"})},
		{name: "S2_Attack6_known_and_there", spoil: headerText(add(`"crit":["exp"],"exp":1`))},
		{name: "S2_Attack6_empty_list", spoil: header("crit", []string{})},
		{name: "S2_Attack6_standard_name", spoil: header("crit", []string{"alg"})},
		{name: "S2_Attack6_name_twice", spoil: header("crit", []string{"exp", "exp"})},
		{name: "S2_Attack6_string", spoil: header("crit", "exp")},
		{name: "S2_Attack6_null", spoil: header("crit", nil)},
		{name: "S3_Attack7_b64_false", spoil: header("b64", false)},
		{name: "S3_Attack7_b64_true", spoil: header("b64", true)},
		{name: "S3_Attack7_b64_null", spoil: header("b64", nil)},
		{name: "S3_Attack7_b64_in_crit", spoil: headerText(add(`"crit":["b64"],"b64":false`))},
	}
	for i := range rows {
		rows[i].want, rows[i].early = consumer.ReasonCritical, true
	}
	return rows
}

// jwe has the five parts of an encrypted token (RFC 7516 §3.1).
func jwe(header, encryptedKey string) string {
	return encodeSegment([]byte(header)) + "." + encryptedKey + ".AAAA.AAAA.AAAA"
}
