package jwks_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkix(key any) string {
	return pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key)))
}

// certificate is self-signed and has expired.
func certificate() (text string, key *ecdsa.PublicKey) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private))
	return pemOf("CERTIFICATE", der), &private.PublicKey
}

func TestParsePEM_PublicKeysAndCertificates(t *testing.T) {
	t.Parallel()
	cert, certified := certificate()
	pkcs1 := pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey()))
	tests := map[string]struct {
		text, alg, ask string
		want           any
	}{
		"RSA":              {pkix(rsaKey()), "", "PS512", rsaKey()},
		"RSA for RS256":    {pkix(rsaKey()), "RS256", "RS256", rsaKey()},
		"RSA, PKCS #1":     {pkcs1, "", "RS256", rsaKey()},
		"P-256":            {pkix(p256()), "", "ES256", p256()},
		"P-384":            {pkix(p384()), "ES384", "ES384", p384()},
		"P-521":            {pkix(p521()), "", "ES512", p521()},
		"Ed25519":          {pkix(ed()), "EdDSA", "EdDSA", ed()},
		"certificate":      {cert, "", "ES256", certified},
		"two":              {pkix(rsaKey()) + pkix(p256()), "", "ES256", p256()},
		"with a comment":   {"issuer's key\n" + pkix(rsaKey()) + "the end\n", "", "RS256", rsaKey()},
		"with Windows EOL": {strings.ReplaceAll(pkix(rsaKey()), "\n", "\r\n"), "", "RS256", rsaKey()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := jwks.ParsePEM([]byte(tt.text), tt.alg)
			if err != nil {
				t.Fatal(err)
			}
			wantKey(t, s, "any", tt.ask, tt.want)
			wantKey(t, s, "", tt.ask, tt.want)
			if tt.alg == "RS256" {
				wantNoKey(t, s, "any", "RS384", jwks.ErrAlgorithm)
			}
		})
	}
}

// During a rotation, a file has the old and the new key. Both are tried.
func TestCaseJ9_SeveralKeysInAFile(t *testing.T) {
	t.Parallel()
	cert, certified := certificate()
	for name, tt := range map[string]struct {
		text, alg, ask string
		want           []any
	}{
		"two RSA keys":               {pkix(rsaKey()) + pkix(otherRSA()), "", "RS256", []any{rsaKey(), otherRSA()}},
		"two for one algorithm":      {pkix(p256()) + pkix(otherEC()), "ES256", "ES256", []any{p256(), otherEC()}},
		"with a key of another type": {pkix(rsaKey()) + pkix(p256()) + pkix(otherRSA()), "", "PS256", []any{rsaKey(), otherRSA()}},
		"the same key twice":         {pkix(p256()) + pkix(otherEC()) + pkix(p256()), "", "ES256", []any{p256(), otherEC()}},
		"a key and its certificate":  {cert + pkix(certified), "ES256", "ES256", []any{certified}},
		"byte order mark":            {"\ufeff" + pkix(rsaKey()) + pkix(otherRSA()), "", "RS256", []any{rsaKey(), otherRSA()}},
		"JWKS":                       {keySet(public("", p256()), public("", otherEC())), "", "ES256", []any{p256(), otherEC()}},
		"JWKS, byte order mark":      {"\ufeff" + keySet(public("", p256()), public("", otherEC())), "ES256", "ES256", []any{p256(), otherEC()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := jwks.File(newKeyFile(t, tt.text).path, tt.alg)
			if err != nil {
				t.Fatal(err)
			}
			wantKeys(t, s, "any", tt.ask, tt.want...)
			wantKeys(t, s, "", tt.ask, tt.want...)
			wantNoKey(t, s, "any", "HS256", jwks.ErrAlgorithm)
		})
	}
}

// A fifth key for the same algorithm would never be tried, so it is an error.
func TestCaseJ9_FiveKeysInAFile(t *testing.T) {
	t.Parallel()
	four := pkix(rsaKey()) + pkix(otherRSA()) + pkix(thirdRSA()) + pkix(fourthRSA())
	for name, text := range map[string]string{"keys of two types": pkix(p256()) + four + pkix(otherEC()), "one key twice": four + pkix(rsaKey())} {
		if _, err := jwks.ParsePEM([]byte(text), ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := `jwks: key 4 {kid "" alg ""}: 4 other keys with the same kid and algorithm come first`
	if _, err := jwks.ParsePEM([]byte(four+pkix(fifthRSA())), ""); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	var secrets jwks.Static
	for _, letter := range []string{"a", "b", "c", "d", "e"} {
		secret, _ := newSecret(t, letter, "HS256")
		secrets = append(secrets, secret...)
	}
	if err := secrets[:4].Validate(); err != nil {
		t.Errorf("four secrets: %v", err)
	}
	if err := secrets.Validate(); err == nil {
		t.Error("five secrets: no error")
	}
}

// Two secrets are tried, too. Each has its own algorithm.
func TestCaseJ9_SeveralSecrets(t *testing.T) {
	t.Parallel()
	old, oldOctets := newSecret(t, "o", "HS256")
	renewed, renewedOctets := newSecret(t, "n", "HS256")
	longer, longerOctets := newSecret(t, "l", "HS512")
	for _, s := range []jwks.Source{slices.Concat(old, renewed, longer), jwks.Join(old, renewed, longer)} {
		wantKeys(t, s, "any", "HS256", oldOctets, renewedOctets)
		wantKey(t, s, "", "HS512", longerOctets)
		wantNoKey(t, s, "", "HS384", jwks.ErrAlgorithm)
		wantNoKey(t, s, "", "RS256", jwks.ErrAlgorithm)
	}
}

func TestParsePEM_Rejects(t *testing.T) {
	t.Parallel()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	pkcs8 := pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(private)))
	var x25519 *ecdh.PublicKey
	fips140.WithoutEnforcement(func() { x25519 = must(ecdh.X25519().GenerateKey(rand.Reader)).PublicKey() })
	tests := map[string]struct{ text, alg, says string }{
		"nothing":              {"", "", "no PEM"},
		"no PEM":               {"ssh-rsa AAAA", "", "no PEM"},
		"JWKS":                 {keySet(public("1", rsaKey())), "", "no PEM"},
		"private":              {pkcs8, "", "private key"},
		"private, encrypted":   {pemOf("ENCRYPTED PRIVATE KEY", nil), "", "private key"},
		"private, EC":          {pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(private))), "", "private key"},
		"private behind":       {pkix(rsaKey()) + pkcs8, "", "private key"},
		"a request":            {pemOf("CERTIFICATE REQUEST", nil), "", "not PUBLIC KEY"},
		"garbage inside":       {pemOf("PUBLIC KEY", []byte("garbage")), "", "block 0"},
		"second is garbage":    {pkix(rsaKey()) + pemOf("CERTIFICATE", []byte("garbage")), "", "block 1"},
		"cut off":              {pkix(rsaKey())[:200], "", "1 of 1"},
		"first cut off":        {pkix(rsaKey())[:200] + "\n" + pkix(p256()), "", "1 of 2"},
		"weak":                 {pkix(weakRSA()), "", "1024 bits"},
		"one weak of two":      {pkix(rsaKey()) + pkix(weakRSA()), "", "1024 bits"},
		"P-224":                {pkix(p224()), "", "curve"},
		"X25519":               {pkix(x25519), "", map[bool]string{false: "not a type of key", true: "X25519"}[fips140.Enforced()]},
		"alg of another type":  {pkix(rsaKey()), "ES256", "ES256"},
		"alg of another curve": {pkix(p256()), "ES384", "ES384"},
		"alg of one of two":    {pkix(rsaKey()) + pkix(p256()), "ES256", "ES256"},
		"alg HS256 (Attack2)":  {pkix(rsaKey()), "HS256", "HS256"},
		"alg unknown":          {pkix(rsaKey()), "RS1", "RS1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := jwks.ParsePEM([]byte(tt.text), tt.alg)
			if err == nil || s != nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "jwks: ") {
				t.Errorf("ParsePEM = %v, %v; want an error with %q", s, err, tt.says)
			}
		})
	}
}
