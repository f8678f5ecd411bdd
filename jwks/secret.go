package jwks

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/bearerkit/bearerkit/internal/signature"
)

// Secret returns a source of one shared secret for HMAC. alg is HS256, HS384 or HS512; empty means HS256. Secret copies
// the bytes. To accept an old and a new secret while they are exchanged, append the results or use [Join].
//
// A secret that is shorter than the hash (32, 48 or 64 bytes) is rejected (RFC 7518 §3.2). The secret must be random. A
// password of that length is not enough, because anyone who has a token can guess passwords and check each with the
// token (RFC 8725 §3.5). A PEM document is rejected, because everyone could sign with a public key that is used as a
// secret (RFC 8725 §2.1).
//
// Every program that can verify tokens with the secret can also create them.
func Secret(secret []byte, alg string) (Static, error) {
	alg = cmp.Or(alg, "HS256")
	if signature.SecretLength(alg) == 0 {
		return nil, fmt.Errorf("jwks: the algorithm for a secret is %q, expected HS256, HS384 or HS512", alg)
	}
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return nil, errors.New("jwks: the secret is a PEM document; use ParsePEM for public keys")
	}
	return Static{{Public: bytes.Clone(secret)}}.forAlgorithm(alg)
}
