package jwks

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
)

// Secret returns a source of one shared secret for HMAC. alg is HS256, HS384 or HS512; empty means HS256. A secret
// shorter than the hash (32, 48, 64 bytes) is refused (RFC 7518 §3.2). It must be random: a password of that length is
// no secret, for anybody who has a token can try passwords on it (RFC 8725 §3.5). A PEM document is refused: a public key
// taken for a secret lets everybody sign (RFC 8725 §2.1). The bytes are copied.
//
// Whoever can verify tokens with a secret can issue them too.
func Secret(secret []byte, alg string) (Static, error) {
	alg = cmp.Or(alg, "HS256")
	if secretLength(alg) == 0 {
		return nil, fmt.Errorf("jwks: %q is not HS256, HS384 or HS512, so it does not go with a secret", alg)
	}
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return nil, errors.New("jwks: a PEM document is no secret")
	}
	return Static{{Public: bytes.Clone(secret)}}.forAlgorithm(alg)
}
