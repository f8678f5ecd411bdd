package bearertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// keyRows bring a key of the attacker, or name one.
func (a *assault) keyRows() []row {
	embedded := rule{
		source: "RFC 7515 sections 4.1.2 to 4.1.6 and 10.7, RFC 8725 section 3.10",
		change: "Ignore jwk, jku, x5u and x5c in the header. Verify only with the keys of the configured issuer. In bearerkit: consumer.Config.Keys, or its discovery.",
	}
	fetched := rule{
		source: "RFC 8725 section 3.10",
		change: "Never fetch an address from a token. Fetch keys only from the configured issuer (consumer.Config.Issuer).",
	}
	kid := rule{
		source: "RFC 7515 section 4.1.4, RFC 8725 section 3.10",
		change: "Use kid only to look up a key in the key set of the issuer. Never use it as a path, as a URL, or in a query.",
	}
	return []row{
		{"3_embedded_key", embedded, embeddedKey},
		{"3_key_at_an_address", embedded, keyAtAddress},
		{"31_no_fetch_for_a_header", fetched, noFetchForHeader},
		{"4_kid_as_path_or_query", kid, injectedKid},
		{"4_kid_of_another_type", kid, oddKid},
	}
}

// own returns a token that is signed with a new key of the attacker.
func (c *check) own() (token *Token, key *ecdsa.PrivateKey, jwk map[string]any) {
	key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // fails only without random numbers, and then Go ends the program
	token = c.token()
	kid, _ := token.header["kid"].(string)
	return token.SignWith("ES256", key), key, JWK(kid, "ES256", key.Public())
}

// embeddedKey sends tokens that contain the key of the attacker. Their signature is right with that key, which says nothing: only the
// keys of the issuer count.
func embeddedKey(c *check) {
	token, _, jwk := c.own()
	c.reject("jwk contains the key of the attacker", token.SetHeader("jwk", jwk))
	token, _, jwk = c.own()
	jwk["kid"] = "own"
	c.reject("jwk and kid name the key of the attacker", token.SetHeader("jwk", jwk).SetHeader("kid", "own"))
	token, _, jwk = c.own()
	c.reject("jwk, without kid", token.SetHeader("jwk", jwk).SetHeader("kid", Absent))
	token, key, _ := c.own()
	c.reject("x5c contains a certificate of the attacker", token.SetHeader("x5c", []string{certificate(key)}))
	secret := []byte("the secret of an attacker, 32 bytes long")
	c.reject("jwk contains an HMAC secret", c.token().SignWith("HS256", secret).SetHeader("jwk", JWK("", "HS256", secret)))
}

// keyAtAddress sends tokens with the address of a key set or of a certificate. No request must go there, and no key of it is used.
func keyAtAddress(c *check) {
	for _, parameter := range []string{"jku", "x5u"} {
		for _, address := range []string{"https://attacker.test/jwks", c.issuer.url + "@attacker.test/jwks", "file:///dev/null"} {
			token, _, _ := c.own()
			c.reject(parameter+" is "+address, token.SetHeader(parameter, address))
		}
	}
}

// noFetchForHeader uses addresses of the issuer itself, because its requests can be counted.
func noFetchForHeader(c *check) {
	if !c.counted {
		c.skip(notCounted)
		return
	}
	for _, parameter := range []string{"jku", "x5u", "kid", "iss"} {
		before := c.issuer.Requests()[""]
		address := c.issuer.url + "/attacker/" + parameter
		token, _, _ := c.own()
		if parameter == "iss" {
			token.Set("iss", address)
		}
		raw := token.SetHeader(parameter, address).Sign()
		got := c.send(c.target.requestWith(raw))
		if fetched := c.issuer.Requests()[""] - before; fetched > 0 {
			got.header = nil
			c.fail(fmt.Sprintf("%s of the token caused %d requests", parameter, fetched), describe(raw), "no request to that address", got)
		}
	}
}

// injectedKid sends values of kid that select a known secret if a program uses them as a file name, in a query or in a command: the
// content of /dev/null is empty, and that of randomize_va_space is "2" and a line end.
func injectedKid(c *check) {
	for _, kid := range []string{
		"../../../../../../dev/null", "/dev/null", "../../../../../../proc/sys/kernel/randomize_va_space",
		"x' UNION SELECT 'secret' --", "key | id", "$(id)", "https://attacker.test/jwks", "file:///dev/null", "", "*", "%00", "0",
	} {
		for _, secret := range []string{"", "\x00", "2\n", "secret"} {
			c.reject(fmt.Sprintf("kid %q, HS256 with the secret %q", kid, secret), c.token().SignWith("HS256", []byte(secret)).SetHeader("kid", kid))
		}
	}
	token, _, _ := c.own()
	c.reject("kid is an address of the attacker", token.SetHeader("kid", "https://attacker.test/jwks"))
}

// oddKid sends values of kid that are not strings, or that a database takes for a condition. A long one or one with a line end may
// cause a failure or a forged line in a log.
func oddKid(c *check) {
	for what, kid := range map[string]any{
		"a number": 0, "an object": map[string]any{"$ne": ""}, "an array": []string{}, "true": true,
		"long": strings.Repeat("k", 4096), "a line feed": "k\nlevel=info",
	} {
		token, _, _ := c.own()
		c.reject("kid: "+what, token.SetHeader("kid", kid))
	}
}

// certificate returns a self-signed certificate in the form of x5c (RFC 7515 section 4.1.6).
func certificate(key *ecdsa.PrivateKey) string {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key) // the template is constant
	return base64.StdEncoding.EncodeToString(der)
}

// notCounted is the reason to skip rows that count the requests of the deployment.
const notCounted = "the deployment has requested nothing from the Issuer, so its requests cannot be counted (its keys may be static)"
