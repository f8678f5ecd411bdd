package bearertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"slices"
	"time"
)

// keySetRows publish keys that no deployment should use, beside those of the issuer.
func (a *assault) keySetRows() []row {
	weak := rule{
		source: "RFC 7518 sections 3.2, 3.3 and 6.2, RFC 8725 sections 3.4 and 3.5",
		change: "Ignore keys of a published set that are too short, symmetric, or of low order: RSA below 2048 bits, e = 1, oct. The kit ignores them.",
	}
	usage := rule{
		source: "RFC 7517 sections 4.2, 4.3 and 4.4",
		change: "Ignore keys that the issuer does not publish for this use: use enc, key_ops without verify, or another alg than that of the token. The kit ignores them.",
	}
	return []row{
		{"34_weak_published_keys", weak, func(c *check) { c.rejectPublished(func(p *publication) []publishedKey { return p.weak }) }},
		{"S6_keys_for_another_use", usage, func(c *check) { c.rejectPublished(func(p *publication) []publishedKey { return p.other }) }},
	}
}

// publication is a key set with additional keys. It is published once, because deployments limit how often they fetch a set.
type publication struct {
	skipped     string // why the deployment has not read the set
	weak, other []publishedKey
}

// publishedKey is a key of a publication, and a token that it signs.
type publishedKey struct {
	what  string
	jwk   map[string]any
	token *Token
}

// rejectPublished sends the tokens of additional keys.
func (c *check) rejectPublished(keys func(*publication) []publishedKey) {
	if c.extra == nil {
		c.extra = c.publish()
	}
	if c.extra.skipped != "" {
		c.skip(c.extra.skipped)
		return
	}
	for _, key := range keys(c.extra) {
		c.reject(key.what, key.token)
	}
}

// publish adds keys to the key set of the issuer, and makes the deployment read it. A token of a new key without faults shows
// that it has.
func (c *check) publish() *publication {
	alg := c.token().algorithm
	fresh := generateKey(alg)
	signer, ok := fresh.(crypto.Signer)
	switch {
	case !c.counted:
		return &publication{skipped: notCounted}
	case !ok:
		return &publication{skipped: "the valid token is signed with HMAC, whose keys are not published"}
	}
	kid := "bearertest-" + rand.Text()
	p := &publication{weak: weakKeys(c), other: keysForOtherUses(c)}
	set := append(c.issuer.keys(), []byte(asJSON(JWK(kid, alg, signer.Public()))))
	for _, key := range slices.Concat(p.weak, p.other) {
		set = append(set, []byte(asJSON(key.jwk)))
	}
	c.issuer.SetJWKS(keySet(set))
	if !c.becomesAccepted(c.token().SignWith(alg, fresh).SetHeader("kid", kid).Sign()) {
		c.restore()
		return &publication{skipped: "the deployment did not fetch the key set again for an unknown kid, or did not accept the new key. " +
			"It may limit such fetches: in a testing/synctest bubble, set Target.Sleep"}
	}
	return p
}

// becomesAccepted sends a token until it is accepted. Without Target.Sleep, it sends the token once.
func (c *check) becomesAccepted(raw string) bool {
	for range 10 {
		if send(c.handler, c.target.requestWith(raw)).accepted() {
			return true
		}
		if c.target.Sleep == nil {
			return false
		}
		c.target.Sleep(time.Minute)
	}
	return false
}

// keys returns the keys that the issuer publishes.
func (i *Issuer) keys() []json.RawMessage {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	_ = json.Unmarshal(i.JWKS(), &set) // without keys, the deployment could not have accepted a token
	return set.Keys
}

// weakKeys returns keys with which everyone can sign: published secrets, an RSA key that can be factored or has no effect, and a point
// of low order, for which one signature is valid for all messages.
func weakKeys(c *check) []publishedKey {
	secret := make([]byte, 64)
	_, _ = rand.Read(secret)
	small, d := smallRSA(1024)
	one := smallExponent(small)
	zero := make([]byte, ed25519.PublicKeySize)
	identity := append([]byte{1}, zero[1:]...)
	return []publishedKey{
		{"an HMAC secret", JWK("weak-oct", "HS256", secret), c.token().SignWith("HS256", secret).SetHeader("kid", "weak-oct")},
		{"an HMAC secret without alg", JWK("weak-any", "", secret), c.token().SignWith("HS512", secret).SetHeader("kid", "weak-any")},
		{"RSA with 1024 bits", JWK("weak-rsa", "RS256", small), c.rawRSAToken("weak-rsa", small, d)},
		{"RSA with e = 1", JWK("weak-e", "RS256", one), c.rawRSAToken("weak-e", one, big.NewInt(1))},
		{"Ed25519 of low order", JWK("weak-ed", "EdDSA", ed25519.PublicKey(identity)), c.fixedSignature("EdDSA", "weak-ed", append(identity, zero...))},
	}
}

// keysForOtherUses returns keys that the issuer uses for encryption. Others may hold the private half of such a key.
func keysForOtherUses(c *check) []publishedKey {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	with := func(kid, member string, value any) publishedKey {
		jwk := JWK(kid, "ES256", key.Public())
		jwk[member] = value
		return publishedKey{member + ": " + asJSON(value), jwk, c.token().SignWith("ES256", key).SetHeader("kid", kid)}
	}
	other := with("use-alg", "alg", "ECDH-ES")
	return []publishedKey{with("use-enc", "use", "enc"), with("use-ops", "key_ops", []string{"encrypt"}), other}
}

// smallRSA returns a key of a size that crypto/rsa may refuse to generate.
func smallRSA(bits int) (public *rsa.PublicKey, d *big.Int) {
	one := big.NewInt(1)
	for {
		p, q := randomPrime(bits/2), randomPrime(bits/2)
		totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(big.NewInt(65537), totient); d != nil {
			return &rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, d
		}
	}
}

// randomPrime returns a prime. It is rand.Prime for FIPS mode, where that panics.
func randomPrime(bits int) *big.Int {
	text := make([]byte, bits/8)
	for {
		_, _ = rand.Read(text)
		text[0] |= 0xc0 // so that the product of two primes has all bits
		text[len(text)-1] |= 1
		if prime := new(big.Int).SetBytes(text); prime.ProbablyPrime(10) {
			return prime
		}
	}
}

// smallExponent returns a key with e = 1: the signature of a message is the message.
func smallExponent(public *rsa.PublicKey) *rsa.PublicKey {
	n := new(big.Int).Mul(public.N, public.N) // 2048 bits, so that only the exponent is wrong
	return &rsa.PublicKey{N: n, E: 1}
}

// rawRSAToken returns a token with a signature of RS256, which is computed without the checks of crypto/rsa.
func (c *check) rawRSAToken(kid string, public *rsa.PublicKey, d *big.Int) *Token {
	token := c.token().SetHeader("alg", "RS256").SetHeader("kid", kid)
	var signed []byte
	token.EditInput(func(input []byte) []byte { signed = append([]byte(nil), input...); return input })
	return token.EditSignature(func([]byte) []byte { return rawRSA(public.N, d, encodePKCS1(signed, public.N.BitLen())) })
}

// encodePKCS1 returns the encoded message of RS256 (RFC 8017 section 9.2).
func encodePKCS1(input []byte, modulusBits int) []byte {
	info := []byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20") // SHA-256, note 1
	info = append(info, digest(crypto.SHA256, input)...)
	encoded := make([]byte, (modulusBits+7)/8)
	for i := range encoded {
		encoded[i] = 0xff
	}
	encoded[0], encoded[1], encoded[len(encoded)-len(info)-1] = 0, 1, 0
	copy(encoded[len(encoded)-len(info):], info)
	return encoded
}

// fixedSignature returns a token with a given signature.
func (c *check) fixedSignature(alg, kid string, signature []byte) *Token {
	return c.token().SetHeader("alg", alg).SetHeader("kid", kid).EditSignature(func([]byte) []byte { return signature })
}

// keySet returns the text of a key set.
func keySet(keys []json.RawMessage) []byte {
	document, _ := json.Marshal(map[string]any{"keys": keys}) // each key was encoded before
	return document
}
