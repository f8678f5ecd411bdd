package bearertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"time"
)

// jws is a JWS in compact form that was parsed, but not verified.
type jws struct {
	header, claims map[string]any
	alg            string
	input          []byte
	signature      []byte
}

// parseJWS parses a JWS whose payload is a JSON object.
func parseJWS(text string) (jws, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return jws{}, false
	}
	var decoded [3][]byte
	for n, part := range parts {
		// Strict rejects unused bits that are not zero, so each token has one text.
		bytes, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return jws{}, false
		}
		decoded[n] = bytes
	}
	parsed := jws{
		header: object(decoded[0]), claims: object(decoded[1]),
		input: []byte(parts[0] + "." + parts[1]), signature: decoded[2],
	}
	parsed.alg, _ = parsed.header["alg"].(string)
	_, critical := parsed.header["crit"] // this package implements no extension (RFC 7515 section 4.1.11)
	return parsed, parsed.header != nil && parsed.claims != nil && !critical
}

// verify reports whether the signature was made with the private key of public. For HMAC, public is the secret.
func (j jws) verify(public any) bool {
	if !suits(j.alg, public) { // otherwise a public key could become the secret of HMAC
		return false
	}
	hash := schemes[j.alg].hash
	input := j.input
	if _, secret := public.([]byte); hash != 0 && !secret { // HMAC and Ed25519 hash the input themselves
		input = digest(hash, input)
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		return verifyRSA(key, j.alg, hash, input, j.signature)
	case *ecdsa.PublicKey:
		half := len(j.signature) / 2 // r and s have the same length (RFC 7518 section 3.4)
		r, s := new(big.Int).SetBytes(j.signature[:half]), new(big.Int).SetBytes(j.signature[half:])
		return len(j.signature) == 2*((key.Params().BitSize+7)/8) && ecdsa.Verify(key, input, r, s)
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, input, j.signature)
	case []byte:
		expected, err := signHMAC(hash, key, input)
		return err == nil && hmac.Equal(expected, j.signature)
	default:
		return false
	}
}

func verifyRSA(key *rsa.PublicKey, alg string, hash crypto.Hash, digest, signature []byte) bool {
	if schemes[alg].family == familyPSS {
		return rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}) == nil
	}
	return rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
}

// current reports whether now is between `nbf` and `exp`, as far as they are present.
func current(claims map[string]any, now time.Time) bool {
	within := func(name string, good func(seconds float64) bool) bool {
		value, present := claims[name]
		seconds, number := value.(float64)
		return !present || number && good(seconds)
	}
	seconds := float64(now.UnixNano()) / 1e9
	return within("exp", func(exp float64) bool { return seconds < exp }) && within("nbf", func(nbf float64) bool { return nbf <= seconds })
}

// verifyOwn verifies a token that the issuer has signed with a key that is still published, and returns its claims. It does not
// check its time and type.
func (i *Issuer) verifyOwn(text string) (claims map[string]any, ok bool) {
	parsed, ok := i.parseOwn(text)
	return parsed.claims, ok
}

// parseOwn is verifyOwn with the header.
func (i *Issuer) parseOwn(text string) (jws, bool) {
	parsed, ok := parseJWS(text)
	if !ok || parsed.claims["iss"] != i.url {
		return jws{}, false
	}
	for _, public := range i.publishedKeys(parsed.alg) {
		if parsed.verify(public) {
			return parsed, true
		}
	}
	return jws{}, false
}

// publishedKeys returns the keys for alg, including announced and old ones. The secret of HMAC is included.
func (i *Issuer) publishedKeys(alg string) []any {
	if schemes[alg].family == familyUnknown {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var keys []any
	for _, g := range i.published {
		switch key := g.key(alg).(type) {
		case crypto.Signer:
			keys = append(keys, key.Public())
		case []byte:
			keys = append(keys, key)
		}
	}
	return keys
}
