package bearertest

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strconv"
	"strings"
)

// generation contains the keys between two rotations, one for each algorithm. Each key is generated on first use.
type generation struct {
	number int
	keys   map[string]any // by algorithm: a crypto.Signer, a []byte for HMAC, nil for an unknown algorithm
}

// key returns the key for alg. It generates the key on first use. The caller must hold Issuer.mu.
func (g *generation) key(alg string) any {
	key, made := g.keys[alg]
	if !made {
		key = generateKey(alg)
		g.keys[alg] = key
	}
	return key
}

// kid returns the key id for alg, such as "rs256-1".
func (g *generation) kid(alg string) string {
	return strings.ToLower(alg) + "-" + strconv.Itoa(g.number)
}

// Announce publishes the next keys, but still signs with the current ones. It is the first step of a rotation without
// interruption. A second Announce before Rotate does nothing.
func (i *Issuer) Announce() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.announce()
}

// announce returns the generation after the current one, and publishes it if it is not published yet. The caller must
// hold i.mu.
func (i *Issuer) announce() *generation {
	newest := len(i.published) - 1
	if newest >= 0 && i.published[newest] != i.current {
		return i.published[newest]
	}
	next := &generation{number: 1, keys: make(map[string]any)}
	if i.current != nil {
		next.number = i.current.number + 1
	}
	i.published = append(i.published, next)
	return next
}

// Rotate makes the next keys the current ones: the announced keys, or new keys, which it also publishes. The old keys stay
// published until Retire. A [Token] keeps the key that was current when it was created.
func (i *Issuer) Rotate() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.current = i.announce()
}

// Retire stops publishing all keys that are older than the current ones.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = slices.DeleteFunc(i.published, func(g *generation) bool { return g.number < i.current.number })
}

// Key returns the `kid` and the public key of the current key for alg: an *rsa.PublicKey, an *ecdsa.PublicKey, an
// ed25519.PublicKey, or for HMAC the secret as a []byte. public is nil for an unknown algorithm. An algorithm whose keys are
// not published also has a key.
func (i *Issuer) Key(alg string) (kid string, public any) {
	kid, key := i.signingKey(alg)
	switch key := key.(type) {
	case crypto.Signer:
		return kid, key.Public()
	case []byte:
		return kid, slices.Clone(key)
	default:
		return kid, nil
	}
}

// PEM returns the current public key for alg as a PKIX "PUBLIC KEY" block. It returns nil for HMAC and for an unknown
// algorithm.
func (i *Issuer) PEM(alg string) []byte {
	_, public := i.Key(alg)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// JWKS returns the published key set (RFC 7517 section 5).
func (i *Issuer) JWKS() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.override != nil {
		return slices.Clone(i.override)
	}
	keys := make([]map[string]any, 0, len(i.published)*len(i.algorithms))
	for _, g := range i.published {
		for _, alg := range i.algorithms {
			if signer, ok := g.key(alg).(crypto.Signer); ok {
				keys = append(keys, JWK(g.kid(alg), alg, signer.Public()))
			}
		}
	}
	document, _ := json.Marshal(map[string]any{"keys": keys}) // maps of strings can always be encoded
	return document
}

// SetJWKS publishes document in place of the key set. It may contain anything. Nil restores the key set of the issuer.
func (i *Issuer) SetJWKS(document []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.override = slices.Clone(document)
}

// signingKey returns the current key for alg and its `kid`. key is nil for an unknown algorithm.
func (i *Issuer) signingKey(alg string) (kid string, key any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.current.kid(alg), i.current.key(alg)
}
