package jwks_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

func TestS7_Attack37_SecretIsAsLongAsTheHash(t *testing.T) {
	t.Parallel()
	for alg, least := range map[string]int{"": 32, "HS256": 32, "HS384": 48, "HS512": 64} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			short := []byte(strings.Repeat("s", least-1))
			s, err := jwks.Secret(short, alg)
			if err == nil || s != nil {
				t.Errorf("Secret of %d bytes = %v, %v", least-1, s, err)
			}
			if err != nil && strings.Contains(err.Error(), string(short)) {
				t.Errorf("the secret is in the error: %v", err)
			}
			secret := append(short, 's')
			if s, err = jwks.Secret(secret, alg); err != nil {
				t.Fatal(err)
			}
			ask := "HS256"
			if alg != "" {
				ask = alg
			}
			wantKey(t, s, "any", ask, secret)
			wantKey(t, s, "", ask, secret)
			if diff := cmp.Diff([]string{ask}, s.Algorithms()); diff != "" {
				t.Errorf("Algorithms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAttack2_SecretServesOneAlgorithm(t *testing.T) {
	t.Parallel()
	s, err := jwks.Secret(make([]byte, 64), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range everyAlgorithm {
		if alg != "HS256" {
			wantNoKey(t, s, "1", alg, jwks.ErrAlgorithm)
		}
	}
	for _, alg := range []string{"RS256", "none", "hs256", "HS1"} {
		if s, err := jwks.Secret(make([]byte, 64), alg); err == nil {
			t.Errorf("Secret for %q = %v", alg, s)
		}
	}
}

// If a public key were used as a secret, everyone could sign.
func TestAttack2_PEMIsRejectedAsASecret(t *testing.T) {
	t.Parallel()
	text := pkix(p256())
	for _, secret := range []string{text, "# key\n" + text, "\ufeff" + text} {
		if s, err := jwks.Secret([]byte(secret), "HS256"); err == nil || strings.Contains(err.Error(), "MF") {
			t.Errorf("Secret of a public key = %v, %v", s, err)
		}
	}
	if s, err := jwks.File(newKeyFile(t, text).path, "HS256"); err == nil {
		t.Errorf("File of a public key as a secret = %v", s)
	}
}

func TestSecret_IsCopied(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("s", 32))
	s, err := jwks.Secret(secret, "HS256")
	if err != nil {
		t.Fatal(err)
	}
	secret[0] = 'x'
	wantKey(t, s, "", "HS256", []byte(strings.Repeat("s", 32)))
}

func TestStatic_ValidateChecksSecrets(t *testing.T) {
	t.Parallel()
	secret := make([]byte, 48)
	for alg, ok := range map[string]bool{"": false, "HS256": true, "HS384": true, "HS512": false, "RS256": false} {
		err := jwks.Static{{Algorithm: alg, Public: secret}}.Validate()
		if (err == nil) != ok {
			t.Errorf("a secret of 48 bytes for %q: %v", alg, err)
		}
	}
}
