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
		return Key{}, &UnusableKey{key.ID, FaultMalformed, "the members make no public key"}
	}
	if detail := weakness(key.Public); detail != "" {
		return Key{}, &UnusableKey{key.ID, FaultWeak, detail}
	}
	if alg, present := o.Get("alg"); present {
		key.Algorithm, _ = alg.Text()
		key.Algorithm = strings.Clone(key.Algorithm)
		if !fits(key.Public, key.Algorithm) {
			return Key{}, &UnusableKey{key.ID, FaultAlgorithm, "alg is no supported algorithm of the key's type"}
		}
	}
	return key, nil
}

// purposeFault refuses keys that are secret, which comes first because the operator must know of it, and keys that are
// not for verifying signatures (RFC 7517 §4.2, §4.3).
func purposeFault(o compact.Object) (Fault, string) {
	if kty, _ := o.OptionalText("kty"); kty == "oct" {
		return FaultSymmetric, "a shared secret stands in a public key set"
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} { // RFC 7518 §6.2.2, §6.3.2, §6.4.1
		if _, present := o.Get(private); present {
			return FaultPrivate, "a private key stands in a public key set"
		}
	}
	if use, present := o.Get("use"); present {
		if text, _ := use.Text(); text != "sig" {
			return FaultUse, "use is not sig"
		}
	}
	if ops, present := o.Get("key_ops"); present {
		if texts, _ := ops.Strings(); !slices.Contains(texts, "verify") {
			return FaultUse, "key_ops does not hold verify"
		}
	}
	return "", ""
}

// member is a member of a public key, with the lengths that its decoded value may have.
type member struct {
	name     string
	min, max int
}

// publicMembers returns a JWK of nothing but the members of a public key, each checked for its form (RFC 7518 §6,
// RFC 8037 §2). Trust in a key comes from the set, so x5c, x5u and the like do not count (RFC 7517 §4.6 to §4.9).
func publicMembers(o compact.Object) (text []byte, fault Fault, detail string) {
	kty, _ := o.OptionalText("kty")
	crv, _ := o.OptionalText("crv")
	var members []member
	switch {
	case kty == "RSA":
		crv = ""
		members = []member{{"n", 1, math.MaxInt}, {"e", 1, 4}} // strength is judged later
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
	text = fmt.Appendf(nil, `{"kty":%q,"crv":%q`, kty, crv)
	for _, m := range members {
		value, _ := o.OptionalText(m.name)
		octets, err := compact.DecodeSegment(value)
		if err != nil || len(octets) < m.min || len(octets) > m.max {
			return nil, FaultMalformed, m.name + " is missing, no base64url, or of the wrong length"
		}
		text = fmt.Appendf(text, `,%q:%q`, m.name, value)
	}
	return append(text, '}'), "", ""
}
