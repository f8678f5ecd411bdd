package consumer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

func newEC(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signedBy returns a token with the given kid, which key has signed. Without a kid, kid is bearertest.Absent.
func signedBy(issuer *bearertest.Issuer, key crypto.Signer, kid any) string {
	return lasting(issuer).SignWith("ES256", key).SetHeader("kid", kid).Sign()
}

// A token is accepted if one of the keys that fit verifies it, and at most 4 keys are tried.
func TestCaseJ5_MatchingKeysAreTried(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var keys []*ecdsa.PrivateKey
	var named, unnamed []map[string]any
	for n := range 6 {
		key := newEC(t)
		keys = append(keys, key)
		named = append(named, bearertest.JWK(fmt.Sprint("k", n), "ES256", key.Public()))
		jwk := bearertest.JWK("", "ES256", key.Public())
		delete(jwk, "kid")
		unnamed = append(unnamed, jwk)
	}
	stranger := newEC(t)
	for name, tt := range map[string]struct {
		published []map[string]any
		kid       any
		accepted  int // of the keys, in their order
	}{
		"no kid in the token":           {named[:2], bearertest.Absent, 2},
		"empty kid":                     {named[:4], "", 4},
		"no kid, more keys than four":   {named, bearertest.Absent, 4},
		"no kid anywhere":               {unnamed[:3], bearertest.Absent, 3},
		"kid in the token only":         {unnamed[:2], "k0", 2},
		"kid in the token, six keys":    {unnamed, "other", 4},
		"kid of the first key":          {named, "k0", 1},
		"kid of no key":                 {named, "other", 0},
		"kids differ in case":           {named, "K0", 0},
		"one key with a kid, one not":   {append(unnamed[:1:1], named[1]), bearertest.Absent, 2},
		"kid that selects the unnamed":  {append(unnamed[:1:1], named[1]), "other", 1},
		"keys of another kind as well":  {append(unnamed[:2:2], bearertest.JWK("rs", "RS256", ownRSA().Public())), bearertest.Absent, 2},
		"one key for another algorithm": {append(unnamed[:2:2], jwkFor("RS256")), bearertest.Absent, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, err := json.Marshal(map[string]any{"keys": tt.published})
			if err != nil {
				t.Fatal(err)
			}
			static, err := jwks.ParseJWKS(document)
			published := newIssuer()
			published.SetJWKS(document)
			configs := []consumer.Config{online(published)}
			if err == nil { // more than 4 keys without a kid are an error here
				configs = append(configs, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: static})
			}
			for _, cfg := range configs {
				c := newConsumer(t, cfg)
				for n, key := range keys[:len(tt.published)] {
					raw := signedBy(issuer, key, tt.kid)
					if n < tt.accepted {
						accept(t, c, raw)
						accept(t, c, raw) // from the cache
						continue
					}
					if _, err := c.Verify(t.Context(), raw); !errors.Is(err, consumer.ErrInvalidToken) {
						t.Errorf("key %d: %v, want ErrInvalidToken", n, err)
					}
				}
				if _, err := c.Verify(t.Context(), signedBy(issuer, stranger, tt.kid)); !errors.Is(err, consumer.ErrInvalidToken) {
					t.Errorf("key of a stranger: %v, want ErrInvalidToken", err)
				}
			}
		})
	}
}

// jwkFor is a P-256 key without kid that claims to serve alg, which it cannot.
func jwkFor(alg string) map[string]any {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	jwk := bearertest.JWK("", alg, key.Public())
	delete(jwk, "kid")
	return jwk
}

// A custom Source may return too many keys, none, or keys of another algorithm.
func TestCaseJ5_KeysOfACustomSource(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var keys []*ecdsa.PrivateKey
	var public []jwks.Key
	for range 6 {
		key := newEC(t)
		keys, public = append(keys, key), append(public, jwks.Key{Public: key.Public()})
	}
	source := func(keys ...jwks.Key) consumer.Config {
		return consumer.Config{
			Issuer: issuerURL, Audience: []string{audience},
			Keys: keyFunc(func(string) ([]jwks.Key, error) { return keys, nil }),
		}
	}
	c := newConsumer(t, source(public...))
	for n, key := range keys {
		raw := signedBy(issuer, key, "any")
		if n < 4 {
			accept(t, c, raw)
			continue
		}
		reject(t, c, raw, consumer.ReasonSignature)
	}
	raw := signedBy(issuer, keys[0], "any")
	reject(t, newConsumer(t, source()), raw, consumer.ReasonUnknownKey)
	foreign := jwks.Key{Algorithm: "RS256", Public: keys[0].Public()}
	reject(t, newConsumer(t, source(foreign)), raw, consumer.ReasonAlgorithm)
	reject(t, newConsumer(t, source(foreign, public[1])), raw, consumer.ReasonSignature)
	accept(t, newConsumer(t, source(foreign, public[0])), raw)
}

// A cached token ends when its own key is removed, also if other keys fit.
func TestCaseJ5_Attack33_CachedTokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	old, renewed := newEC(t), newEC(t)
	both := jwks.Static{{Public: old.Public()}, {Public: renewed.Public()}}
	keys := &switchable{source: both}
	c := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
	first, second := signedBy(issuer, old, bearertest.Absent), signedBy(issuer, renewed, bearertest.Absent)
	if !remembers(t, c, first) || !remembers(t, c, second) {
		t.Fatal("the tokens were not cached")
	}
	keys.set(both[1:])
	reject(t, c, first, consumer.ReasonSignature)
	accept(t, c, second)
	keys.set(jwks.Static{both[1], both[0]})
	accept(t, c, first)
	if !remembers(t, c, second) {
		t.Error("the order of the keys matters")
	}
}

// The issuer replaces its key and keeps the kid, or uses no kids. The tokens of the new key are accepted at once.
func TestCaseJ8_ReplacedKeyIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kid    any
		named  bool
		joined bool
	}{
		"same kid": {"one", true, false}, "no kids": {bearertest.Absent, false, false}, "kid in the token": {"one", false, false},
		"no kid in the token": {bearertest.Absent, true, false}, "joined with a secret": {"one", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				n := newNetwork(issuer)
				serve := func(keys ...*ecdsa.PrivateKey) {
					var jwks []map[string]any
					for _, key := range keys {
						jwk := bearertest.JWK("one", "ES256", key.Public())
						if !tt.named {
							delete(jwk, "kid")
						}
						jwks = append(jwks, jwk)
					}
					publish(t, issuer, jwks...)
				}
				old, renewed := newEC(t), newEC(t)
				serve(old)
				cfg := online(issuer)
				cfg.HTTPClient = n.client()
				if tt.joined {
					remote, err := jwks.New(jwks.Config{URL: issuerURL + "/jwks", HTTPClient: n.client()})
					if err != nil {
						t.Fatal(err)
					}
					secret, err := jwks.Secret([]byte(strings.Repeat("s", 32)), "HS256")
					if err != nil {
						t.Fatal(err)
					}
					cfg.Keys = jwks.Join(secret, remote)
				}
				c := newConsumer(t, cfg)
				before := signedBy(issuer, old, tt.kid)
				accept(t, c, before)
				asked := n.asked()
				serve(renewed)
				accept(t, c, before) // the key is in use until the set is read again
				after := signedBy(issuer, renewed, tt.kid)
				accept(t, c, after)
				reject(t, c, before, consumer.ReasonSignature)
				accept(t, c, after)
				if got := n.asked() - asked; got > 2 {
					t.Errorf("%d requests, want one for each key without success", got)
				}

				serve(old, renewed)
				time.Sleep(10 * time.Second) // MinRefetch
				accept(t, c, before)
				accept(t, c, after)
			})
		})
	}
}

// Forged signatures cause no more fetches than unknown kids do.
func TestCaseJ8_Attack29_ForgedSignaturesCauseFewFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		raw := lasting(issuer).Sign()
		accept(t, c, raw)
		before := n.asked()
		draft, unknown := unsignedDraft(issuer), unsignedDraft(issuer)
		for i := range 600 { // a minute
			forged, err := c.Verify(t.Context(), draft.Set("jti", fmt.Sprint(i)).Sign())
			wantError(t, forged, err, "", consumer.ReasonSignature)
			forged, err = c.Verify(t.Context(), unknown.SetHeader("kid", fmt.Sprint(i)).Sign())
			wantError(t, forged, err, "", consumer.ReasonUnknownKey)
			time.Sleep(100 * time.Millisecond)
		}
		if asked := n.asked() - before; asked > 3+6 {
			t.Errorf("%d requests in a minute, want 3 and one in 10 s", asked)
		}
		// An outage does not turn the rejection of a forged token into a 503.
		n.fail(true)
		time.Sleep(time.Minute)
		forged, err := c.Verify(t.Context(), draft.Sign())
		wantError(t, forged, err, "", consumer.ReasonSignature)
		accept(t, c, raw)
	})
}

// While keys migrate, one issuer signs with a shared secret and with published keys.
func TestCaseT17_SecretAndPublishedKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer("ES256", "HS256", "RS256")
		n := newNetwork(issuer)
		remote, err := jwks.New(jwks.Config{URL: issuerURL + "/jwks", HTTPClient: n.client()})
		if err != nil {
			t.Fatal(err)
		}
		_, key := issuer.Key("HS256")
		octets, _ := key.([]byte)
		secret, err := jwks.Secret(octets, "HS256")
		if err != nil {
			t.Fatal(err)
		}
		_, public := issuer.Key("RS256")
		cfg := consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: jwks.Join(secret, remote)}
		c := newConsumer(t, cfg)
		for _, alg := range []string{"HS256", "ES256", "RS256"} {
			good := lasting(issuer).Algorithm(alg)
			if !remembers(t, c, good.Sign()) {
				t.Errorf("%s: not cached", alg)
			}
			accept(t, c, good.SetHeader("kid", bearertest.Absent).Sign())
			reject(t, c, good.EditSignature(flipped).Sign(), consumer.ReasonSignature)
		}
		// A public key is never used as a secret (RFC 8725 section 2.1), and each secret has one algorithm.
		jwk, err := json.Marshal(bearertest.JWK("rs256-1", "RS256", public))
		if err != nil {
			t.Fatal(err)
		}
		for _, known := range [][]byte{issuer.PEM("RS256"), jwk} {
			forged := lasting(issuer).Algorithm("RS256").SignWith("HS256", known)
			reject(t, c, forged.Sign(), consumer.ReasonSignature)
			reject(t, c, forged.SetHeader("kid", "es256-1").Sign(), consumer.ReasonSignature)
		}
		reject(t, c, lasting(issuer).SignWith("HS512", octets).Sign(), consumer.ReasonAlgorithm)
		reject(t, c, lasting(issuer).SignWith("none", nil).Sign(), consumer.ReasonAlgorithm)

		// Config.Algorithms may name both kinds, and is still a limit.
		cfg.Algorithms = []string{"HS256", "ES256"}
		limited := newConsumer(t, cfg)
		accept(t, limited, lasting(issuer).Algorithm("HS256").Sign())
		accept(t, limited, lasting(issuer).Sign())
		reject(t, limited, lasting(issuer).Algorithm("RS256").Sign(), consumer.ReasonAlgorithm)

		if h := c.Health(); !h.Ready || h.Keys.Keys != 3 {
			t.Errorf("Health = %+v", h)
		}
		n.fail(true)
		time.Sleep(25 * time.Hour)
		accept(t, c, lasting(issuer).Algorithm("HS256").Sign())
		reject(t, c, lasting(issuer).Sign(), consumer.ReasonKeysUnavailable)
		if h := c.Health(); h.Ready {
			t.Error("ready without the published keys")
		}
	})
}

// Without Join, secrets and public keys cannot be mixed.
func TestCaseT17_OnlyJoinMixesKinds(t *testing.T) {
	t.Parallel()
	secret, err := jwks.Secret(make([]byte, 32), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	public := jwks.Static{{Public: ownRSA().Public()}}
	for name, tt := range map[string]struct {
		keys       jwks.Source
		algorithms []string
		want       string
	}{
		"in one Static":             {append(secret, public...), nil, "both secrets and public keys"},
		"RS256 for a secret":        {secret, []string{"HS256", "RS256"}, `"RS256" needs public keys`},
		"HS256 for public keys":     {public, []string{"HS256", "RS256"}, `"HS256" needs a shared secret`},
		"HS256 for a published set": {nil, []string{"HS256", "RS256"}, `"HS256" needs a shared secret`},
		"RS256 for joined secrets":  {jwks.Join(secret, secret), []string{"RS256"}, `"RS256" needs public keys`},
		"HS256 for joined keys":     {jwks.Join(public, public), []string{"HS256"}, `"HS256" needs a shared secret`},
		"mixed in one of them":      {jwks.Join(append(secret, public...), public), nil, "both secrets and public keys"},
		"nil in Join":               {jwks.Join(secret, nil), nil, "source 1 of Join is nil"},
	} {
		_, err := consumer.New(consumer.Config{
			Issuer: issuerURL, Audience: []string{audience}, Keys: tt.keys, Algorithms: tt.algorithms,
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// EdDSA and Ed25519 name the same algorithm. The deviation is reported once, and only for a good token.
func TestCaseJ10_NamesOfEd25519(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	alias := []quirk.Quirk{{Name: quirk.AlgorithmAlias, Place: "header alg", RFC: "RFC 9864 section 2.2"}}
	for _, tt := range []struct {
		key, token string
		quirks     []quirk.Quirk
	}{
		{"EdDSA", "Ed25519", alias}, {"Ed25519", "EdDSA", alias}, {"EdDSA", "EdDSA", nil}, {"", "Ed25519", nil},
	} {
		c := newConsumer(t, consumer.Config{
			Issuer: issuerURL, Audience: []string{audience}, Keys: jwks.Static{{ID: "k", Algorithm: tt.key, Public: public}},
		})
		draft := func() *bearertest.Token { return lasting(issuer).SignWith(tt.token, private).SetHeader("kid", "k") }
		reject(t, c, draft().EditSignature(flipped).Sign(), consumer.ReasonSignature)
		if got := c.Health().Quirks; len(got) > 0 {
			t.Errorf("quirks of a forged token: %v", got)
		}
		accept(t, c, draft().Sign())
		if diff := cmp.Diff(tt.quirks, c.Health().Quirks); diff != "" {
			t.Errorf("key %q, token %q: quirks (-want +got):\n%s", tt.key, tt.token, diff)
		}
		reject(t, c, lasting(issuer).SetHeader("kid", "k").Sign(), consumer.ReasonAlgorithm)
	}
}
