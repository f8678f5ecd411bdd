package jwks_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

func TestStatic_SelectsByKid(t *testing.T) {
	t.Parallel()
	s := jwks.Static{
		{ID: "1", Public: rsaKey()},
		{ID: "2", Algorithm: "PS256", Public: otherRSA()},
		{Public: p256()},
		{Public: p384()},
	}
	wantKey(t, s, "1", "RS256", rsaKey())
	wantKey(t, s, "2", "PS256", otherRSA())
	wantNoKey(t, s, "2", "RS256", jwks.ErrAlgorithm)
	wantNoKey(t, s, "1", "ES256", jwks.ErrAlgorithm) // the kid selects this key and no other
	wantKey(t, s, "any", "ES256", p256())
	wantKey(t, s, "any", "ES384", p384())
	wantNoKey(t, s, "any", "RS256", jwks.ErrAlgorithm)
	wantKey(t, s, "", "RS256", rsaKey())
	wantKey(t, s, "", "ES256", p256())
	wantKeys(t, s, "", "PS256", rsaKey(), otherRSA())
}

func TestStatic_KeyWithIDRequiresItsKid(t *testing.T) {
	t.Parallel()
	s := jwks.Static{{ID: "1", Public: rsaKey()}}
	wantKey(t, s, "1", "RS256", rsaKey())
	wantKey(t, s, "", "RS256", rsaKey())
	wantNoKey(t, s, "2", "RS256", jwks.ErrKeyNotFound)
	if _, err := s.Keys(t.Context(), "2", "RS256"); errors.Is(err, jwks.ErrAlgorithm) {
		t.Errorf("an unknown kid is reported as %v", err)
	}
}

func TestCaseJ9_Static_TwoUnnamedKeysAreBothTried(t *testing.T) {
	t.Parallel()
	s := jwks.Static{{Public: rsaKey()}, {Public: otherRSA()}}
	wantKeys(t, s, "1", "RS256", rsaKey(), otherRSA())
	wantKeys(t, s, "", "RS256", rsaKey(), otherRSA())
}

func TestAttack2_Attack37_SecretsAndPublicKeysCannotBeMixed(t *testing.T) {
	t.Parallel()
	s := jwks.Static{{Public: rsaKey()}, {Algorithm: "HS256", Public: make([]byte, 32)}}
	if err := s.Validate(); err == nil {
		t.Error("Validate: no error")
	}
	for _, alg := range []string{"RS256", "HS256"} {
		wantNoKey(t, s, "", alg, jwks.ErrUnavailable)
	}
}

func TestStatic_WithoutKeysIsUnavailable(t *testing.T) {
	t.Parallel()
	wantNoKey(t, jwks.Static{}, "1", "RS256", jwks.ErrUnavailable)
	if err := (jwks.Static{}).Validate(); err == nil {
		t.Error("Validate: no error")
	}
}

func TestStatic_ValidateReportsAllFaults(t *testing.T) {
	t.Parallel()
	err := jwks.Static{
		{ID: "good", Public: rsaKey()},
		{ID: "weak", Public: weakRSA()},
		{ID: "curve", Public: p224()},
		{ID: "nil"},
		{ID: "value", Public: *rsaKey()},
		{ID: "alg", Algorithm: "ES256", Public: rsaKey()},
	}.Validate()
	want := []string{
		`jwks: key 1 {kid "weak" alg ""}: RSA modulus has 1024 bits, expected 2048 to 8192`,
		`jwks: key 2 {kid "curve" alg ""}: EC curve is not P-256, P-384 or P-521`,
		`jwks: key 3 {kid "nil" alg ""}: <nil> is not a type of key for signatures`,
		`jwks: key 4 {kid "value" alg ""}: rsa.PublicKey is not a type of key for signatures`,
		`jwks: key 5 {kid "alg" alg "ES256"}: "ES256" is not a supported algorithm of the key's type and curve`,
	}
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestParseJWKS_SetAndSingleKey(t *testing.T) {
	t.Parallel()
	single := public("1", rsaKey()).with("alg", "RS256")
	for _, text := range []string{single.String(), keySet(single), " \n" + keySet(single) + "\n"} {
		s, err := jwks.ParseJWKS([]byte(text))
		if err != nil {
			t.Errorf("ParseJWKS: %v", err)
		}
		wantKey(t, s, "1", "RS256", rsaKey())
		if err := s.Validate(); err != nil {
			t.Errorf("Validate: %v", err)
		}
	}
}

func TestParseJWKS_SkipsKeysForOtherUses(t *testing.T) {
	t.Parallel()
	s, err := jwks.ParseJWKS([]byte(keySet(public("1", rsaKey()), public("2", otherRSA()).with("use", "enc"))))
	if err != nil || len(s) != 1 {
		t.Errorf("ParseJWKS = %v, %v", s, err)
	}
}

func TestParseJWKS_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := jwks.ParseJWKS([]byte(keySet(
		public("good", rsaKey()),
		public("weak", weakRSA()),
		jwk{"kty": "oct", "kid": "secret", "k": b64(make([]byte, 32))},
		public("private", p256()).with("d", b64(make([]byte, 32))),
	)))
	want := []string{
		`jwks: key "weak": RSA modulus has 1024 bits, expected 2048 to 8192`,
		`jwks: key "secret": the public key set contains a shared secret`,
		`jwks: key "private": the public key set contains a private key`,
	}
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestParseJWKS_RejectsOtherDocuments(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{}", "[]", "null", `{"keys":[]}`, `{"keys":{}}`, "-----BEGIN PUBLIC KEY-----", "\ufeff\ufeff" + keySet(public("1", rsaKey())),
		keySet(public("1", rsaKey())) + "x", keySet(public("1", rsaKey()).with("use", "enc")),
		`{"keys":[` + strings.Replace(public("1", rsaKey()).String(), `{`, `{"kid":"2",`, 1) + `]}`,
	} {
		if s, err := jwks.ParseJWKS([]byte(text)); err == nil || s != nil {
			t.Errorf("ParseJWKS(%.40q) = %v, %v", text, s, err)
		}
	}
}
