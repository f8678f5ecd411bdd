// Package jwtsign makes signed JWTs: the client's assertions, request objects and DPoP proofs.
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
)

// Key signs. It is not changed once it is in use.
type Key struct {
	Private   any    // a crypto.Signer with an RSA, ECDSA or Ed25519 key; []byte for HMAC
	Algorithm string // of RFC 7518 §3.1, "EdDSA" or "Ed25519"
	ID        string // goes into `kid`; empty: no kid
}

// ErrKey says that a Key cannot sign: its algorithm is unknown or not that of the private key.
var ErrKey = errors.New("the key does not go with the algorithm")

// JWT signs claims. header is added to `alg` and `kid`, which it cannot replace; nil: nothing is added.
func (k Key) JWT(header, claims map[string]any) (string, error) {
	head := make(map[string]any, len(header)+2)
	for name, value := range header {
		head[name] = value
	}
	head["alg"] = k.Algorithm
	if k.ID != "" {
		head["kid"] = k.ID
	}
	headText, err := json.Marshal(head)
	if err != nil {
		return "", err
	}
	claimsText, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := encode(headText) + "." + encode(claimsText)
	signature, err := k.sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}

// Check reports whether the key goes with its algorithm. It does not sign: the private key may be far away.
func (k Key) Check() error {
	hash, known := hashOf(k.Algorithm)
	secret, symmetric := k.Private.([]byte)
	switch {
	case !known:
		return fmt.Errorf("%w: %q is not known", ErrKey, k.Algorithm)
	case symmetric && (k.Algorithm[0] != 'H' || len(secret) < hash.Size()): // RFC 7518 §3.2
		return ErrKey
	case symmetric:
		return nil
	}
	signer, ok := k.Private.(crypto.Signer)
	if !ok || isEmpty(signer) || !fits(signer.Public(), k.Algorithm) {
		return ErrKey
	}
	return nil
}

// isEmpty finds what would panic when it is asked for its public key.
func isEmpty(signer crypto.Signer) bool {
	if key, ok := signer.(ed25519.PrivateKey); ok {
		return len(key) != ed25519.PrivateKeySize
	}
	value := reflect.ValueOf(signer)
	return value.Kind() == reflect.Pointer && value.IsNil()
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func (k Key) sign(input []byte) ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	hash, _ := hashOf(k.Algorithm)
	if secret, ok := k.Private.([]byte); ok {
		return signHMAC(hash, secret, input), nil
	}
	signer := k.Private.(crypto.Signer) //nolint:errcheck,forcetypeassert // Check has looked
	if hash == 0 {                      // Ed25519 hashes by itself
		return signer.Sign(rand.Reader, input, hash)
	}
	digest := sum(hash, input)
	switch k.Algorithm[0] {
	case 'P':
		return signer.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	case 'E':
		der, err := signer.Sign(rand.Reader, digest, hash)
		if err != nil {
			return nil, err
		}
		return fixedLength(der, signer.Public().(*ecdsa.PublicKey)) //nolint:errcheck,forcetypeassert // fits has looked
	}
	return signer.Sign(rand.Reader, digest, hash)
}

// hashOf returns 0 for Ed25519, which has none of its own choice.
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

func fits(public crypto.PublicKey, alg string) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return (alg[0] == 'R' || alg[0] == 'P') && key.N != nil && key.N.BitLen() >= 2048 && // RFC 7518 §3.3
			(!fips140.Enforced() || key.N.BitLen()%2 == 0 && key.E > 1<<16) // FIPS 186-5 §5.1
	case *ecdsa.PublicKey:
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
		return curve != nil && key.Curve == curve
	case ed25519.PublicKey:
		return (alg == "EdDSA" || alg == "Ed25519") && len(key) == ed25519.PublicKeySize
	}
	return false
}

func signHMAC(hash crypto.Hash, secret, input []byte) []byte {
	mac := hmac.New(hash.New, secret)
	_, _ = mac.Write(input) // never fails
	return mac.Sum(nil)
}

func sum(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	_, _ = h.Write(input) // never fails
	return h.Sum(nil)
}

// fixedLength turns what crypto.Signer gives into R and S of the same length (RFC 7518 §3.4).
func fixedLength(der []byte, key *ecdsa.PublicKey) ([]byte, error) {
	var parts struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: the signer's signature cannot be read", ErrKey)
	}
	order := key.Curve.Params().N
	if parts.R.Sign() <= 0 || parts.S.Sign() <= 0 || parts.R.Cmp(order) >= 0 || parts.S.Cmp(order) >= 0 {
		return nil, fmt.Errorf("%w: the signer's signature cannot be one", ErrKey)
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	parts.R.FillBytes(signature[:size])
	parts.S.FillBytes(signature[size:])
	return signature, nil
}
