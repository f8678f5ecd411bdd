// Package jwtsign creates signed JWTs: client assertions (RFC 7523), request objects (RFC 9101) and DPoP proofs (RFC 9449).
package jwtsign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"unicode/utf8"
)

// Key is a signing key. Do not change a Key that is in use. A Key is safe for concurrent use if Private is.
type Key struct {
	Private   any    // a crypto.Signer with an RSA, ECDSA or Ed25519 key, or a []byte for HMAC
	Algorithm string // an algorithm of RFC 7518 §3.1, "EdDSA" or "Ed25519"
	ID        string // the value of `kid`; if empty, the JWT has no `kid`
}

// ErrKey reports a Key that cannot sign: its algorithm is unknown, or does not match the private key.
var ErrKey = errors.New("the key does not match the algorithm")

// ErrText reports a claim or a header parameter that is not valid UTF-8. JSON cannot represent it.
var ErrText = errors.New("not valid UTF-8")

// JWT returns a signed JWT in compact serialization (RFC 7515 §7.1). The members of header are added to the JOSE header, but
// they do not replace `alg` and `kid`. header may be nil. The error matches [ErrKey] or [ErrText], or comes from the
// crypto.Signer or from encoding/json.
func (k Key) JWT(header, claims map[string]any) (string, error) {
	// head is a copy, because alg and kid are added and the caller may use header again.
	head := make(map[string]any, len(header)+2)
	for name, value := range header {
		head[name] = value
	}
	head["alg"] = k.Algorithm
	if k.ID != "" {
		head["kid"] = k.ID
	}
	headText, err := marshal(head)
	if err != nil {
		return "", err
	}
	claimsText, err := marshal(claims)
	if err != nil {
		return "", err
	}
	// The signature covers the encoded header and payload with a dot between them (RFC 7515 §5.1).
	input := encode(headText) + "." + encode(claimsText)
	signature, err := k.sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}

// marshal returns the JSON text of an object. It returns ErrText for a name, a string or a list of strings that is not valid
// UTF-8: encoding/json would replace the invalid bytes, so the server would receive something else.
func marshal(object map[string]any) ([]byte, error) {
	for name, value := range object {
		texts, _ := value.([]string)
		if text, ok := value.(string); ok {
			texts = []string{text}
		}
		for _, text := range append(texts[:len(texts):len(texts)], name) {
			if !utf8.ValidString(text) {
				return nil, fmt.Errorf("%q is %w", name, ErrText)
			}
		}
	}
	return json.Marshal(object)
}

// Check returns nil if the private key matches the algorithm, and an error that matches [ErrKey] otherwise. An HMAC secret
// must be at least as long as the hash (RFC 7518 §3.2), and an RSA key must have at least 2048 bits (RFC 7518 §3.3). Check
// does not sign, because the private key may be in a remote service.
func (k Key) Check() error {
	hash, known := hashOf(k.Algorithm)
	secret, symmetric := k.Private.([]byte)
	switch {
	case !known:
		return fmt.Errorf("%w: %q is not a supported algorithm", ErrKey, k.Algorithm)
	case symmetric && (k.Algorithm[0] != 'H' || len(secret) < hash.Size()): // RFC 7518 §3.2
		return fmt.Errorf("%w: %s requires %s, received a secret of %d bytes", ErrKey, k.Algorithm, requirement(k.Algorithm), len(secret))
	case symmetric:
		return nil
	}
	signer, ok := k.Private.(crypto.Signer)
	if !ok || isEmpty(signer) || !fits(signer.Public(), k.Algorithm) {
		return fmt.Errorf("%w: %s requires %s, received %s", ErrKey, k.Algorithm, requirement(k.Algorithm), kindOf(k.Private))
	}
	return checkFIPS(signer.Public())
}

// checkFIPS applies the rules of crypto/rsa for GODEBUG=fips140=only (FIPS 186-5 §5.1). FIPS 140 allows all other keys.
func checkFIPS(public crypto.PublicKey) error {
	key, ok := public.(*rsa.PublicKey)
	if ok && fips140.Enforced() && (key.N.BitLen()%2 == 1 || key.E <= 1<<16) {
		return fmt.Errorf("%w: FIPS 140-only mode does not allow an RSA key of %d bits with exponent %d", ErrKey, key.N.BitLen(), key.E)
	}
	return nil
}

// isEmpty reports whether signer is a nil pointer or an Ed25519 key of the wrong length. For these, signer.Public would
// panic.
func isEmpty(signer crypto.Signer) bool {
	value := reflect.ValueOf(signer)
	if value.Kind() == reflect.Pointer && value.IsNil() {
		return true
	}
	switch key := signer.(type) {
	case ed25519.PrivateKey:
		return len(key) != ed25519.PrivateKeySize
	case *ed25519.PrivateKey:
		return len(*key) != ed25519.PrivateKeySize
	}
	return false
}

// encode returns base64url without padding (RFC 7515 §2).
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// sign returns the signature of input in the form of RFC 7518 §3 and RFC 8037 §3.1.
func (k Key) sign(input []byte) ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	hash, _ := hashOf(k.Algorithm)
	if secret, ok := k.Private.([]byte); ok {
		return signHMAC(hash, secret, input), nil
	}
	signer := k.Private.(crypto.Signer) //nolint:errcheck,forcetypeassert // Check verified it
	if hash == 0 {                      // Ed25519 includes hashing
		return signer.Sign(rand.Reader, input, hash)
	}
	digest := sum(hash, input)
	switch k.Algorithm[0] {
	case 'P': // PS256, PS384, PS512: the salt is as long as the hash (RFC 7518 §3.5)
		return signer.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	case 'E': // ES256, ES384, ES512; EdDSA and Ed25519 have returned above
		der, err := signer.Sign(rand.Reader, digest, hash)
		if err != nil {
			return nil, err
		}
		return fixedLength(der, signer.Public().(*ecdsa.PublicKey)) //nolint:errcheck,forcetypeassert // fits verified it
	}
	return signer.Sign(rand.Reader, digest, hash)
}

// hashOf returns the hash of an algorithm. It is 0 for Ed25519, which does not let the caller choose a hash.
func hashOf(alg string) (hash crypto.Hash, known bool) {
	switch alg {
	case "RS256", "PS256", "ES256", "HS256":
		return crypto.SHA256, true
	case "RS384", "PS384", "ES384", "HS384":
		return crypto.SHA384, true
	case "RS512", "PS512", "ES512", "HS512":
		return crypto.SHA512, true
	case "EdDSA", "Ed25519":
		return 0, true
	}
	return 0, false
}

// fits reports whether a public key has the type that alg requires, and is long enough. For ECDSA, alg also determines
// the curve.
func fits(public crypto.PublicKey, alg string) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return (alg[0] == 'R' || alg[0] == 'P') && key.N != nil && key.N.BitLen() >= 2048 // RFC 7518 §3.3
	case *ecdsa.PublicKey:
		curve := curveOf(alg)
		return curve != nil && key.Curve == curve
	case ed25519.PublicKey:
		return (alg == "EdDSA" || alg == "Ed25519") && len(key) == ed25519.PublicKeySize
	}
	return false
}

// curveOf returns the curve of an ECDSA algorithm (RFC 7518 §3.4). It is nil for other algorithms.
func curveOf(alg string) elliptic.Curve {
	return map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
}

// signHMAC returns the HMAC of input (RFC 7518 §3.2).
func signHMAC(hash crypto.Hash, secret, input []byte) []byte {
	mac := hmac.New(hash.New, secret)
	_, _ = mac.Write(input) // never fails
	return mac.Sum(nil)
}

// sum returns the digest of input.
func sum(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	_, _ = h.Write(input) // never fails
	return h.Sum(nil)
}

// fixedLength converts the ASN.1 form of an ECDSA signature, which a crypto.Signer returns, to R and S, each as long as the
// order of the curve (RFC 7518 §3.4).
func fixedLength(der []byte, key *ecdsa.PublicKey) ([]byte, error) {
	var parts struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: the signature of the signer is not valid ASN.1", ErrKey)
	}
	// A signer may be a remote service. FillBytes below would panic for a number that is too large.
	order := key.Curve.Params().N
	if parts.R.Sign() <= 0 || parts.S.Sign() <= 0 || parts.R.Cmp(order) >= 0 || parts.S.Cmp(order) >= 0 {
		return nil, fmt.Errorf("%w: the signature of the signer is out of range", ErrKey)
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	parts.R.FillBytes(signature[:size])
	parts.S.FillBytes(signature[size:])
	return signature, nil
}
