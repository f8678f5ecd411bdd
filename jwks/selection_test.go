package jwks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

// selection is a lookup and the keys that it returns, in their order.
type selection struct {
	kid, alg string
	want     []any
}

// selects makes a selection.
func selects(kid, alg string, want ...any) selection { return selection{kid, alg, want} }

// keySelection is a set of keys and what lookups in it return.
type keySelection struct {
	keys     []jwk
	lookups  []selection
	quirks   []string
	unusable int
}

// keySelections returns the selections, whose names begin with the case that they belong to.
func keySelections() map[string]keySelection {
	shared := "shared_kid in key kid (RFC 7517 section 4.5)"
	twice := "duplicate_key in key kid (RFC 7517 section 4.5)"
	fiveRSA := []jwk{
		public("", rsaKey()), public("", otherRSA()), public("", thirdRSA()), public("", fourthRSA()), public("", fifthRSA()),
	}
	return map[string]keySelection{
		"J3 one kid, several alg for one RSA key": {
			[]jwk{public("a", rsaKey()).with("alg", "RS256"), public("a", rsaKey()).with("alg", "PS256")},
			[]selection{selects("a", "RS256", rsaKey()), selects("a", "PS256", rsaKey()), selects("a", "RS512"), selects("", "PS256", rsaKey())},
			nil, 0,
		},
		"J3 one kid, several kty": {
			[]jwk{public("a", rsaKey()), public("a", p256()), public("a", ed()), public("b", otherEC())},
			[]selection{selects("a", "RS256", rsaKey()), selects("a", "ES256", p256()), selects("a", "EdDSA", ed()), selects("a", "ES384"), selects("b", "ES256", otherEC()), selects("b", "RS256")},
			nil, 0,
		},
		"J3 one kid, two keys of one type": {
			[]jwk{public("a", rsaKey()), public("a", otherRSA()), public("b", p256())},
			[]selection{selects("a", "RS256", rsaKey(), otherRSA()), selects("b", "RS256"), selects("b", "ES256", p256())},
			[]string{shared},
			0,
		},
		"J3 one kid, the alg of one key is unsupported": {
			[]jwk{public("a", rsaKey()).with("alg", "RSA-OAEP"), public("a", rsaKey()).with("alg", "RS256")},
			[]selection{selects("a", "RS256", rsaKey()), selects("a", "PS256")},
			nil, 1,
		},
		"J3 kids that differ in case": {
			[]jwk{public("a", rsaKey()), public("A", otherRSA())},
			[]selection{selects("a", "RS256", rsaKey()), selects("A", "RS256", otherRSA())},
			nil, 0,
		},
		"J4 identical keys": {
			[]jwk{public("a", rsaKey()), public("a", rsaKey()), public("b", p256())},
			[]selection{selects("a", "RS256", rsaKey()), selects("", "RS256", rsaKey())},
			[]string{twice},
			0,
		},
		"J4 one key with two certificates": {
			[]jwk{public("a", rsaKey()).with("x5c", []any{"A"}).with("x5t", "A"), public("a", rsaKey()).with("x5c", []any{"B"}).with("x5t", "B")},
			[]selection{selects("a", "RS256", rsaKey())},
			[]string{twice},
			0,
		},
		"J4 one key with and without alg": {
			[]jwk{public("a", rsaKey()).with("alg", "RS256"), public("a", rsaKey())},
			[]selection{selects("a", "RS256", rsaKey()), selects("a", "PS256", rsaKey())},
			nil, 0,
		},
		"J4 one key under two kids": {
			[]jwk{public("a", rsaKey()), public("b", rsaKey())},
			[]selection{selects("a", "RS256", rsaKey()), selects("b", "RS256", rsaKey()), selects("", "RS256", rsaKey())},
			nil, 0,
		},
		"J5 two kids, token without kid": {
			[]jwk{public("a", rsaKey()), public("b", p256()), public("c", otherRSA())},
			[]selection{selects("", "RS256", rsaKey(), otherRSA()), selects("", "ES256", p256()), selects("", "ES384")},
			nil, 0,
		},
		"J5 no kid anywhere": {
			[]jwk{public("", rsaKey()), public("", otherRSA()), public("", p256())},
			[]selection{selects("", "RS256", rsaKey(), otherRSA()), selects("x", "RS256", rsaKey(), otherRSA()), selects("x", "ES384")},
			[]string{shared},
			0,
		},
		"J5 kid of another key": {
			[]jwk{public("", rsaKey()), public("b", otherRSA())},
			[]selection{selects("b", "RS256", otherRSA()), selects("x", "RS256", rsaKey()), selects("", "RS256", rsaKey(), otherRSA())},
			nil, 0,
		},
		"J5 unknown kid, all keys have one": {
			[]jwk{public("a", rsaKey()), public("b", otherRSA())},
			[]selection{selects("x", "RS256")},
			nil, 0,
		},
		"J5 keys with their own algorithm": {
			[]jwk{public("", rsaKey()).with("alg", "RS256"), public("", otherRSA()).with("alg", "PS256"), public("", thirdRSA())},
			[]selection{selects("", "RS256", rsaKey(), thirdRSA()), selects("", "PS256", otherRSA(), thirdRSA()), selects("", "HS256"), selects("", "none")},
			[]string{shared},
			0,
		},
		"J5 more than four": {
			fiveRSA,
			[]selection{selects("", "RS256", rsaKey(), otherRSA(), thirdRSA(), fourthRSA()), selects("x", "PS384", rsaKey(), otherRSA(), thirdRSA(), fourthRSA())},
			[]string{shared},
			1,
		},
		"J10 EdDSA": {
			[]jwk{public("a", ed()).with("alg", "EdDSA")},
			[]selection{selects("a", "Ed25519", ed()), selects("a", "EdDSA", ed()), selects("", "Ed25519", ed()), selects("a", "ES256"), selects("a", "ed25519"), selects("a", "Ed448")},
			nil, 0,
		},
		"J10 Ed25519": {
			[]jwk{public("a", ed()).with("alg", "Ed25519")},
			[]selection{selects("a", "Ed25519", ed()), selects("a", "EdDSA", ed())},
			nil, 0,
		},
	}
}

func TestCaseJ3_OneKidForSeveralKeys(t *testing.T) {
	t.Parallel()
	wantKeySelections(t, "J3 ")
}

func TestCaseJ4_OneKeySeveralTimes(t *testing.T) {
	t.Parallel()
	wantKeySelections(t, "J4 ")
}

func TestCaseJ5_KeysWithoutKid(t *testing.T) {
	t.Parallel()
	wantKeySelections(t, "J5 ")
}

func TestCaseJ10_NamesOfEd25519(t *testing.T) {
	t.Parallel()
	wantKeySelections(t, "J10 ")
}

// wantKeySelections checks the selections of one case, in a fetched set and in a Static.
func wantKeySelections(t *testing.T, prefix string) {
	t.Helper()
	for name, tt := range keySelections() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				var seen refreshes
				i.serves(tt.keys...)
				r := i.remote(t, jwks.Config{OnRefresh: seen.hook})
				if err := r.Warm(t.Context()); err != nil {
					t.Fatal(err)
				}
				event := seen.last(t)
				if len(event.Unusable) != tt.unusable || event.Keys == 0 {
					t.Errorf("unusable keys %v, want %d", event.Unusable, tt.unusable)
				}
				var quirks []string
				for _, q := range event.Quirks {
					quirks = append(quirks, q.String())
				}
				if diff := cmp.Diff(tt.quirks, quirks); diff != "" {
					t.Errorf("quirks (-want +got):\n%s", diff)
				}
				wantSelections(t, r, tt.lookups)
				if tt.unusable == 0 {
					static, err := jwks.ParseJWKS([]byte(keySet(tt.keys...)))
					if err != nil {
						t.Fatal(err)
					}
					wantSelections(t, static, tt.lookups)
					wantSelections(t, jwks.Join(static), tt.lookups)
				}
			})
		})
	}
}

// wantSelections checks that s returns the keys of each lookup.
func wantSelections(t *testing.T, s jwks.Source, lookups []selection) {
	t.Helper()
	for _, l := range lookups {
		if len(l.want) == 0 {
			wantNoKey(t, s, l.kid, l.alg, jwks.ErrKeyNotFound)
			continue
		}
		wantKeys(t, s, l.kid, l.alg, l.want...)
	}
}

// Lookups allocate nothing, also if several keys fit.
func TestK1_KnownKeysCostNoAllocation(t *testing.T) { //nolint:paralleltest // allocations are counted
	var i issuer
	i.serves(public("1", rsaKey()), public("2", p256()), public("3", otherRSA()))
	r := i.remote(t, jwks.Config{})
	static, err := jwks.ParsePEM([]byte(pkix(rsaKey())+pkix(otherRSA())+pkix(p256())), "")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := jwks.Secret(make([]byte, 32), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, lookup := range []struct {
		source   jwks.Source
		kid, alg string
	}{
		{r, "1", "RS256"},
		{r, "", "ES256"},
		{r, "", "RS256"},
		{static, "x", "RS256"},
		{static, "", "ES256"},
		{jwks.Join(secret, r), "", "HS256"},
		{jwks.Join(secret, r), "2", "ES256"},
	} {
		n := testing.AllocsPerRun(100, func() {
			if _, err := lookup.source.Keys(ctx, lookup.kid, lookup.alg); err != nil {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("Keys(%q, %q) of a %T allocates %v times", lookup.kid, lookup.alg, lookup.source, n)
		}
	}
}

func TestCaseW4_ErrorOfALookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", rsaKey()), public("b", p256()))
		r := i.remote(t, jwks.Config{})
		static := jwks.Static{{ID: "a", Public: rsaKey()}}
		wantKey(t, r, "a", "RS256", rsaKey())
		pass(90_000_000_000)
		for _, tt := range []struct {
			source         jwks.Source
			kid, alg, want string
			cause          error
		}{
			{static, "x\n", "RS256", `no key has the token's kid "x\n" (1 key)`, jwks.ErrKeyNotFound},
			{static, "a", "ES256", `the keys for kid "a" do not serve the token's alg "ES256" (1 key)`, jwks.ErrAlgorithm},
			{static, "", "ES256", `no key serves the token's alg "ES256" (1 key)`, jwks.ErrAlgorithm},
			{static, strings.Repeat("x", 200), "RS256", `no key has the token's kid "` + strings.Repeat("x", 100) + `" (1 key)`, jwks.ErrKeyNotFound},
			{r, "a", "HS256", `the keys for kid "a" do not serve the token's alg "HS256" (2 keys fetched at 2000-01-01T00:00:00Z)`, jwks.ErrAlgorithm},
			{r, "x", "RS256", `no key has the token's kid "x" (2 keys fetched at 2000-01-01T00:01:30Z)`, jwks.ErrKeyNotFound},
			{jwks.Join(static, r), "y", "RS256", `no key has the token's kid "y" (3 keys fetched at 2000-01-01T00:01:30Z)`, jwks.ErrKeyNotFound},
		} {
			_, err := tt.source.Keys(t.Context(), tt.kid, tt.alg)
			found, ok := errors.AsType[*jwks.NotFoundError](err)
			if !ok {
				t.Fatalf("Keys(%q, %q): %v, want a NotFoundError", tt.kid, tt.alg, err)
			}
			if found.Detail() != tt.want || !errors.Is(err, tt.cause) || !errors.Is(err, jwks.ErrKeyNotFound) {
				t.Errorf("Keys(%q, %q): %v, want %s", tt.kid, tt.alg, err, tt.want)
			}
			if errors.Is(err, jwks.ErrAlgorithm) != errors.Is(tt.cause, jwks.ErrAlgorithm) {
				t.Errorf("Keys(%q, %q): %v matches ErrAlgorithm", tt.kid, tt.alg, err)
			}
		}
	})
}

func TestCaseW5_SetWithoutAUsableKey(t *testing.T) {
	t.Parallel()
	for want, keys := range map[string][]jwk{
		"the set has no usable key: the set is empty": nil,
		`the set has no usable key: 1 keys, all unusable: key 0 (kid "enc"): use is enc`: {
			public("enc", rsaKey()).with("use", "enc"),
		},
		`the set has no usable key: 5 keys, all unusable: key 0 (kid "1"): RSA modulus has 1024 bits, expected 2048 to 8192; ` +
			`key 1 (kid "` + strings.Repeat("k", 100) + `"): kty "XYZ" with crv "" is not supported; ` +
			`key 2 (kid ""): alg "RSA-OAEP" is not a supported algorithm of the key's type and curve; and 2 more`: {
			public("1", weakRSA()),
			{"kty": "XYZ", "kid": strings.Repeat("k", 200)},
			public("", rsaKey()).with("alg", "RSA-OAEP"),
			{},
			{},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var i issuer
			i.serves(keys...)
			r := i.remote(t, jwks.Config{})
			if err := r.Refresh(t.Context()); err == nil || err.Error() != "jwks: refresh: "+want {
				t.Errorf("Refresh: %v, want %s", err, want)
			}
			_, err := r.Keys(t.Context(), "1", "RS256")
			if !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), want) {
				t.Errorf("Keys: %v, want the same reasons", err)
			}
		})
	}
}

func TestCaseJ11_RedirectNamesTheField(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"https://elsewhere.example/keys", issuerURL + "/", "/keys2"} {
		synctest.Test(t, func(t *testing.T) {
			var i issuer
			i.says(301, "", "Location", location)
			r := i.remote(t, jwks.Config{})
			err := r.Refresh(t.Context())
			for _, part := range []string{fmt.Sprint(301), location, "jwks.Config.URL"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("Refresh: %v, want %q in it", err, part)
				}
			}
			wantFetches(t, &i, 1)
		})
	}
}
