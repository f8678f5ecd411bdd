package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

func FuzzParseJWKS(f *testing.F) {
	for _, tt := range badKeys {
		f.Add([]byte(tt.key().String()))
		f.Add([]byte(keySet(public("good", rsaKey()), tt.key())))
	}
	for _, key := range []any{rsaKey(), p256(), p384(), p521(), ed()} {
		f.Add([]byte(public("1", key).with("use", "sig").String()))
	}
	for _, text := range smallOrder {
		f.Add([]byte(public("", mustHex(text)).String()))
	}
	f.Add([]byte(public("", &rsa.PublicKey{N: rocaModulus(), E: 3}).String()))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := jwks.ParseJWKS(data)
		if (err == nil) != (len(s) > 0) {
			t.Fatalf("%d keys with error %v", len(s), err)
		}
		for _, k := range s {
			wantStrong(t, k)
			if len(k.ID) > 256 {
				t.Errorf("kid of %d bytes", len(k.ID))
			}
			if len(jwks.Static{k}.Algorithms()) == 0 {
				t.Errorf("%v serves nothing", k)
			}
		}
		if err := s.Validate(); err != nil && len(s) > 0 {
			t.Errorf("an accepted set is not valid: %v", err)
		}
	})
}

// wantStrong judges a key by other means than the package does.
func wantStrong(t *testing.T, k jwks.Key) {
	t.Helper()
	switch key := k.Public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 || key.N.Bit(0) == 0 || key.E < 3 || key.E&1 == 0 {
			t.Errorf("%v: RSA of %d bits, exponent %d", k, bits, key.E)
		}
	case *ecdsa.PublicKey:
		if _, err := key.ECDH(); err != nil {
			t.Errorf("%v: %v", k, err)
		}
	case ed25519.PublicKey:
		if len(key) != 32 || forgeable(key) {
			t.Errorf("%v: Ed25519 key %x", k, key)
		}
	default:
		t.Errorf("%v is a %T", k, key)
	}
}
