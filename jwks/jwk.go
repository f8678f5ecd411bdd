package jwks

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/jwks/internal/jwk"
)

// parseKey reads one JWK (RFC 7517 §4). The second result is nil if the key is usable.
func parseKey(o compact.Object) (Key, *UnusableKey) {
	id, ok := o.OptionalText("kid")
	if !ok || len(id) > maxKeyID {
		return Key{}, &UnusableKey{Cause: FaultMalformed, Detail: "kid is not a string of at most 256 bytes"}
	}

	// The checks go from the cheap to the costly. Each returns the first fault only.
	key := Key{ID: strings.Clone(id)} // a substring would keep the whole document in memory
	if fault, detail := purposeFault(o); fault != "" {
		return Key{}, &UnusableKey{key.ID, fault, detail}
	}
	text, fault, detail := publicMembers(o)
	if fault != "" {
		return Key{}, &UnusableKey{key.ID, fault, detail}
	}
	var err error
	if key.Public, err = jwk.Parse(text); err != nil {
		return Key{}, &UnusableKey{key.ID, FaultMalformed, "the members do not form a public key"}
	}
	if detail := weakness(key.Public); detail != "" {
		return Key{}, &UnusableKey{key.ID, FaultWeak, detail}
	}
	if alg, present := o.Get("alg"); present { // an alg that is not a string remains empty, which fits no key
		key.Algorithm, _ = alg.Text()
		key.Algorithm = strings.Clone(key.Algorithm)
		if !fits(key.Public, key.Algorithm) {
			return Key{}, &UnusableKey{key.ID, FaultAlgorithm, "alg is not a supported algorithm of the key's type and curve"}
		}
	}
	return key, nil
}

// purposeFault rejects keys that are secret, and keys that are not for verifying signatures (RFC 7517 §4.2, §4.3). Secret
// keys come first, because the operator must be warned of them even if their use is wrong too.
func purposeFault(o compact.Object) (Fault, string) {
	if kty, _ := o.OptionalText("kty"); kty == "oct" {
		return FaultSymmetric, "the public key set contains a shared secret"
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518 §6.2.2, §6.3.2, §6.4.1
		if _, present := o.Get(private); present {
			return FaultPrivate, "the public key set contains a private key"
		}
	}
	// Both members are optional. A key without them serves any purpose.
	if use, present := o.Get("use"); present {
		if text, _ := use.Text(); text != "sig" {
			return FaultUse, "use is not sig"
		}
	}
	if ops, present := o.Get("key_ops"); present {
		if texts, _ := ops.Strings(); !slices.Contains(texts, "verify") {
			return FaultUse, "key_ops does not contain verify"
		}
	}
	return "", ""
}

// member is a member of a public key. Its decoded value has min to max bytes.
type member struct {
	name     string
	min, max int
}

// publicMembers returns a JWK with nothing but the members of a public key, after it has checked the form of each (RFC 7518
// §6, RFC 8037 §2). A key is trusted because of the set that contains it, so x5c, x5u and similar members are left out
// (RFC 7517 §4.6 to §4.9).
func publicMembers(o compact.Object) (text []byte, fault Fault, detail string) {
	kty, _ := o.OptionalText("kty")
	crv, _ := o.OptionalText("crv")
	// A coordinate has the full length of the field, with zeros in front (RFC 7518 §6.2.1.2). Crypto/rsa accepts no
	// exponent of more than 4 bytes.
	var members []member
	switch {
	case kty == "RSA":
		crv = ""                                               // an RSA key has no curve; a crv member has no meaning
		members = []member{{"n", 1, math.MaxInt}, {"e", 1, 4}} // weakness checks the size of n
	case kty == "EC" && crv == "P-256":
		members = []member{{"x", 32, 32}, {"y", 32, 32}}
	case kty == "EC" && crv == "P-384":
		members = []member{{"x", 48, 48}, {"y", 48, 48}}
	case kty == "EC" && crv == "P-521":
		members = []member{{"x", 66, 66}, {"y", 66, 66}}
	case kty == "OKP" && crv == "Ed25519":
		members = []member{{"x", 32, 32}}
	default:
		return nil, FaultType, "kty or crv is not supported"
	}

	// Only these members are passed on, in a text built here, so that nothing else in the published JWK can matter.
	text = fmt.Appendf(nil, `{"kty":%q,"crv":%q`, kty, crv)
	for _, m := range members {
		value, _ := o.OptionalText(m.name)
		octets, err := compact.DecodeSegment(value)
		if err != nil || len(octets) < m.min || len(octets) > m.max {
			return nil, FaultMalformed, m.name + " is missing, is not base64url, or has the wrong length"
		}
		text = fmt.Appendf(text, `,%q:%q`, m.name, value)
	}
	return append(text, '}'), "", ""
}
