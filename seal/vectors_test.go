package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/testkit/fips"
	"github.com/bearerkit/bearerkit/seal"
)

// vectors are sealed values that a program in another language has made from the published format. Bind has the parts of
// Binding, if it has parts.
type vectors struct {
	Keys    map[string]string
	Vectors []struct {
		Name      string
		KeyID     string `json:"key_id"`
		Bind      []string
		Binding   string
		Plaintext string
		Sealed    []byte
	}
}

func readVectors(t testing.TB) (vectors, []seal.Key) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil || len(v.Vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(v.Vectors), err)
	}
	var keys []seal.Key
	for id, secret := range v.Keys {
		key, err := seal.ParseKey(id + ":" + secret)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return v, keys
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	t.Parallel()
	v, keys := readVectors(t)
	ring := newRing(t, keys...)
	for _, vector := range v.Vectors {
		binding := unhex(t, vector.Binding)
		if vector.Bind != nil && !bytes.Equal(seal.Bind(vector.Bind...), binding) {
			t.Errorf("%s: Bind returns %x, want %x", vector.Name, seal.Bind(vector.Bind...), binding)
		}
		got, err := ring.Open(t.Context(), vector.Sealed, binding)
		if err != nil || !bytes.Equal(got, unhex(t, vector.Plaintext)) {
			t.Errorf("%s: Open returns %x, %v, want %s", vector.Name, got, err, vector.Plaintext)
		}
		if id, ok := seal.KeyID(vector.Sealed); !ok || id != vector.KeyID {
			t.Errorf("%s: KeyID returns %q, want %q", vector.Name, id, vector.KeyID)
		}
	}
}

// TestVectors_Session reads the row of the vector as Sessions do.
func TestVectors_Session(t *testing.T) {
	t.Parallel()
	v, keys := readVectors(t)
	inner := newTable()
	last := v.Vectors[len(v.Vectors)-1]
	inner.rows[hashed(alice)] = row{last.Sealed, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	if got := find(newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, keys...)}), alice); got != "the value of scs" {
		t.Errorf("%s: Find returns %q", last.Name, got)
	}
}

// TestFormat opens a value with the published format alone.
func TestFormat(t *testing.T) {
	t.Parallel()
	fips.Skip(t, "AES-GCM with a nonce that the caller chooses")
	key := newKey(t, "2026-11")
	value := sealed(t, newRing(t, key), "a refresh token", "row 1")
	n := 9 + len(key.ID)
	if want := append([]byte("bkseal\x00\x01\x07"), key.ID...); !bytes.Equal(value[:n], want) {
		t.Fatalf("the value begins with %q, want %q", value[:n], want)
	}
	salt, nonce, body := value[n:n+32], value[n+32:n+44], value[n+44:]
	secret, err := hkdf.Key(sha256.New, key.Secret, salt, "bearerkit seal 1", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plaintext, err := aead.Open(nil, nonce, body, slices.Concat(value[:n+32], []byte("row 1")))
	if err != nil || string(plaintext) != "a refresh token" {
		t.Errorf("%q, %v", plaintext, err)
	}
}

// FuzzOpen changes sealed values. Open must not panic, and must accept only what Seal has returned.
func FuzzOpen(f *testing.F) {
	v, keys := readVectors(f)
	ring := newRing(f, keys...)
	known := make(map[string]string)
	for _, vector := range v.Vectors {
		f.Add(vector.Sealed, unhex(f, vector.Binding))
		known[string(vector.Sealed)+"|"+string(unhex(f, vector.Binding))] = string(unhex(f, vector.Plaintext))
	}
	f.Fuzz(func(t *testing.T, value, binding []byte) {
		plaintext, err := ring.Open(t.Context(), value, binding)
		id, ok := seal.KeyID(value)
		want, isKnown := known[string(value)+"|"+string(binding)]
		switch {
		case err == nil && (!isKnown || want != string(plaintext)):
			t.Errorf("a forged value was opened: %q", plaintext)
		case err != nil && isKnown:
			t.Errorf("a valid value was rejected: %v", err)
		case err == nil && (!ok || id == ""):
			t.Error("an opened value has no key id")
		case err != nil && len(plaintext) != 0:
			t.Error("Open returns a plaintext with an error")
		}
		if _, changed, err := seal.Reseal(t.Context(), ring, value, binding); changed && (err != nil || !isKnown) {
			t.Errorf("a forged value was sealed again, %v", err)
		}
	})
}

// FuzzParseKeys checks that errors contain no part of a secret, and that accepted keys can be used.
func FuzzParseKeys(f *testing.F) {
	v, _ := readVectors(f)
	for id, secret := range v.Keys {
		f.Add(id + ":" + secret)
	}
	f.Add("a:+/+/AAAA")
	f.Add("a:" + string(bytes.Repeat([]byte("A"), 43)) + "=")
	f.Add("\x00:\xff,,\n#")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := seal.ParseKeys(text)
		if (err == nil) == (len(keys) == 0) {
			t.Errorf("%d keys and the error %v", len(keys), err)
		}
		if err != nil {
			return
		}
		if _, err := seal.New(seal.Config{Keys: keys[:1]}); err != nil {
			t.Errorf("New rejects a key that ParseKeys has accepted: %v", err)
		}
	})
}
