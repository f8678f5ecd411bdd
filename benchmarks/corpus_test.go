package benchmarks_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/benchmarks/internal/issuer"
)

func algorithms() []string { return []string{"RS256", "PS256", "ES256", "EdDSA", "HS256"} }

// distinct is the number of tokens in a rotation. It is larger than the cache of path=first.
const distinct = 512

// corpus contains the tokens of one algorithm, which are the same for every library.
type corpus struct {
	trust  trust
	source *bearertest.Issuer
	minted []string
	mu     sync.Mutex // guards minted
}

// theIssuer runs until the process ends. All libraries are configured with it.
var theIssuer = sync.OnceValue(func() *issuer.Issuer {
	return issuer.Start("RS256", "PS256", "ES256", "EdDSA")
})

var corpora sync.Map // algorithm to *corpus

func corpusOf(alg string) *corpus {
	i := theIssuer()
	_, key := i.Key(alg)
	c, _ := corpora.LoadOrStore(alg, &corpus{
		trust:  trust{issuer: i.URL(), jwksURI: i.JWKSURI(), audience: issuer.Audience, alg: alg, key: key},
		source: i.Issuer,
	})
	return c.(*corpus)
}

func (c *corpus) token(n int) *bearertest.Token {
	return issuer.Token(c.source, n).Algorithm(c.trust.alg)
}

// good returns n distinct tokens.
func (c *corpus) good(n int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := len(c.minted); have < n {
		more := issuer.Mint(n-have, func(i int) string { return c.token(have + i).Sign() })
		c.minted = append(c.minted, more...)
	}
	return slices.Clone(c.minted[:n])
}

// forged returns a valid token with one flipped bit in its signature.
func (c *corpus) forged(int) []string {
	return []string{c.token(0).EditSignature(func(signature []byte) []byte {
		flipped := bytes.Clone(signature)
		flipped[0] ^= 1
		return flipped
	}).Sign()}
}

// malformed returns a valid token in which one character of the claims is not base64url.
func (c *corpus) malformed(int) []string {
	raw := c.good(1)[0]
	middle := strings.IndexByte(raw, '.') + 20
	return []string{raw[:middle] + "!" + raw[middle+1:]}
}

// foreign returns a token with a valid signature and another `iss`.
func (c *corpus) foreign(int) []string {
	return []string{c.token(0).Set("iss", "https://other.test").Sign()}
}

// keySet serves count ES256 keys and returns one token for each. With more than distinct keys, it returns distinct tokens whose
// keys are spread evenly over the set.
func keySet(tb testing.TB, count int) (trust, []string) {
	tb.Helper()
	i := issuer.Start("ES256")
	tb.Cleanup(i.Close)
	every := max(1, count/distinct)
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	var raws []string
	for n := range count {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(tb)
		kid := fmt.Sprintf("key-%04d", n)
		set.Keys = append(set.Keys, bearertest.JWK(kid, "ES256", key.Public()))
		if n%every == 0 {
			raws = append(raws, issuer.Token(i.Issuer, n).SignWith("ES256", key).SetHeader("kid", kid).Sign())
		}
	}
	i.SetJWKS(must(json.Marshal(set))(tb))
	return trust{issuer: i.URL(), jwksURI: i.JWKSURI(), audience: issuer.Audience, alg: "ES256", keys: count}, raws
}

func trustOf(c *corpus, way path) trust {
	t := c.trust
	t.cacheSize = way.cacheSize
	return t
}
