package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	for _, key := range []jwk{
		suffixed(public("1", rsaKey()), "n", "=="), prefixed(public("1", rsaKey()), "n", 1), prefixed(public("", p256()), "x", 1),
		public("1", shortX521()).with("use", "jwt-svid"), public("1", p256()).with("use", jwk(nil)).with("d", ""),
		public("1", ed()).with("alg", "Ed25519").with("key_ops", "verify"),
	} {
		f.Add([]byte(keySet(key, key, public("1", otherRSA()))))
		f.Add([]byte("\ufeff" + `{"x":1,"x":2,"keys":[{"x5t":"a","x5t":"\ud800",` + key.String()[1:] + `]}`))
	}
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
		for _, alg := range everyAlgorithm {
			for _, k := range s {
				keys, err := s.Keys(t.Context(), k.ID, alg)
				if (err == nil) != (len(keys) > 0) || len(keys) > 4 {
					t.Errorf("Keys(%q, %q): %d keys and error %v", k.ID, alg, len(keys), err)
				}
				for _, found := range keys {
					if found.ID != k.ID && k.ID != "" || len(jwks.Static{found}.Algorithms()) == 0 {
						t.Errorf("Keys(%q, %q) returned %v", k.ID, alg, found)
					}
				}
			}
		}
		if err := s.Validate(); err != nil && len(s) > 0 {
			t.Errorf("an accepted set is not valid: %v", err)
		}
	})
}

// Every file is either rejected or read as a snapshot that can be saved and read again.
func FuzzSnapshotFile(f *testing.F) {
	_, good := saved(f)
	f.Add([]byte(good))
	path := snapshotFile(f, "{}")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := jwks.SnapshotFile(path)
		data, err := s.Load(t.Context())
		if err != nil {
			if !cmp.Equal(data, jwks.SnapshotData{}) {
				t.Errorf("%+v comes with error %v", data, err)
			}
			return
		}
		if data.FetchedAt.IsZero() {
			t.Fatal("Load returned no data for a file")
		}
		if year := data.FetchedAt.Year(); year < 1 || year > 9999 || len(text) > 1<<20-1000 {
			return // at the bounds another spelling of the same does not fit
		}
		if err := s.Save(t.Context(), data); err != nil {
			t.Fatalf("what was loaded cannot be saved: %v", err)
		}
		again, err := s.Load(t.Context())
		if diff := cmp.Diff(data, again); err != nil || diff != "" {
			t.Errorf("loaded again: %v (-first +second):\n%s", err, diff)
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
