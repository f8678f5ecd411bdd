package bearertest

import (
	"encoding/json"
	"slices"
	"strings"
)

// jsonRows have a header or claims that JSON readers read in different ways. All are signed by the issuer.
func (a *assault) jsonRows() []row {
	duplicates := rule{
		source: "RFC 7519 section 4, RFC 7515 section 4: reject duplicates, or use the last one. The table is stricter: it also rejects tokens " +
			"whose last member is valid, because a proxy could have read the first one",
		change: "Use a JSON reader that rejects duplicate names. In Go, encoding/json accepts them. The kit rejects them.",
	}
	folded := rule{
		source: "RFC 7519 sections 4 and 10.1.1: names of claims are case-sensitive",
		change: "Compare names byte for byte. In Go, encoding/json matches the fields of a struct in any case, so decode into a map, or check the names.",
	}
	text := rule{
		source: "RFC 7519 section 7.2: the claims are a JSON object in UTF-8. RFC 8725 section 3.7. RFC 8259 section 8.2: readers differ about lone surrogates",
		change: "Read the JSON text to its end, and reject everything that is not one object in valid UTF-8.",
	}
	bombs := rule{
		source: "RFC 8259 section 9",
		change: "Limit the size of a token and the depth of its JSON (consumer.Config.MaxTokenBytes). A token must not exhaust the stack or the memory.",
	}
	return []row{
		{"11_duplicate_claim", duplicates, duplicateClaims},
		{"11_duplicate_header", duplicates, duplicateHeader},
		{"11_folded_claim", folded, foldedClaims},
		{"11_folded_header", folded, foldedHeader},
		{"12_not_one_object", text, notOneObject},
		{"12_not_UTF8", text, notUTF8},
		{"14_deep_and_large", bombs, deepAndLarge},
	}
}

// member adds the text of a member after the others, or before them.
func member(text string, first bool) func([]byte) []byte {
	return func(object []byte) []byte {
		if first {
			return slices.Concat([]byte("{"+text+","), object[1:])
		}
		return slices.Concat(object[:len(object)-1], []byte(","+text+"}"))
	}
}

// duplicateClaims adds a second member before or after that of the valid token.
func duplicateClaims(c *check) {
	for name, other := range map[string]string{
		"iss": `"https://attacker.test"`, "aud": `"https://other.test"`, "exp": "1", "sub": `"admin"`, "x": `1,"x":2`,
	} {
		token := c.token()
		if _, present := token.claims[name]; !present && name != "x" {
			continue
		}
		c.reject("a second "+name+" after the valid one", token.EditClaims(member(`"`+name+`":`+other, false)))
		c.reject("a second "+name+" before the valid one", c.token().EditClaims(member(`"`+name+`":`+other, true)))
		escaped := `\u00` + hex(name[0]) + name[1:]
		c.reject("a second "+name+" with an escape sequence in its name", c.token().EditClaims(member(`"`+escaped+`":`+other, true)))
	}
}

// duplicateHeader adds a second member to the header. Readers differ in whether the first or the last one counts, so that a proxy and
// the API may use different algorithms or keys.
func duplicateHeader(c *check) {
	for _, text := range []string{`"alg":"none"`, `"kid":"other"`, `"typ":"dpop+jwt"`, `"x":1,"x":2`, `"\u0061lg":"none"`} {
		c.reject("the header has also "+text+" at its end", c.token().SetHeader("kid", c.kid()).EditHeader(member(text, false)))
		if !strings.Contains(text, "typ") || c.token().header["typ"] != nil {
			c.reject("the header has also "+text+" at its start", c.token().SetHeader("kid", c.kid()).EditHeader(member(text, true)))
		}
	}
}

// kid returns the `kid` of the key that signs valid tokens.
func (c *check) kid() string {
	kid, _ := c.issuer.Key(c.token().algorithm)
	return kid
}

// foldedClaims replaces claims by others whose names differ in case, or only in the sense of Unicode.
func foldedClaims(c *check) {
	for name, other := range map[string]string{"exp": "EXP", "aud": "Aud", "iss": "i\u017fs"} {
		if value, present := c.token().claims[name]; present {
			c.reject(other+" in place of "+name, c.token().Set(name, Absent).Set(other, value))
		}
	}
	c.reject("EXP after exp in the past", c.token().Set("exp", 1).EditClaims(member(`"EXP":4102444800`, false)))
	c.reject("AUD after aud of another API", c.token().Set("aud", "https://other.test").EditClaims(member(`"AUD":`+asJSON(c.token().claims["aud"]), false)))
}

// foldedHeader sends header parameters whose names differ in case. Some JSON readers, such as encoding/json, ignore case.
func foldedHeader(c *check) {
	alg := c.token().algorithm
	c.reject("ALG in place of alg", c.token().SetHeader("alg", Absent).SetHeader("ALG", alg))
	c.reject("alg none, and Alg of the key", c.token().SetHeader("alg", "none").EditHeader(member(`"Alg":"`+alg+`"`, false)))
	c.reject("alg of the key, and Alg none", c.token().EditHeader(member(`"Alg":"none"`, false)))
}

// notOneObject sends texts that are not exactly one JSON object. Lenient readers ignore what follows an object, or accept extensions of
// JSON.
func notOneObject(c *check) {
	edits := map[string]func([]byte) []byte{
		"a second object": appended("{}"), "a letter": appended("x"), "a zero byte": appended("\x00"), "a byte order mark": prepended("\ufeff"),
		"an array around it": func(in []byte) []byte { return slices.Concat([]byte("["), in, []byte("]")) },
		"the end is missing": func(in []byte) []byte { return in[:len(in)-1] },
		"a trailing comma":   func(in []byte) []byte { return slices.Concat(in[:len(in)-1], []byte(",}")) },
		"a comment":          prepended("/**/"), "NaN": member(`"x":NaN`, false),
	}
	for what, edit := range edits {
		c.reject("claims: "+what, c.token().EditClaims(edit))
		c.reject("header: "+what, c.token().EditHeader(edit))
	}
}

// notUTF8 sends texts that are not valid Unicode. Readers that replace the faulty characters may turn different texts into equal ones.
func notUTF8(c *check) {
	for what, text := range map[string]string{
		"an invalid byte in a value": "\"x\":\"\xff\"", "an invalid byte in a name": "\"\xff\":1", "a lone surrogate": `"x":"\ud800"`,
		"an overlong encoding": "\"x\":\"\xc0\xaf\"",
	} {
		c.reject("claims: "+what, c.token().EditClaims(member(text, false)))
		c.reject("header: "+what, c.token().EditHeader(member(text, false)))
	}
}

// deepAndLarge sends tokens that a deployment may accept, because no specification limits them. They must do no harm.
func deepAndLarge(c *check) {
	deep := func(levels int) string { return `"x":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for what, edit := range map[string]func([]byte) []byte{
		"1000 levels": member(deep(1000), false), "20 000 levels": member(deep(20_000), false),
		"5000 members": member(strings.Repeat(`"":1,`, 5000)+`"x":1`, false), "a long number": member(`"x":`+strings.Repeat("9", 20_000), false),
		"a long string": member(`"x":"`+strings.Repeat("x", 30_000)+`"`, false),
	} {
		c.survive("claims with "+what, c.token().EditClaims(edit).Sign())
		c.survive("a header with "+what, c.token().EditHeader(edit).Sign())
	}
}

// appended and prepended add text to a JSON text.
func appended(text string) func([]byte) []byte {
	return func(in []byte) []byte { return slices.Concat(in, []byte(text)) }
}

func prepended(text string) func([]byte) []byte {
	return func(in []byte) []byte { return slices.Concat([]byte(text), in) }
}

// hex returns the two hexadecimal digits of an ASCII letter.
func hex(letter byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[letter>>4], digits[letter&15]})
}

// lower returns text in lower case.
func lower(text string) string { return strings.ToLower(text) }

// asJSON returns the JSON text of a claim.
func asJSON(value any) string {
	text, _ := json.Marshal(value) // Token.Sign has encoded the same value
	return string(text)
}
