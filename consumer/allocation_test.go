package consumer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// bareCheck is what a signature costs by itself, with the standard library.
func bareCheck(public crypto.PublicKey, alg, input string, signature []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256([]byte(input))
		if strings.HasPrefix(alg, "PS") {
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		digest := sha256.Sum256([]byte(input))
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, digest[:], r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(input), signature)
	}
	return false
}

// allocations of one Verify that must end as expected.
func allocations(t *testing.T, v consumer.Verifier, raw string, want consumer.Reason) float64 {
	t.Helper()
	ctx := t.Context()
	if want == "" {
		accept(t, v, raw)
	} else {
		reject(t, v, raw, want)
	}
	return testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(ctx, raw); (err == nil) != (want == "") {
			t.Error(err)
		}
	})
}

// Verifying a new token costs little more than checking its signature. A forged token costs no more than a valid one,
// except for the error.
func TestAttack29_AllocationsOfAVerification(t *testing.T) { //nolint:paralleltest // allocations are counted
	const above = 10 // the bare check; 7 or 8 are needed
	a := theArena()
	cfg := offline(t, a.issuer)
	cfg.CacheSize = -1
	c := newConsumer(t, cfg)
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		draft := a.issuer.AccessToken().Algorithm(alg)
		raw := draft.Sign()
		end := strings.LastIndexByte(raw, '.')
		input, signature := raw[:end], decodeSegment(t, raw[end+1:])
		_, public := a.issuer.Key(alg)
		bare := testing.AllocsPerRun(100, func() {
			if !bareCheck(public, alg, input, signature) {
				t.Error("the signature is wrong")
			}
		})
		forged := draft.EditSignature(flipped).Sign()
		for name, v := range map[string]consumer.Verifier{"consumer": c, "group": g} {
			good := allocations(t, v, raw, "")
			bad := allocations(t, v, forged, consumer.ReasonSignature)
			t.Logf("%s in a %s: bare %v, good %v, forged %v", alg, name, bare, good, bad)
			if good-bare > above {
				t.Errorf("%s in a %s: %v allocations above the bare %v, want at most %v", alg, name, good-bare, bare, above)
			}
			if bad > good+2 {
				t.Errorf("%s in a %s: a forged token makes %v allocations, a good one %v", alg, name, bad, good)
			}
		}
	}
}

// A token that is rejected without a key costs very little, whatever is wrong with it.
func TestAttack30_AllocationsOfACheapRejection(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	good := issuer.AccessToken().Sign()
	for _, test := range []struct {
		name, raw string
		want      consumer.Reason
		ceiling   float64
	}{
		{"padding", good + "=", consumer.ReasonMalformed, 10},
		{"two parts", good[:strings.LastIndexByte(good, '.')], consumer.ReasonMalformed, 10},
		{"broken claims", issuer.AccessToken().EditClaims(with(`{"iss":"x",}`)).Sign(), consumer.ReasonMalformed, 10},
		{"four parts", good + ".", consumer.ReasonMalformed, 10},
		{"no token", "opaque", consumer.ReasonMalformed, 10},
		{"too long", strings.Repeat("x", 1<<20), consumer.ReasonTooLarge, 10},
		{"wrong issuer", issuer.AccessToken().Set("iss", "https://other.test").Sign(), consumer.ReasonIssuer, 10},
		{"wrong issuer and another header", issuer.AccessToken().Set("iss", "x").SetHeader("kid", "other").Sign(), consumer.ReasonIssuer, 10},
		{"broken signature", good + "AAA", consumer.ReasonMalformed, 10}, // which is found last
		{"wrong algorithm", issuer.AccessToken().SignWith("none", nil).Sign(), consumer.ReasonAlgorithm, 10},
	} {
		for name, v := range map[string]consumer.Verifier{"consumer": c, "group": g} {
			accept(t, v, good)
			got := allocations(t, v, test.raw, test.want)
			t.Logf("%s in a %s: %v", test.name, name, got)
			if got > test.ceiling {
				t.Errorf("%s in a %s: %v allocations, want at most %v", test.name, name, got, test.ceiling)
			}
		}
	}
}
