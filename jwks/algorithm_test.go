package jwks_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

// everyAlgorithm is what tokens may ask for, wrongly or not.
var everyAlgorithm = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
	"HS256", "HS384", "HS512",
	"", "none", "nOnE", "rs256", "RS1", "ES256K", "Ed448", "RSA-OAEP", "A128KW", "dir",
}

func TestK14_J1_J2_Attack2_AlgorithmsOfAKey(t *testing.T) {
	t.Parallel()
	allRSA := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	tests := map[string]struct {
		key  jwks.Key
		want []string
	}{
		"RSA":               {jwks.Key{Public: rsaKey()}, allRSA},
		"RSA for PS384":     {jwks.Key{Public: rsaKey(), Algorithm: "PS384"}, []string{"PS384"}},
		"P-256":             {jwks.Key{Public: p256()}, []string{"ES256"}},
		"P-384":             {jwks.Key{Public: p384()}, []string{"ES384"}},
		"P-521":             {jwks.Key{Public: p521()}, []string{"ES512"}},
		"P-256 for ES384":   {jwks.Key{Public: p256(), Algorithm: "ES384"}, nil},
		"Ed25519":           {jwks.Key{Public: ed()}, []string{"EdDSA", "Ed25519"}},
		"Ed25519 for EdDSA": {jwks.Key{Public: ed(), Algorithm: "EdDSA"}, []string{"EdDSA", "Ed25519"}},
		"secret for HS256":  {jwks.Key{Public: make([]byte, 64), Algorithm: "HS256"}, []string{"HS256"}},
		"secret for RS256":  {jwks.Key{Public: make([]byte, 64), Algorithm: "RS256"}, nil},
		"RSA for HS256":     {jwks.Key{Public: rsaKey(), Algorithm: "HS256"}, nil},
		"short secret":      {jwks.Key{Public: make([]byte, 31), Algorithm: "HS256"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := jwks.Static{tt.key}
			var served []string
			for _, alg := range everyAlgorithm {
				if _, err := s.Keys(t.Context(), "", alg); err == nil {
					served = append(served, alg)
				} else {
					wantNoKey(t, s, "", alg, jwks.ErrAlgorithm)
				}
			}
			if diff := cmp.Diff(tt.want, served); diff != "" {
				t.Errorf("algorithms served (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(len(tt.want), len(s.Algorithms())); diff != "" {
				t.Errorf("Algorithms() = %v, want %v", s.Algorithms(), tt.want)
			}
		})
	}
}
