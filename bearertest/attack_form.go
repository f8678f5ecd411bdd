package bearertest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// formRows have a form that other readers may accept as a token, or fail to read.
func (a *assault) formRows() []row {
	compact := rule{
		source: "RFC 7519 section 1, RFC 9068 section 2, RFC 6750 section 2.1",
		change: "Accept only the compact form: three parts of A-Z, a-z, 0-9, - and _. Check the characters before you parse anything.",
	}
	canonical := rule{
		source: "RFC 7515 sections 2 and 5.2",
		change: "Decode base64url strictly: without padding, white space, other alphabets, and unused bits that are not zero.",
	}
	sizes := rule{
		source: "CVE-2025-30204, CVE-2025-22868",
		change: "Limit the length of a token before you split it, and split it at the first three dots only (consumer.Config.MaxTokenBytes).",
	}
	encrypted := rule{
		source: "RFC 7519 section 7.2, RFC 9068 section 4, CVE-2024-28176, CVE-2026-34986",
		change: "Reject tokens with five parts, unless you have agreed on encryption with the issuer.",
	}
	critical := rule{
		source: "RFC 7515 section 4.1.11, RFC 7797 section 6",
		change: "Reject every token whose header has crit, unless you implement all of its extensions. The kit rejects crit and b64 in any form.",
	}
	return []row{
		{"5_JSON_serialization", compact, jsonSerialization},
		{"6_crit", critical, criticalHeader},
		{"7_b64", critical, unencodedPayload},
		{"10_malleable_text", canonical, malleableText},
		{"15_parts", compact, wrongParts},
		{"15_many_dots", sizes, func(c *check) { c.rejectText("only dots", strings.Repeat(".", 60_000)) }},
		{"16_null", compact, nullParts},
		{"17_encrypted", encrypted, encryptedTokens},
	}
}

// jsonSerialization sends valid signatures in the JSON forms of JWS (RFC 7515 section 7.2).
func jsonSerialization(c *check) {
	parts := strings.Split(c.token().Sign(), ".")
	signature := map[string]any{"protected": parts[0], "signature": parts[2]}
	flattened := map[string]any{"protected": parts[0], "payload": parts[1], "signature": parts[2]}
	general := map[string]any{"payload": parts[1], "signatures": []any{signature}}
	forged := strings.Split(c.token().Set("sub", "admin").SignWith("none", nil).Sign(), ".")
	// A reader of JSON finds the valid token in polyglot. A reader that splits the text at dots finds the forged claims.
	polyglot := map[string]any{"protected": parts[0], "payload": parts[1], "signature": parts[2], " " + parts[0] + "." + forged[1] + ".": ""}
	for what, document := range map[string]any{
		"flattened JSON": flattened, "general JSON": general, "JSON that contains the text of another token": polyglot,
		"JSON without a signature": map[string]any{"payload": parts[1], "signatures": []any{nil}}, "an array": []any{flattened},
	} {
		text, _ := json.Marshal(document) // maps of strings can always be encoded
		c.rejectText(what, string(text))
		c.rejectText(what+", encoded", base64url(text))
	}
}

// criticalHeader sends tokens with crit. The parameters that it lists change what a token means, so a program that does not implement
// them must reject the token.
func criticalHeader(c *check) {
	for what, value := range map[string]any{
		"an unknown name": []string{"x"}, "a standard name": []string{"alg"}, "the name of a claim": []string{"exp"},
		"an empty array": []string{}, "a string": "exp", "null": nil,
	} {
		c.reject("crit: "+what, c.token().SetHeader("crit", value))
	}
	c.reject("crit names a parameter that exists", c.token().SetHeader("crit", []string{"x"}).SetHeader("x", 1))
}

// unencodedPayload sends tokens with b64, which says that the payload is not encoded (RFC 7797). A program that supports it and one
// that does not read different claims from the same token.
func unencodedPayload(c *check) {
	c.reject("b64 is false, and in crit", c.token().SetHeader("b64", false).SetHeader("crit", []string{"b64"}))
	c.reject("b64 is false", c.token().SetHeader("b64", false))
	c.reject("the payload is not encoded", c.token().SetHeader("b64", false).SetHeader("crit", []string{"b64"}).EditInput(func(input []byte) []byte {
		header, _, _ := bytes.Cut(input, []byte("."))
		return append(slices.Clone(header), `.{"sub":"admin"}`...)
	}))
}

// malleableText changes the text of a token in ways that lenient decoders do not notice. Where the change is in the signed part,
// the signature is right.
func malleableText(c *check) {
	inside := func(text string) func([]byte) []byte {
		return func(in []byte) []byte { return slices.Concat(in[:8], []byte(text), in[8:]) }
	}
	behind := func(text string) func([]byte) []byte {
		return func(in []byte) []byte { return slices.Concat(in, []byte(text)) }
	}
	for what, edit := range map[string]func([]byte) []byte{
		"a space in the header": inside(" "), "a tab in the header": inside("\t"), "padding after the claims": behind("="),
		"a comma in the header": inside(","), "a letter outside of ASCII": inside("é"), "a percent sign": inside("%3D"),
		"a space after the claims": behind(" "), "a stray letter after the claims": behind("A\u200b"),
	} {
		c.reject(what, c.token().EditInput(edit))
	}
	raw := c.token().Sign()
	c.rejectText("padding after the signature", raw+"==")
	c.rejectText("a dot after the signature", raw+".")
	if last := unusedBits(raw); last != "" {
		c.rejectText("other unused bits in the last character", last)
	}
	if other := strings.NewReplacer("-", "+", "_", "/").Replace(raw); other != raw {
		c.rejectText("the alphabet of standard base64", other)
	}
}

// unusedBits changes the bits of the last character that are not part of the signature. It returns "" if there are none.
func unusedBits(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	signature := raw[strings.LastIndexByte(raw, '.')+1:]
	if len(signature)%4 == 0 { // each character has 6 bits, so 4 of them are 3 whole bytes
		return ""
	}
	last := strings.IndexByte(alphabet, raw[len(raw)-1])
	return raw[:len(raw)-1] + alphabet[last|1:last|1+1]
}

// wrongParts sends texts that do not have exactly three parts. Some contain a valid token, which a lenient parser finds.
func wrongParts(c *check) {
	raw := c.token().Sign()
	parts := strings.Split(raw, ".")
	for what, text := range map[string]string{
		"two dots": "..", "one part": parts[0], "two parts": parts[0] + "." + parts[1], "four parts": raw + "." + parts[1],
		"no header": "." + parts[1] + "." + parts[2], "no claims": parts[0] + ".." + parts[2], "a word": "garbage", "one character": "x",
		"the token twice": raw + raw, "the token twice, with a dot": raw + "." + raw, "the scheme again": "Bearer " + raw,
		"quotes": `"` + raw + `"`,
	} {
		c.rejectText(what, text)
	}
}

// nullParts sends JSON values other than an object. In some languages, null decodes to an empty object without an error, and a token
// without claims then passes all checks of optional claims.
func nullParts(c *check) {
	parts := strings.Split(c.token().Sign(), ".")
	null := base64url([]byte("null"))
	for what, text := range map[string]string{
		"null": "null", "undefined": "undefined", "a header of null": null + "." + parts[1] + "." + parts[2],
		"three times null": null + "." + null + "." + null, "an empty object": base64url([]byte("{}")) + "." + parts[1] + "." + parts[2],
	} {
		c.rejectText(what, text)
	}
	for _, text := range []string{"null", "[]", `""`, "0", "true", "{}", ""} {
		c.reject("signed claims: "+text, c.token().EditClaims(func([]byte) []byte { return []byte(text) }))
	}
}

// encryptedTokens have the five parts of JWE (RFC 7516 section 3.1).
func encryptedTokens(c *check) {
	for what, header := range map[string]string{
		"many iterations":          `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`,
		"compressed":               `{"alg":"dir","enc":"A128GCM","zip":"DEF"}`,
		"encrypted for a key":      `{"alg":"RSA-OAEP","enc":"A128GCM","cty":"JWT"}`,
		"ephemeral key of no type": `{"alg":"ECDH-ES","enc":"A128GCM","epk":{}}`,
	} {
		for _, key := range []string{"", "AAAA"} {
			c.rejectText("JWE, "+what+", with the encrypted key "+oneLine(key), base64url([]byte(header))+"."+key+".AAAA.AAAA.AAAA")
		}
	}
}
