package jwks

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks/internal/jwk"
	"github.com/bearerkit/bearerkit/quirk"
)

// parseKey reads one JWK (RFC 7517 §4). faults are those of members that o does not contain. The second result is nil if
// the key is usable.
func parseKey(o compact.Object, faults map[string]error) (parsedKey, *UnusableKey) {
	r := jwkReader{Object: o}
	id, ok := r.text("kid")
	if !ok || len(id) > maxKeyID {
		return parsedKey{}, &UnusableKey{Cause: FaultMalformed, Detail: "kid is not a string of at most 256 bytes"}
	}

	// The checks go from the cheap to the costly. Each returns the first fault only.
	key := Key{ID: strings.Clone(id), Issuer: r.issuer(faults)} // a substring would keep the whole document in memory
	if fault, detail := r.drop(faults); fault != "" {
		return parsedKey{}, &UnusableKey{key.ID, fault, detail}
	}
	if fault, detail := r.purposeFault(); fault != "" {
		return parsedKey{}, &UnusableKey{key.ID, fault, detail}
	}
	var fault Fault
	var detail string
	if key.Public, fault, detail = r.public(); fault != "" {
		return parsedKey{}, &UnusableKey{key.ID, fault, detail}
	}
	if detail := signature.Weakness(key.Public); detail != "" {
		return parsedKey{}, &UnusableKey{key.ID, FaultWeak, detail}
	}
	if alg, present := r.member("alg"); present { // an alg that is not a string remains empty, which fits no key
		key.Algorithm, _ = alg.Text()
		key.Algorithm = strings.Clone(key.Algorithm)
		if !fits(key.Public, key.Algorithm) {
			detail := fmt.Sprintf("alg %s is not a supported algorithm of the key's type and curve", quoted(key.Algorithm))
			return parsedKey{}, &UnusableKey{key.ID, FaultAlgorithm, detail}
		}
	}
	return parsedKey{key, strings.Clone(o.Raw()), r.quirks}, nil
}

// issuer returns Key.Issuer.
func (r *jwkReader) issuer(faults map[string]error) string {
	value, present := r.Get("issuer")
	text, ok := value.Text()
	switch {
	case faults["issuer"] != nil, present && !value.IsAbsent(compact.KindString) && !ok:
		return "?" // fits no issuer
	}
	return strings.Clone(text)
}

// purposeFault rejects keys that are secret, and keys that are not for verifying signatures (RFC 7517 §4.2, §4.3). Secret
// keys come first, because the operator must be warned of them even if their use is wrong too.
func (r *jwkReader) purposeFault() (Fault, string) {
	kty, _ := r.text("kty")
	for _, private := range r.privateMembers() {
		if _, present := r.member(private); !present {
			continue
		}
		if kty == "oct" {
			return FaultSymmetric, "the public key set contains a shared secret"
		}
		return FaultPrivate, "the public key set contains a private key"
	}
	// Both members are optional. A key without them serves any purpose. Other values than sig and enc are allowed for use.
	if use, present := r.member("use"); present {
		text, _ := use.Text()
		list, _ := use.Strings() // not allowed, but its meaning is clear
		switch {
		case strings.EqualFold(text, "enc"), slices.Contains(list, "enc") && !slices.Contains(list, "sig"):
			return FaultUse, "use is enc"
		case text != "sig":
			r.accept(quirk.UnknownUse, "use")
		}
	}
	if ops, present := r.member("key_ops"); present && !r.canVerify(ops) {
		return FaultUse, "key_ops does not contain verify"
	}
	return "", ""
}

// canVerify reports whether ops, the value of key_ops, contains verify. A string is treated as an array of one string.
func (r *jwkReader) canVerify(ops compact.Value) bool {
	texts, isList := ops.Strings()
	if !isList {
		r.accept(quirk.WrongType, "key_ops")
	}
	text, _ := ops.Text()
	return text == "verify" || slices.Contains(texts, "verify")
}

// public returns the public key. It does not check its strength.
func (r *jwkReader) public() (public any, fault Fault, detail string) {
	if kty, _ := r.text("kty"); kty == "AKP" {
		return r.postQuantum()
	}
	text, fault, detail := r.publicMembers()
	if fault != "" {
		return nil, fault, detail
	}
	public, err := jwk.Parse(text)
	if err != nil {
		return nil, FaultMalformed, "the members do not form a public key"
	}
	return public, "", ""
}

// postQuantum returns the key of a JWK with the type AKP, whose alg is required and selects the meaning of pub (RFC 9964).
// Package jwx does not know the type.
func (r *jwkReader) postQuantum() (public any, fault Fault, detail string) {
	alg, ok := r.text("alg")
	size := signature.PostQuantumKeySize(alg)
	switch {
	case !ok || size == 0:
		return nil, FaultAlgorithm, fmt.Sprintf("alg %s is not a supported algorithm of the type AKP", quoted(alg))
	case signature.Check(alg) != nil:
		return nil, FaultType, signature.Check(alg).Error()
	}
	octets, ok := r.octets("pub")
	if !ok || len(octets) != size {
		return nil, FaultMalformed, "pub is missing, is not base64url, or has the wrong length"
	}
	if public, err := signature.ParsePostQuantum(alg, octets); err == nil {
		return public, "", ""
	}
	return nil, FaultMalformed, "the members do not form a public key"
}

// parameter is a member of a public key.
type parameter struct {
	name string
	size int // of its value, in bytes; 0 for an RSA parameter, whose size is not fixed
}

// publicMembers returns a JWK with nothing but the members of a public key, in their canonical form (RFC 7518 §6, RFC 8037
// §2). A key is trusted because of the set that contains it, so x5c, x5u and similar members are left out (RFC 7517 §4.6 to
// §4.9).
func (r *jwkReader) publicMembers() (text []byte, fault Fault, detail string) {
	kty, _ := r.text("kty")
	crv, _ := r.text("crv")
	var parameters []parameter
	switch {
	case kty == "RSA":
		crv = "" // an RSA key has no curve; a crv member has no meaning
		parameters = []parameter{{"n", 0}, {"e", 0}}
	case kty == "EC" && crv == "P-256":
		parameters = []parameter{{"x", 32}, {"y", 32}}
	case kty == "EC" && crv == "P-384":
		parameters = []parameter{{"x", 48}, {"y", 48}}
	case kty == "EC" && crv == "P-521":
		parameters = []parameter{{"x", 66}, {"y", 66}}
	case kty == "OKP" && crv == "Ed25519":
		parameters = []parameter{{"x", 32}}
	default:
		return nil, FaultType, fmt.Sprintf("kty %s with crv %s is not supported", quoted(kty), quoted(crv))
	}

	// Only these members are passed on, in a text built here, so that nothing else in the published JWK can matter.
	text = fmt.Appendf(nil, `{"kty":%q,"crv":%q`, kty, crv)
	for _, p := range parameters {
		octets, ok := r.octets(p.name)
		if ok {
			octets, ok = r.canonical(kty, p, octets)
		}
		if !ok {
			return nil, FaultMalformed, p.name + " is missing, is not base64url, or has the wrong length"
		}
		text = fmt.Appendf(text, `,%q:%q`, p.name, base64.RawURLEncoding.EncodeToString(octets))
	}
	return append(text, '}'), "", ""
}

// maxExponentBytes is the maximum length of an RSA exponent. Crypto/rsa accepts no longer one.
const maxExponentBytes = 4

// canonical returns octets, the value of p, in the length that RFC 7518 §2 and §6 require. Some encoders write numbers with
// a leading zero octet, and coordinates without one.
func (r *jwkReader) canonical(kty string, p parameter, octets []byte) (canonical []byte, ok bool) {
	if kty == "OKP" { // RFC 8037 §2: a byte string, not a number
		return octets, len(octets) == p.size
	}
	number := octets
	for len(number) > 0 && number[0] == 0 {
		number = number[1:]
	}
	if p.size == 0 {
		if len(number) < len(octets) {
			r.accept(quirk.LeadingZero, p.name)
		}
		return number, len(number) > 0 && (p.name != "e" || len(number) <= maxExponentBytes)
	}
	if len(number) > p.size || len(octets) == 0 {
		return nil, false
	}
	if len(octets) != p.size {
		r.accept(quirk.CoordinateLength, p.name)
	}
	return append(make([]byte, p.size-len(number)), number...), true // Weakness checks that the point is on the curve
}
