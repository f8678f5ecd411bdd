package jwks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/jwks"
)

// Inspect returns all keys of a document in their order, and uses the same ones as ParseJWKS and Remote.
func TestInspect(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	good := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(issuer.JWKS())), `{"keys":[`), `]}`)
	if strings.Contains(good, "keys") {
		t.Fatalf("unexpected form of a key set: %s", issuer.JWKS())
	}
	for _, test := range []struct {
		name, document string
		want           []string
	}{
		{"a set", `{"keys":[` + good + `]}`, []string{"es256-1 EC ES256 sig "}},
		{"a single JWK", good, []string{"es256-1 EC ES256 sig "}},
		{"an empty set", `{"keys":[]}`, nil},
		{
			"usable and unusable keys",
			`{"keys":[{"kty":"oct","k":"AA","kid":"a"},7,` + good + `,{"kty":"EC","use":"enc","kid":"b"},{"kty":"x","kid":1}]}`,
			[]string{"a oct   symmetric", "    malformed", "es256-1 EC ES256 sig ", "b EC  enc use", " x   malformed"},
		},
		{"a weak key", `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"w"}]}`, []string{"w RSA   weak"}},
	} {
		keys, _, err := jwks.Inspect([]byte(test.document))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var got []string
		for _, k := range keys {
			line := fmt.Sprintf("%s %s %s %s ", k.KeyID, k.Type, k.Algorithm, k.Use)
			if k.Unusable != nil {
				line += string(k.Unusable.Cause)
			}
			if (k.Unusable == nil) != (k.Key.Public != nil) {
				t.Errorf("%s: %v has a public key: %t", test.name, k, k.Key.Public != nil)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	for _, document := range []string{"", "<html>", "[]", `{"keys":{}}`, `{"keys":[` + strings.Repeat("1,", 1000) + "1]}"} {
		if keys, _, err := jwks.Inspect([]byte(document)); err == nil {
			t.Errorf("%.20q: %v, want an error", document, keys)
		}
	}
}

// A key that no token can select is not usable, as for Remote.
func TestInspect_UntriedKeys(t *testing.T) {
	t.Parallel()
	var keys []string
	for range 5 {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		keys = append(keys, strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(issuer.JWKS())), `{"keys":[`), `]}`))
	}
	got, deviations, err := jwks.Inspect([]byte(`{"keys":[` + strings.Join(keys, ",") + `]}`))
	if err != nil || len(got) != 5 || got[3].Unusable != nil || got[4].Unusable == nil || got[4].Unusable.Cause != jwks.FaultDuplicate {
		t.Errorf("%+v, %v", got, err)
	}
	if len(deviations) != 1 {
		t.Errorf("deviations %v, want the shared kid", deviations)
	}
}
