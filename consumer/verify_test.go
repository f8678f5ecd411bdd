package consumer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// areNamesOfEd25519 reports whether a and b are the two names of the same algorithm.
func areNamesOfEd25519(a, b string) bool {
	names := []string{"EdDSA", "Ed25519"}
	return slices.Contains(names, a) && slices.Contains(names, b)
}

func TestP5_P9_J1_J2_EveryAsymmetricAlgorithm(t *testing.T) {
	t.Parallel()
	a := theArena()
	for _, alg := range asymmetric {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t, a.issuer)
			cfg.Algorithms = []string{alg}
			only, all := newConsumer(t, cfg), newConsumer(t, offline(t, a.issuer))
			good := a.issuer.AccessToken().Algorithm(alg)
			accept(t, only, good.Sign())
			accept(t, all, good.Sign())
			accept(t, all, good.SetHeader("kid", bearertest.Absent).Sign()) // one key has this alg

			changed := swapClaims(good.Sign(), a.issuer.AccessToken().Set("sub", "mallory").Sign())
			reject(t, only, changed, consumer.ReasonSignature)
			for _, other := range asymmetric {
				if other != alg {
					foreign := a.issuer.AccessToken().Algorithm(other)
					reject(t, only, foreign.Sign(), consumer.ReasonAlgorithm)
					if !areNamesOfEd25519(alg, other) {
						reject(t, only, foreign.SetHeader("alg", alg).Sign(), consumer.ReasonAlgorithm)
					}
				}
			}
		})
	}
}

// swapClaims puts the claims of one token between header and signature of another.
func swapClaims(raw, from string) string {
	parts := strings.Split(raw, ".")
	parts[1] = strings.Split(from, ".")[1]
	return strings.Join(parts, ".")
}

func TestS7_J5_Attack37_SecretsServeOneAlgorithm(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("HS256", "HS384", "HS512")
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			_, key := issuer.Key(alg)
			secret, _ := key.([]byte)
			keys, err := jwks.Secret(secret, alg)
			if err != nil {
				t.Fatal(err)
			}
			c := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
			good := issuer.AccessToken().Algorithm(alg)
			accept(t, c, good.Sign())
			reject(t, c, good.EditSignature(flipped).Sign(), consumer.ReasonSignature)
			reject(t, c, issuer.AccessToken().Algorithm(alg).EditSignature(short).Sign(), consumer.ReasonSignature)
			reject(t, c, newIssuer(alg).AccessToken().Sign(), consumer.ReasonSignature)
			for _, other := range append([]string{"HS256", "HS384", "HS512"}, asymmetric...) {
				if other != alg {
					reject(t, c, issuer.AccessToken().SignWith("HS256", secret).SetHeader("alg", other).Sign(), consumer.ReasonAlgorithm)
				}
			}
			reject(t, c, issuer.AccessToken().SignWith("none", nil).Sign(), consumer.ReasonAlgorithm)
		})
	}
}

// A set that is fetched gives no secrets, not even to a consumer whose tokens are signed with one (RFC 8725bis §3.1).
func TestS6_J1_Attack2_Attack32_PublishedSecretVerifiesNothing(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("ES256", "HS256")
	kid, secret := issuer.Key("HS256")
	_, public := issuer.Key("ES256")
	publish(t, issuer, bearertest.JWK(kid, "HS256", secret), bearertest.JWK("es256-1", "ES256", public))
	c := newConsumer(t, online(issuer))
	accept(t, c, issuer.AccessToken().Sign())
	reject(t, c, issuer.AccessToken().Algorithm("HS256").Sign(), consumer.ReasonAlgorithm)
}

// ownRSA is a key of no issuer's, shared because making one takes time.
var ownRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	return key
})

// ownKey is a consumer of tokens that are signed with key.
func ownKey(t *testing.T, key jwks.Key) *consumer.Consumer {
	t.Helper()
	return newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: jwks.Static{key}})
}

// salted makes PSS signatures with a salt of any length, also of one that crypto/rsa makes none of in FIPS mode.
type salted struct {
	*rsa.PrivateKey
	salt int
}

func (s salted) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash := opts.HashFunc()
	salt := make([]byte, s.salt)
	em := new(big.Int).SetBytes(encodePSS(hash, digest, salt, s.N.BitLen()-1))
	signature := em.Exp(em, s.D, s.N).FillBytes(make([]byte, s.Size()))
	if err := rsa.VerifyPSS(&s.PublicKey, hash, digest, signature, nil); err != nil && !fips140.Enforced() {
		return nil, err
	}
	return signature, nil
}

// encodePSS is EMSA-PSS-ENCODE (RFC 8017 §9.1.1), after the hashing of the message.
func encodePSS(hash crypto.Hash, digest, salt []byte, bits int) []byte {
	h := sum(hash, make([]byte, 8), digest, salt)
	size := (bits + 7) / 8
	db := make([]byte, size-len(h)-1)
	db[len(db)-len(salt)-1] = 1
	copy(db[len(db)-len(salt):], salt)
	var mask []byte // MGF1 (RFC 8017 §B.2.1)
	for counter := byte(0); len(mask) < len(db); counter++ {
		mask = append(mask, sum(hash, h, []byte{0, 0, 0, counter})...)
	}
	subtle.XORBytes(db, db, mask)
	db[0] &= 0xff >> (8*size - bits)
	return slices.Concat(db, h, []byte{0xbc})
}

func sum(hash crypto.Hash, parts ...[]byte) []byte {
	h := hash.New()
	for _, part := range parts {
		_, _ = h.Write(part)
	}
	return h.Sum(nil)
}

func TestS7_Attack35_PSSSaltIsAsLongAsTheHash(t *testing.T) {
	t.Parallel()
	key := ownRSA()
	c := ownKey(t, jwks.Key{ID: "k", Public: key.Public()})
	issuer := newIssuer()
	for alg, size := range map[string]int{"PS256": 32, "PS384": 48, "PS512": 64} {
		longest := key.Size() - size - 2
		for _, salt := range []int{longest, 0, 1, 20, 31, 32, 33, 48, 64} {
			raw := issuer.AccessToken().SignWith(alg, salted{key, salt}).SetHeader("kid", "k").Sign()
			if salt == size {
				accept(t, c, raw)
				continue
			}
			reject(t, c, raw, consumer.ReasonSignature)
		}
	}
}

// A key that does not name its algorithm serves those of its type, each with its own way of padding.
func TestJ1_RSAKeyWithoutAlgorithm(t *testing.T) {
	t.Parallel()
	key := ownRSA()
	all := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	for _, named := range append([]string{""}, all...) {
		c := ownKey(t, jwks.Key{ID: "k", Algorithm: named, Public: key.Public()})
		for _, alg := range all {
			token := newIssuer().AccessToken().SignWith(alg, key).SetHeader("kid", "k")
			if named != "" && named != alg {
				reject(t, c, token.Sign(), consumer.ReasonAlgorithm)
				continue
			}
			accept(t, c, token.Sign())
			for _, other := range all {
				if other != alg && named == "" {
					reject(t, c, token.SetHeader("alg", other).Sign(), consumer.ReasonSignature)
				}
			}
		}
	}
}

// A key with an algorithm serves no other algorithm, even if the Source returns it.
func TestJ1_InvalidKeyOfACustomSource(t *testing.T) {
	t.Parallel()
	key := ownRSA()
	c := newConsumer(t, consumer.Config{
		Issuer: issuerURL, Audience: []string{audience},
		Keys: fixedSource{jwks.Key{ID: "k", Algorithm: "PS256", Public: key.Public()}, nil},
	})
	accept(t, c, newIssuer().AccessToken().SignWith("PS256", key).Sign())
	reject(t, c, newIssuer().AccessToken().SignWith("RS256", key).Sign(), consumer.ReasonAlgorithm)
	es, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	onAnotherCurve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c = newConsumer(t, consumer.Config{
		Issuer: issuerURL, Audience: []string{audience},
		Keys: fixedSource{jwks.Key{ID: "k", Public: onAnotherCurve.Public()}, nil},
	})
	accept(t, c, newIssuer().AccessToken().SignWith("ES384", onAnotherCurve).Sign())
	reject(t, c, newIssuer().AccessToken().SignWith("ES256", onAnotherCurve).Sign(), consumer.ReasonSignature)
	for _, public := range []any{es.Public(), key, *key.Public().(*rsa.PublicKey), "key", nil, []byte("secret")} {
		c := newConsumer(t, consumer.Config{
			Issuer: issuerURL, Audience: []string{audience}, Keys: fixedSource{jwks.Key{ID: "k", Public: public}, nil},
		})
		reject(t, c, newIssuer().AccessToken().SignWith("RS256", key).Sign(), consumer.ReasonSignature)
	}
	c = newConsumer(t, consumer.Config{
		Issuer: issuerURL, Audience: []string{audience}, Keys: fixedSource{jwks.Key{ID: "k", Public: key.Public()}, nil},
	})
	reject(t, c, newIssuer().AccessToken().Sign(), consumer.ReasonSignature)
	reject(t, c, newIssuer("EdDSA").AccessToken().Sign(), consumer.ReasonSignature)
}

// secretSource says that it serves HS256, and has whatever key.
type secretSource struct{ fixedSource }

func (secretSource) Algorithms() []string { return []string{"HS256", "ES256"} }

func TestJ5_Attack2_Attack37_SecretsOfACustomSource(t *testing.T) {
	t.Parallel()
	for _, public := range []any{[]byte("short"), []byte{}, ownRSA().Public(), string(make([]byte, 32)), nil} {
		secret, _ := public.([]byte)
		c := newConsumer(t, consumer.Config{
			Issuer: issuerURL, Audience: []string{audience}, Keys: secretSource{fixedSource{jwks.Key{Public: public}, nil}},
		})
		reject(t, c, newIssuer().AccessToken().SignWith("HS256", secret).Sign(), consumer.ReasonSignature)
		reject(t, c, newIssuer().AccessToken().Sign(), consumer.ReasonAlgorithm) // no public keys beside secrets
	}
}

// For each ECDSA signature there is a second one, with another S. Both are valid, and each is cached for itself.
func TestAttack10_HighSIsCachedAsAnotherToken(t *testing.T) {
	t.Parallel()
	var told journal
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.OnVerify = told.write
	c := newConsumer(t, cfg)
	raw := issuer.AccessToken().Sign()
	other := twin(t, raw)
	first, second := accept(t, c, raw), accept(t, c, other)
	if other == raw || first == second || first.ID() != second.ID() {
		t.Errorf("the two signatures verify as %q and %q", raw, other)
	}
	if told.last(t).Cached {
		t.Error("the token with the other signature was a cache hit")
	}
}

// twin replaces S by its negative (SEC 1 §4.1.4 accepts both).
func twin(t *testing.T, raw string) string {
	t.Helper()
	cut := strings.LastIndexByte(raw, '.') + 1
	signature := decodeSegment(t, raw[cut:])
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	return raw[:cut] + encodeSegment(signature)
}

// Of the texts that decode to one signature, one is taken: the last letter has bits that mean nothing.
func TestS1_Attack10_SignatureHasOneText(t *testing.T) {
	t.Parallel()
	issuer := theArena().issuer
	c := newConsumer(t, offline(t, issuer))
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, alg := range []string{"ES256", "ES384", "ES512", "RS256", "EdDSA"} {
		raw := issuer.AccessToken().Algorithm(alg).Sign()
		accept(t, c, raw) // is now cached
		accepted := 0
		for _, letter := range letters {
			if _, err := c.Verify(t.Context(), raw[:len(raw)-1]+string(letter)); err == nil {
				accepted++
			}
		}
		if accepted != 1 {
			t.Errorf("%s: %d spellings of one signature are accepted", alg, accepted)
		}
		for _, more := range []string{"=", "==", "\n", " ", "."} {
			reject(t, c, raw+more, consumer.ReasonMalformed)
		}
	}
}

func TestS7_J3_Attack34_WeakPublishedKeysVerifyNothing(t *testing.T) {
	t.Parallel()
	var weak *rsa.PrivateKey
	fips140.WithoutEnforcement(func() { weak, _ = rsa.GenerateKey(rand.Reader, 1024) })
	issuer := newIssuer()
	_, public := issuer.Key("ES256")
	offCurve := bearertest.JWK("off", "ES256", public)
	offCurve["y"] = offCurve["x"]
	publish(t, issuer, bearertest.JWK("weak", "RS256", weak.Public()), offCurve, bearertest.JWK("es256-1", "ES256", public))
	c := newConsumer(t, online(issuer))
	accept(t, c, issuer.AccessToken().Sign())
	var weakToken string
	fips140.WithoutEnforcement(func() {
		weakToken = issuer.AccessToken().SignWith("RS256", weak).SetHeader("kid", "weak").Sign()
	})
	reject(t, c, weakToken, consumer.ReasonUnknownKey)
	reject(t, c, issuer.AccessToken().SetHeader("kid", "off").Sign(), consumer.ReasonUnknownKey)
}

// A token without kid is tried with all keys that fit.
func TestS5_KidIsCaseSensitiveAndMayBeAbsent(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	withoutKid := issuer.AccessToken().SetHeader("kid", bearertest.Absent).Sign()
	accept(t, newConsumer(t, offline(t, issuer)), withoutKid)
	reject(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().SetHeader("kid", "ES256-1").Sign(),
		consumer.ReasonUnknownKey)
	issuer.Announce()
	two := newConsumer(t, offline(t, issuer))
	accept(t, two, withoutKid)
	accept(t, two, issuer.AccessToken().Sign())
}

func TestJ1_OnlyConfiguredAlgorithmsAreAccepted(t *testing.T) {
	t.Parallel()
	a := theArena()
	for _, list := range [][]string{{"ES256"}, {"RS256", "PS512"}, {"EdDSA"}, {"Ed25519", "ES384"}} {
		t.Run(strings.Join(list, "_")+"_"+strconv.Itoa(len(list)), func(t *testing.T) {
			t.Parallel()
			cfg := offline(t, a.issuer)
			cfg.Algorithms = list
			c := newConsumer(t, cfg)
			for _, alg := range asymmetric {
				if raw := a.issuer.AccessToken().Algorithm(alg).Sign(); slices.Contains(list, alg) {
					accept(t, c, raw)
				} else {
					reject(t, c, raw, consumer.ReasonAlgorithm)
				}
			}
		})
	}
}
