package bearertest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
)

// published returns the algorithms whose keys the issuer publishes.
func (a *assault) published(families ...family) []string {
	var algorithms []string
	for _, alg := range a.issuer.algorithms {
		if slices.Contains(families, schemes[alg].family) {
			algorithms = append(algorithms, alg)
		}
	}
	return algorithms
}

// asymmetric returns all published algorithms.
func (a *assault) asymmetric() []string {
	return a.published(familyRSA, familyPSS, familyECDSA, familyEdDSA)
}

// algorithmRows let the token choose how it is verified.
func (a *assault) algorithmRows() []row {
	fixed := rule{
		source: "RFC 8725 sections 3.1 and 3.2, RFC 9068 section 4",
		change: "Compare alg with a list of the algorithms that your issuer uses, byte for byte, before you select a key. " +
			"Never read the algorithm from the token. In bearerkit: consumer.Config.Algorithms.",
	}
	family := rule{
		source: "RFC 8725 section 3.1",
		change: "Bind each key to one algorithm. A public key must never be used as an HMAC secret. " +
			"In bearerkit, no setting allows that; consumer.Config.Algorithms without HS256, HS384 and HS512 excludes HMAC.",
	}
	secrets := rule{
		source: "RFC 7518 section 3.2, RFC 8725 section 3.5",
		change: "If you do not use HMAC, remove it from the list of algorithms (consumer.Config.Algorithms). " +
			"If you do, use a random secret as long as the hash (jwks.Secret).",
	}
	return []row{
		{"1_alg_none", fixed, algorithmNone},
		{"1_alg_missing", fixed, algorithmMissing},
		{"1_no_signature", fixed, func(c *check) {
			c.reject("the signature is removed", c.token().EditSignature(func([]byte) []byte { return nil }))
		}},
		{"2_public_key_as_secret", family, publicKeyAsSecret},
		{"2_alg_of_another_family", family, otherFamily},
		{"37_weak_secret", secrets, weakSecret},
	}
}

// algorithmNone sends unsigned tokens (RFC 7515 appendix A.5), with each spelling that a comparison without case or without white space
// takes for none.
func algorithmNone(c *check) {
	// The signature is empty in each case. Only the spelling of the algorithm differs.
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", ""} {
		c.reject("alg "+alg+", without a signature", c.token().SignWith("none", nil).SetHeader("alg", alg))
	}
	c.reject("alg none, with the signature of the valid token", c.token().SetHeader("alg", "none"))
	c.reject("alg none, without kid", c.token().SignWith("none", nil).SetHeader("kid", Absent))
	c.rejectText("alg none, without the second dot", string(bytes.TrimSuffix([]byte(c.token().SignWith("none", nil).Sign()), []byte("."))))
}

// algorithmMissing sends tokens whose alg is absent or has another type. A program must not guess the algorithm from the key then.
func algorithmMissing(c *check) {
	alg := c.token().algorithm
	for what, value := range map[string]any{
		"no alg": Absent, "null": nil, "a number": 256, "an array": []string{alg}, "a space after it": alg + " ", "lower case": lower(alg),
	} {
		c.reject("alg: "+what, c.token().SetHeader("alg", value))
	}
	c.reject("no alg and no signature", c.token().SignWith("none", nil).SetHeader("alg", Absent))
}

// publicKeyAsSecret signs tokens with HMAC, and with each form of each public key as the secret. Everyone knows the public keys. A
// library that takes the algorithm from the token passes the key to HMAC in the form in which the program has stored it.
func publicKeyAsSecret(c *check) {
	algorithms := c.asymmetric()
	if len(algorithms) == 0 {
		c.skip("the issuer publishes no public key")
	}
	for _, alg := range algorithms {
		kid, public := c.issuer.Key(alg)
		for form, secret := range c.formsOf(alg, kid, public) {
			for _, hmac := range []string{"HS256", "HS384", "HS512"} {
				c.reject(hmac+" with the public key for "+alg+" as secret: "+form, c.token().SetHeader("kid", kid).SignWith(hmac, secret))
			}
		}
		c.reject("HS256 in the header, signature of "+alg, c.token().Algorithm(alg).SetHeader("alg", "HS256"))
	}
}

// formsOf returns the forms in which programs store a public key.
func (a *assault) formsOf(alg, kid string, public any) map[string][]byte {
	text := a.issuer.PEM(alg)
	block, _ := pem.Decode(text)
	jwk, _ := json.Marshal(JWK(kid, alg, public)) // maps of strings can always be encoded
	forms := map[string][]byte{
		"PEM": text, "PEM without the last line feed": bytes.TrimSpace(text), "DER": block.Bytes, "JWK": jwk, "key set": a.issuer.JWKS(),
		"PEM with CR LF": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), "nothing": {},
	}
	if key, ok := public.(*rsa.PublicKey); ok {
		old := x509.MarshalPKCS1PublicKey(key)
		forms["modulus"], forms["PKCS #1 DER"] = key.N.Bytes(), old
		forms["PKCS #1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: old})
	}
	return forms
}

// otherFamily names another algorithm than the one that signed. A program that chooses the key by alg may find none, and must then
// neither fail nor fall back to another algorithm.
func otherFamily(c *check) {
	signed := c.token().algorithm
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256", "RSA-OAEP", "dir", "PBES2-HS256+A128KW", "ES256K"} {
		if schemes[alg] != schemes[signed] || schemes[alg].family == familyUnknown { // the others would be valid tokens
			c.reject("alg "+alg+", signature of "+signed, c.token().SetHeader("alg", alg))
		}
	}
}

// weakSecret signs with secrets that examples and careless configurations contain.
func weakSecret(c *check) {
	for _, secret := range []string{
		"", "\x00", "secret", "password", "changeme", "your-256-bit-secret", "your-secret-key", "null", "undefined",
		"00000000000000000000000000000000", c.issuer.url, c.issuer.audience, c.token().algorithm,
	} {
		c.reject("HS256 with the secret "+oneLine(secret), c.token().SignWith("HS256", []byte(secret)))
	}
}
