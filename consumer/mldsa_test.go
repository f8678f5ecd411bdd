//go:build mldsa && go1.27

package consumer_test

import (
	"crypto/mldsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// lattice signs tokens with a key of ML-DSA.
type lattice struct {
	alg     string
	private *mldsa.PrivateKey
}

func newLattice(t *testing.T, p mldsa.Parameters) lattice {
	t.Helper()
	private, err := mldsa.GenerateKey(p)
	if err != nil {
		t.Fatal(err)
	}
	return lattice{p.String(), private}
}

func (l lattice) jwk() map[string]any {
	pub := base64.RawURLEncoding.EncodeToString(l.private.PublicKey().Bytes())
	return map[string]any{"kty": "AKP", "kid": "pq", "alg": l.alg, "pub": pub}
}

func (l lattice) keys(t *testing.T) jwks.Static {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": []any{l.jwk()}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.ParseJWKS(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// sign replaces header and signature of a token. alg is what the header says.
func (l lattice) sign(t *testing.T, raw, alg string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(fmt.Appendf(nil, `{"typ":"at+jwt","kid":"pq","alg":%q}`, alg)) + "." + strings.Split(raw, ".")[1]
	signed, err := l.private.Sign(nil, []byte(input), nil)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signed)
}

// A token with an ML-DSA signature (RFC 9964) is verified if Config.Algorithms names the algorithm.
func TestMLDSATokens(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	names := []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}
	for _, p := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		signer := newLattice(t, p)
		cfg := consumer.Config{
			Issuer: issuer.URL(), Audience: []string{audience}, Keys: signer.keys(t), Algorithms: append(names, "ES256"),
		}
		c := newConsumer(t, cfg)
		raw := signer.sign(t, issuer.AccessToken().Sign(), signer.alg)
		if !remembers(t, c, raw) {
			t.Errorf("%s: the token is not cached", p)
		}
		if alg, _ := accept(t, c, raw).Header("alg"); alg != signer.alg {
			t.Errorf("the token has the algorithm %v, want %s", alg, signer.alg)
		}
		other := signer.sign(t, issuer.AccessToken().Sign(), signer.alg)
		reject(t, c, raw[:strings.LastIndexByte(raw, '.')]+other[strings.LastIndexByte(other, '.'):], consumer.ReasonSignature)
		reject(t, c, newLattice(t, p).sign(t, issuer.AccessToken().Sign(), signer.alg), consumer.ReasonSignature)
		reject(t, c, signer.sign(t, issuer.AccessToken().Sign(), "ES256"), consumer.ReasonAlgorithm)
		reject(t, c, signer.sign(t, issuer.AccessToken().Set("aud", "other").Sign(), signer.alg), consumer.ReasonAudience)
		for _, other := range names {
			if other != signer.alg {
				reject(t, c, signer.sign(t, issuer.AccessToken().Sign(), other), consumer.ReasonAlgorithm)
			}
		}

		// It is never a default, even if the key set has such a key.
		cfg.Algorithms = nil
		reject(t, newConsumer(t, cfg), raw, consumer.ReasonAlgorithm)
		cfg.Algorithms = []string{"ES256"}
		reject(t, newConsumer(t, cfg), raw, consumer.ReasonAlgorithm)
	}
}

// The keys of an issuer that changes to ML-DSA serve both algorithms, each for its own tokens.
func TestMLDSAMigration(t *testing.T) {
	t.Parallel()
	issuer, signer := newIssuer(), newLattice(t, mldsa.MLDSA65())
	joined := jwks.Join(publishedKeys(t, issuer), signer.keys(t))
	c := newConsumer(t, consumer.Config{
		Issuer: issuer.URL(), Audience: []string{audience}, Keys: joined, Algorithms: []string{"ES256", "ML-DSA-65"},
	})
	accept(t, c, issuer.AccessToken().Sign())
	accept(t, c, signer.sign(t, issuer.AccessToken().Sign(), "ML-DSA-65"))
	reject(t, c, signer.sign(t, issuer.AccessToken().Sign(), "ES256"), consumer.ReasonAlgorithm)
}

// A shared secret and a key of ML-DSA are different kinds of keys.
func TestMLDSAWithASecret(t *testing.T) {
	t.Parallel()
	secret, err := jwks.Secret([]byte(strings.Repeat("s", 32)), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = consumer.New(consumer.Config{
		Issuer: issuerURL, Audience: []string{audience}, Keys: secret, Algorithms: []string{"ML-DSA-44"},
	})
	if err == nil || !strings.Contains(err.Error(), `"ML-DSA-44" needs public keys in Keys`) {
		t.Errorf("got %v", err)
	}
}
