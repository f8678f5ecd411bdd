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

// generation is the keys that came into use together, made as they are asked for.
type generation struct {
	number int
	keys   map[string]any // by algorithm: a crypto.Signer, a []byte for HMAC, nil for an unknown algorithm
}

func (g *generation) key(alg string) any {
	key, made := g.keys[alg]
	if !made {
		key = generateKey(alg)
		g.keys[alg] = key
	}
	return key
}

func (g *generation) kid(alg string) string {
	return strings.ToLower(alg) + "-" + strconv.Itoa(g.number)
}

// Announce publishes the next keys while the present ones go on signing: the first step of a rotation that no API
// notices. A second Announce before Rotate does nothing.
func (i *Issuer) Announce() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.announce()
}

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

// Rotate signs with the next keys from now on: the announced ones, or new ones that are published in the same moment.
// The old keys stay published until Retire. A [Token] keeps the key it was made with.
func (i *Issuer) Rotate() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.current = i.announce()
}

// Retire withdraws every key that is older than the ones that sign now.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = slices.DeleteFunc(i.published, func(g *generation) bool { return g.number < i.current.number })
}

// Key returns the `kid` and the public key that belong to what alg is signed with now: an *rsa.PublicKey, an
// *ecdsa.PublicKey, an ed25519.PublicKey, or for HMAC the secret as a []byte. It is nil for an unknown algorithm.
// An algorithm that the issuer does not publish has a key, too.
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

// PEM returns the public key of alg as a PKIX "PUBLIC KEY" block. It is nil for HMAC and for an unknown algorithm.
func (i *Issuer) PEM(alg string) []byte {
	_, public := i.Key(alg)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// JWKS returns the key set as it is published now (RFC 7517 §5).
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
	document, _ := json.Marshal(map[string]any{"keys": keys}) // strings in maps always have a JSON text
	return document
}

// SetJWKS publishes document in place of the issuer's own key set, whatever it holds. Nil brings the own one back.
func (i *Issuer) SetJWKS(document []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.override = slices.Clone(document)
}

func (i *Issuer) signingKey(alg string) (kid string, key any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.current.kid(alg), i.current.key(alg)
}
