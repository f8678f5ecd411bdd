//go:build mldsa && go1.27

package jwks_test

import (
	"crypto/mldsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

func mldsaKey(t *testing.T, p mldsa.Parameters) *mldsa.PublicKey {
	t.Helper()
	private, err := mldsa.GenerateKey(p)
	if err != nil {
		t.Fatal(err)
	}
	return private.PublicKey()
}

func akp(kid string, public *mldsa.PublicKey) jwk {
	return jwk{"kid": kid, "kty": "AKP", "alg": public.Parameters().String(), "pub": b64(public.Bytes())}
}

// RFC 9964: a key of the type AKP serves exactly the algorithm that it names.
func TestMLDSAKeySets(t *testing.T) {
	t.Parallel()
	all := map[string]*mldsa.PublicKey{
		"ML-DSA-44": mldsaKey(t, mldsa.MLDSA44()), "ML-DSA-65": mldsaKey(t, mldsa.MLDSA65()), "ML-DSA-87": mldsaKey(t, mldsa.MLDSA87()),
	}
	var set []jwk
	for alg, public := range all {
		set = append(set, akp("of "+alg, public))
	}
	set = append(set, public("rsa", rsaKey()))
	keys, err := jwks.ParseJWKS([]byte(keySet(set...)))
	if err != nil {
		t.Fatal(err)
	}
	for alg, public := range all {
		for _, kid := range []string{"of " + alg, ""} {
			found, err := keys.Keys(t.Context(), kid, alg)
			if err != nil || len(found) != 1 || !public.Equal(found[0].Public) || found[0].Algorithm != alg {
				t.Errorf("kid %q, alg %s: %v, %v", kid, alg, found, err)
				continue
			}
			if !found[0].Equal(jwks.Key{ID: "of " + alg, Algorithm: alg, Public: public}) {
				t.Errorf("%s: the key does not equal itself", alg)
			}
		}
		for _, other := range []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "RS256", "ES256", "EdDSA"} {
			if found, _ := keys.Keys(t.Context(), "of "+alg, other); other != alg && len(found) > 0 {
				t.Errorf("a key of %s serves %s", alg, other)
			}
		}
	}
}

func TestMLDSAUnusableKeys(t *testing.T) {
	t.Parallel()
	good := mldsaKey(t, mldsa.MLDSA44())
	for name, test := range map[string]struct {
		key    jwk
		reject string // empty: usable
	}{
		"good":              {akp("1", good), ""},
		"padding":           {akp("1", good).with("pub", b64(good.Bytes())+"=="), ""},
		"use sig":           {akp("1", good).with("use", "sig"), ""},
		"crv":               {akp("1", good).with("crv", "P-256"), ""},
		"null members":      {akp("1", good).with("priv", json.RawMessage("null")).with("use", json.RawMessage("null")), ""},
		"no alg":            {akp("1", good).with("alg", nil), "alg"},
		"empty alg":         {akp("1", good).with("alg", ""), "alg"},
		"alg is a number":   {akp("1", good).with("alg", 44), "alg"},
		"alg in lower case": {akp("1", good).with("alg", "ml-dsa-44"), "alg"},
		"other alg":         {akp("1", good).with("alg", "ML-DSA-65"), "pub"},
		"RS256":             {akp("1", good).with("alg", "RS256"), "alg"},
		"SLH-DSA":           {akp("1", good).with("alg", "SLH-DSA-SHA2-128s"), "alg"},
		"no pub":            {akp("1", good).with("pub", nil), "pub"},
		"pub is cut":        {akp("1", good).with("pub", b64(good.Bytes()[1:])), "pub"},
		"pub is longer":     {akp("1", good).with("pub", b64(append(good.Bytes(), 0))), "pub"},
		"pub is a list":     {akp("1", good).with("pub", []string{"AA"}), "pub"},
		"use enc":           {akp("1", good).with("use", "enc"), "use"},
		"private key":       {akp("1", good).with("priv", b64(make([]byte, 32))), "private"},
		"kty OKP":           {akp("1", good).with("kty", "OKP"), "kty"},
		"kty in lower case": {akp("1", good).with("kty", "akp"), "kty"},
	} {
		_, err := jwks.ParseJWKS([]byte(keySet(test.key)))
		switch {
		case test.reject == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.reject != "" && (err == nil || !strings.Contains(err.Error(), test.reject)):
			t.Errorf("%s: got %v, want %q", name, err, test.reject)
		}
	}
}

// Keys may also come from a PEM document (RFC 9881).
func TestMLDSAInPEM(t *testing.T) {
	t.Parallel()
	public := mldsaKey(t, mldsa.MLDSA65())
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, alg := range []string{"", "ML-DSA-65"} {
		keys, err := jwks.ParsePEM(text, alg)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := keys.Keys(t.Context(), "any", "ML-DSA-65"); err != nil || len(found) != 1 {
			t.Errorf("alg %q: %v, %v", alg, found, err)
		}
		if found, err := keys.Keys(t.Context(), "any", "ML-DSA-44"); len(found) != 0 {
			t.Errorf("serves ML-DSA-44: %v, %v", found, err)
		}
	}
	if _, err := jwks.ParsePEM(text, "ML-DSA-44"); err == nil {
		t.Error("a key of ML-DSA-65 is accepted for ML-DSA-44")
	}
}
