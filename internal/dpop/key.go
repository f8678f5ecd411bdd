package dpop

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/signature"
)

// publicKey is the public key of a proof, as text. All its values have only characters of base64url, or are constants,
// so that they need no escapes in JSON.
type publicKey struct {
	kty   string
	curve string    // crv; empty: the type has no curves
	alg   string    // only of a key of ML-DSA, whose thumbprint contains it
	texts [2]string // the values of the members that memberNames returns
}

const (
	// Lengths of an RSA modulus in base64url: 2048 to 8192 bits.
	minModulusText = (2048/8*4 + 2) / 3
	maxModulusText = (8192/8*4 + 2) / 3

	// maxExponentText is the length of an exponent of 4 bytes in base64url. Package crypto/rsa rejects longer ones.
	maxExponentText = 6
)

// readKey reads the public members of a JWK (RFC 7517) for the algorithm called alg. It checks their form only. Other
// members, such as kid, use, key_ops and ext, do not matter: the signature verifies that the sender has the private key,
// and the token is bound to the public members alone.
func readKey(jwk compact.Object, alg string) (publicKey, error) {
	for _, private := range [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, there := jwk.Get(private); there {
			return publicKey{}, reject("jwk contains a private or symmetric key")
		}
	}
	k, lengths, err := kindOf(jwk, alg)
	if err != nil {
		return publicKey{}, err
	}
	// alg of the jwk may be absent, null or empty, except for ML-DSA, whose thumbprint contains it.
	own, _ := jwk.Get("alg")
	absent := own.IsAbsent(compact.KindString) && k.alg == ""
	if text, ok := own.Text(); !absent && (!ok || text != alg && !signature.IsAlias(text, alg)) {
		return publicKey{}, reject("alg of jwk is not the alg of the header, " + quoted(alg))
	}
	// Only the lengths of canonical base64url are accepted, so that one key has one thumbprint.
	for i, name := range k.memberNames() {
		v, _ := jwk.Get(name)
		text, ok := v.Text()
		if !ok || len(text) < lengths[i].least || len(text) > lengths[i].most || !isBase64url(text) {
			return publicKey{}, reject(name + " of jwk is missing, is not base64url, or has the wrong length")
		}
		k.texts[i] = text
	}
	return k, nil
}

// span is the allowed length of a member in characters.
type span struct{ least, most int }

// kindOf returns a key without members, and the lengths of its members. The type and the curve must be those of alg (RFC
// 7518 section 6, RFC 8037 section 2, RFC 9964).
func kindOf(jwk compact.Object, alg string) (k publicKey, lengths [2]span, err error) {
	kty, _ := jwk.OptionalText("kty")
	crv, _ := jwk.OptionalText("crv")
	exactly := func(n int) [2]span { return [2]span{{n, n}, {n, n}} }
	postQuantum := (signature.PostQuantumKeySize(alg)*4 + 2) / 3
	switch alg {
	case "ES256":
		k, lengths = publicKey{kty: "EC", curve: "P-256"}, exactly(43)
	case "ES384":
		k, lengths = publicKey{kty: "EC", curve: "P-384"}, exactly(64)
	case "ES512":
		k, lengths = publicKey{kty: "EC", curve: "P-521"}, exactly(88)
	case "EdDSA", "Ed25519":
		k, lengths = publicKey{kty: "OKP", curve: "Ed25519"}, exactly(43)
	case "ML-DSA-44", "ML-DSA-65", "ML-DSA-87":
		k, lengths = publicKey{kty: "AKP", alg: alg}, exactly(postQuantum)
		crv = ""
	default: // RS* and PS*; a Checker allows no others
		k, lengths = publicKey{kty: "RSA"}, [2]span{{2, maxExponentText}, {minModulusText, maxModulusText}}
		crv = "" // an RSA key has no curve; a crv member has no meaning
	}
	if kty != k.kty || crv != k.curve {
		return k, lengths, reject("kty " + quoted(kty) + " with crv " + quoted(crv) + " of jwk does not fit alg " + quoted(alg))
	}
	return k, lengths, nil
}

// memberNames returns the names of the members that hold the key, in lexicographic order. Only constants are returned.
func (k *publicKey) memberNames() []string {
	switch k.kty {
	case "EC":
		return []string{"x", "y"}
	case "OKP":
		return []string{"x"}
	case "AKP":
		return []string{"pub"}
	}
	return []string{"e", "n"}
}

// thumbprint returns the SHA-256 thumbprint of k as a token contains it in cnf.jkt (RFC 9449 section 6.1): the hash of its
// required members, in lexicographic order and without white space (RFC 7638 section 3, RFC 9964). The values need no escapes,
// so the text is built without encoding/json.
func (k *publicKey) thumbprint() string {
	var buffer [1 << 10]byte
	b := append(buffer[:0], '{')
	member := func(name, value string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':', '"')
		b = append(b, value...)
		b = append(b, '"')
	}
	switch k.kty {
	case "EC":
		member("crv", k.curve)
		member("kty", "EC")
		member("x", k.texts[0])
		member("y", k.texts[1])
	case "OKP":
		member("crv", k.curve)
		member("kty", "OKP")
		member("x", k.texts[0])
	case "AKP":
		member("alg", k.alg)
		member("kty", "AKP")
		member("pub", k.texts[0])
	default:
		member("e", k.texts[0])
		member("kty", "RSA")
		member("n", k.texts[1])
	}
	hash := sha256.Sum256(append(b, '}'))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// errKey is deliberately short: a Detail has no part of the key.
var errKey = errors.New("the members of jwk do not form a public key")

// parse returns the key in the form that the standard library uses. It returns an error if the key is malformed or weak.
func (k *publicKey) parse() (any, error) {
	var octets [2][]byte
	for i := range k.memberNames() {
		var err error
		if octets[i], err = compact.DecodeSegment(k.texts[i]); err != nil {
			return nil, errKey
		}
	}
	public, err := k.form(octets)
	if err != nil {
		return nil, err
	}
	if weakness := signature.Weakness(public); weakness != "" {
		return nil, errors.New(weakness)
	}
	return public, nil
}

// form returns the key that has the decoded members, without a check of its strength.
func (k *publicKey) form(octets [2][]byte) (any, error) {
	switch k.kty {
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.curve]
		point := append([]byte{4}, append(octets[0], octets[1]...)...) // uncompressed (SEC 1 section 2.3.4)
		public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			return nil, errors.New("the point of jwk is not on its curve")
		}
		return public, nil
	case "OKP":
		return ed25519.PublicKey(octets[0]), nil
	case "AKP":
		return signature.ParsePostQuantum(k.alg, octets[0])
	}
	// A number has no leading zero octet (RFC 7518 section 2).
	if octets[0][0] == 0 || octets[1][0] == 0 {
		return nil, errKey
	}
	exponent := new(big.Int).SetBytes(octets[0])
	if exponent.BitLen() > 31 {
		return nil, errors.New("the RSA exponent of jwk has more than 31 bits")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(octets[1]), E: int(exponent.Int64())}, nil
}
