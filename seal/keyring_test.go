package seal_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/seal"
)

// newKey returns a key with a new secret.
func newKey(t testing.TB, id string) seal.Key {
	t.Helper()
	key, err := seal.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newRing returns a Keyring with the keys. The first one seals.
func newRing(t testing.TB, keys ...seal.Key) *seal.Keyring {
	t.Helper()
	ring, err := seal.New(seal.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// sealed seals a value.
func sealed(t testing.TB, s seal.Sealer, plaintext, binding string) []byte {
	t.Helper()
	value, err := s.Seal(t.Context(), []byte(plaintext), []byte(binding))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestKeyring_RoundTrip(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "2026-11"))
	for _, test := range []struct{ name, plaintext, binding string }{
		{"text", "a refresh token", "row 1"},
		{"empty plaintext", "", "row 1"},
		{"no binding", "a refresh token", ""},
		{"nothing at all", "", ""},
		{"bytes", "\x00\xff\x00", "\x00"},
		{"a sealed value", string(sealed(t, ring, "inner", "")), "outer"},
		{"largest", strings.Repeat("x", 1<<20), "row 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			value := sealed(t, ring, test.plaintext, test.binding)
			if len(test.plaintext) > 3 && bytes.Contains(value, []byte(test.plaintext)) {
				t.Error("the sealed value contains the plaintext")
			}
			if again := sealed(t, ring, test.plaintext, test.binding); bytes.Equal(value, again) {
				t.Error("two seals of one plaintext are equal")
			}
			if overhead := len(value) - len(test.plaintext); overhead > 101 {
				t.Errorf("the value is %d bytes longer than the plaintext, want at most 101", overhead)
			}
			got, err := ring.Open(t.Context(), value, []byte(test.binding))
			if err != nil || string(got) != test.plaintext {
				t.Errorf("Open returns %d bytes and %v, want the plaintext", len(got), err)
			}
			if !seal.IsSealed(value) || ring.NeedsReseal(value) {
				t.Errorf("IsSealed %t and NeedsReseal %t, want true and false", seal.IsSealed(value), ring.NeedsReseal(value))
			}
		})
	}
}

// TestKeyring_ChangedAnywhere changes each byte of a sealed value in several ways, and truncates and extends it.
func TestKeyring_ChangedAnywhere(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "b"), newKey(t, "c"))
	value := sealed(t, ring, "a refresh token", "row 1")
	check := func(what string, at int, changed []byte) {
		_, err := ring.Open(t.Context(), changed, []byte("row 1"))
		want := seal.ErrDamaged
		id, _ := seal.KeyID(changed) // the change may move random bytes of the salt into the id
		switch {
		case !bytes.HasPrefix(changed, []byte("bkseal\x00")):
			want = seal.ErrNotSealed
		case id != "" && id != "b" && id != "c":
			want = seal.ErrUnknownKey
		}
		if !errors.Is(err, want) {
			t.Errorf("%s at byte %d: %v, want %v", what, at, err, want)
		}
	}
	for i := range value {
		for bit := range 8 {
			changed := slices.Clone(value)
			changed[i] ^= 1 << bit
			check("bit flipped", i, changed)
		}
		check("truncated", i, value[:i])
		check("byte removed", i, slices.Delete(slices.Clone(value), i, i+1))
		check("byte inserted", i, slices.Insert(slices.Clone(value), i, value[i]^0x55))
	}
	check("byte appended", len(value), append(slices.Clone(value), 0))
	check("value appended", len(value), append(slices.Clone(value), value...))
}

func TestKeyring_Binding(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "2026-11"))
	for _, test := range []struct {
		name       string
		with, open []byte
		ok         bool
	}{
		{"the same", seal.Bind("token", "1"), seal.Bind("token", "1"), true},
		{"another row", seal.Bind("token", "1"), seal.Bind("token", "2"), false},
		{"another table", seal.Bind("token", "1"), seal.Bind("session", "1"), false},
		{"border of the parts", seal.Bind("ab", "c"), seal.Bind("a", "bc"), false},
		{"parts joined", seal.Bind("ab"), seal.Bind("a", "b"), false},
		{"empty part in front", seal.Bind("", "a"), seal.Bind("a", ""), false},
		{"one empty part or none", seal.Bind(""), seal.Bind(), false},
		{"length bytes as a part", seal.Bind("a", "b"), seal.Bind("a\x00\x00\x00\x00\x00\x00\x00\x01b"), false},
		{"no binding", nil, []byte{}, true},
		{"binding left out", seal.Bind("token", "1"), nil, false},
		{"binding added", nil, seal.Bind("token", "1"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			value, err := ring.Seal(t.Context(), []byte("x"), test.with)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ring.Open(t.Context(), value, test.open)
			if test.ok && err != nil || !test.ok && !errors.Is(err, seal.ErrDamaged) {
				t.Errorf("Open: %v, want success: %t", err, test.ok)
			}
		})
	}
}

// TestKeyring_BytesMovedIntoBinding moves bytes from one end of the sealed value to the binding. All of them are
// authenticated together, so the border between them must be unambiguous.
func TestKeyring_BytesMovedIntoBinding(t *testing.T) {
	t.Parallel()
	key := newKey(t, "ab")
	short := seal.Key{ID: "a", Secret: key.Secret}
	value := sealed(t, newRing(t, key), "x", "row")
	// The id "ab" with its last letter moved into the salt.
	moved := slices.Clone(value)
	moved[8] = 1
	if _, err := newRing(t, short).Open(t.Context(), moved, []byte("row")); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("a shorter id: %v, want ErrDamaged", err)
	}
}

func TestKeyring_Rotation(t *testing.T) {
	t.Parallel()
	older, newer := newKey(t, "2026-05"), newKey(t, "2026-11")
	before, during, after := newRing(t, older), newRing(t, newer, older), newRing(t, newer)
	value := sealed(t, before, "a refresh token", "row 1")
	if id, ok := seal.KeyID(value); id != "2026-05" || !ok {
		t.Errorf("KeyID: %q and %t, want 2026-05", id, ok)
	}
	if !during.NeedsReseal(value) {
		t.Error("NeedsReseal is false for a value with the second key")
	}
	_, err := after.Open(t.Context(), value, []byte("row 1"))
	if unknown, ok := errors.AsType[*seal.UnknownKeyError](err); !ok || unknown.ID != "2026-05" || !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("Open without the key: %v, want an UnknownKeyError with its id", err)
	}
	again, changed, err := seal.Reseal(t.Context(), during, value, []byte("row 1"))
	if err != nil || !changed {
		t.Fatalf("Reseal: changed %t, %v", changed, err)
	}
	plaintext, err := after.Open(t.Context(), again, []byte("row 1"))
	if err != nil || string(plaintext) != "a refresh token" {
		t.Errorf("Open of the resealed value: %q, %v", plaintext, err)
	}
	same, changed, err := seal.Reseal(t.Context(), during, again, []byte("row 1"))
	if err != nil || changed || !bytes.Equal(same, again) {
		t.Errorf("second Reseal: changed %t, %v, want the same value", changed, err)
	}
	for name, wrong := range map[string][]byte{"moved": value, "plaintext": []byte("text")} {
		if _, _, err := seal.Reseal(t.Context(), during, wrong, []byte("row 2")); err == nil {
			t.Errorf("Reseal of a %s value returns no error", name)
		}
	}
}

// TestKeyring_KeyConfusion gives a value the id of another key.
func TestKeyring_KeyConfusion(t *testing.T) {
	t.Parallel()
	one, two := newKey(t, "1"), newKey(t, "2")
	value := sealed(t, newRing(t, one), "x", "row")
	value[9] = '2'
	if _, err := newRing(t, one, two).Open(t.Context(), value, []byte("row")); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("id of another key: %v, want ErrDamaged", err)
	}
	// The id is authenticated even if both ids name the same secret in two processes.
	renamed := newRing(t, seal.Key{ID: "2", Secret: one.Secret})
	if _, err := renamed.Open(t.Context(), value, []byte("row")); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("renamed key: %v, want ErrDamaged", err)
	}
}

func TestKeyring_Sizes(t *testing.T) {
	t.Parallel()
	key := newKey(t, "2026-11")
	small, err := seal.New(seal.Config{Keys: []seal.Key{key}, MaxBytes: 10})
	if err != nil {
		t.Fatal(err)
	}
	large := newRing(t, key)
	for n, want := range map[int]error{0: nil, 10: nil, 11: seal.ErrTooLarge, 1000: seal.ErrTooLarge} {
		text := strings.Repeat("x", n)
		if _, err := small.Seal(t.Context(), []byte(text), nil); !errors.Is(err, want) {
			t.Errorf("Seal of %d bytes: %v, want %v", n, err, want)
		}
		if _, err := small.Open(t.Context(), sealed(t, large, text, ""), nil); !errors.Is(err, want) {
			t.Errorf("Open of %d bytes: %v, want %v", n, err, want)
		}
	}
	if _, err := large.Seal(t.Context(), make([]byte, 1<<20+1), nil); !errors.Is(err, seal.ErrTooLarge) {
		t.Errorf("Seal of more than 1 MiB: %v, want ErrTooLarge", err)
	}
}

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	good := newKey(t, "a")
	for _, test := range []struct {
		name string
		cfg  seal.Config
		want []string
	}{
		{"no key", seal.Config{}, []string{"Config.Keys has 0 keys"}},
		{"too many keys", seal.Config{Keys: slices.Repeat([]seal.Key{good}, 17)}, []string{"17 keys"}},
		{"equal ids", seal.Config{Keys: []seal.Key{good, newKey(t, "a")}}, []string{`Keys[1]`, `the ID "a" too`}},
		{"equal secrets", seal.Config{Keys: []seal.Key{good, {ID: "b", Secret: good.Secret}}}, []string{"the same secret"}},
		{"no id", seal.Config{Keys: []seal.Key{{Secret: good.Secret}}}, []string{"ID is not valid"}},
		{"id with a space", seal.Config{Keys: []seal.Key{{ID: "a b", Secret: good.Secret}}}, []string{"ID is not valid"}},
		{"long id", seal.Config{Keys: []seal.Key{{ID: strings.Repeat("a", 33), Secret: good.Secret}}}, []string{"ID is not valid"}},
		{"no secret", seal.Config{Keys: []seal.Key{{ID: "a"}}}, []string{`"a" has 0 bytes, expected 32`}},
		{"short secret", seal.Config{Keys: []seal.Key{{ID: "a", Secret: good.Secret[:16]}}}, []string{"has 16 bytes"}},
		{"long secret", seal.Config{Keys: []seal.Key{{ID: "a", Secret: append(slices.Clone(good.Secret), 1)}}}, []string{"has 33 bytes"}},
		{"zeros", seal.Config{Keys: []seal.Key{{ID: "a", Secret: make([]byte, 32)}}}, []string{"is not random"}},
		{"counting", seal.Config{Keys: []seal.Key{{ID: "a", Secret: counting(1)}}}, []string{"is not random"}},
		{"counting down", seal.Config{Keys: []seal.Key{{ID: "a", Secret: counting(-3)}}}, []string{"is not random"}},
		{"pattern", seal.Config{Keys: []seal.Key{{ID: "a", Secret: bytes.Repeat(good.Secret[:8], 4)}}}, []string{"is not random"}},
		{"pattern of 16 bytes", seal.Config{Keys: []seal.Key{{ID: "a", Secret: bytes.Repeat(good.Secret[:16], 2)}}}, []string{"is not random"}},
		{"pattern of 20 bytes", seal.Config{Keys: []seal.Key{{ID: "a", Secret: slices.Concat(good.Secret[:20], good.Secret[:12])}}}, []string{"is not random"}},
		{"16 bytes and zeros", seal.Config{Keys: []seal.Key{{ID: "a", Secret: slices.Concat(good.Secret[:16], make([]byte, 16))}}}, []string{"is not random"}},
		{"password", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("correct horse battery staple 123")}}}, []string{"is text", "openssl rand -base64 32"}},
		{"password and zeros", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("correct horse battery stapl\x00\x00\x00\x00\x00")}}}, []string{"is text"}},
		{"zeros and a password", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("\x00\x00\x00\x00\x00correct horse battery stapl")}}}, []string{"is text"}},
		{"short password and zeros", seal.Config{Keys: []seal.Key{{ID: "a", Secret: append([]byte("correct horse batt"), make([]byte, 14)...)}}}, []string{"is text"}},
		{"password and a line end", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("correct horse battery staple 12\n")}}}, []string{"is text"}},
		{"password with an umlaut", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("richtiges Pferd Büro Klammer 123")}}}, []string{"is text"}},
		{"password in UTF-16", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("c\x00o\x00r\x00e\x00c\x00t\x00 \x00h\x00s\x00b\x00a\x00y\x00p\x00l\x001\x002\x00")}}}, []string{"is not random"}},
		{"base64 of 32 bytes", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte(base64.StdEncoding.EncodeToString(good.Secret))}}}, []string{"is text", "decode it"}},
		{"hex of 32 bytes and a line end", seal.Config{Keys: []seal.Key{{ID: "a", Secret: fmt.Appendf(nil, "%x\n", good.Secret)}}}, []string{"is text", "decode it"}},
		{"hex of 16 bytes", seal.Config{Keys: []seal.Key{{ID: "a", Secret: []byte("9f86d081884c7d659a2feaa0c55ad015")}}}, []string{"is text", "decode it"}},
		{"negative size", seal.Config{Keys: []seal.Key{good}, MaxBytes: -1}, []string{"Config.MaxBytes is -1, expected 0 to 67108864"}},
		{"large size", seal.Config{Keys: []seal.Key{good}, MaxBytes: 64<<20 + 1}, []string{"Config.MaxBytes is 67108865"}},
		{"several faults", seal.Config{Keys: []seal.Key{{ID: "a"}, {ID: "?"}}, MaxBytes: -1}, []string{"Keys[0]", "Keys[1]", "MaxBytes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ring, err := seal.New(test.cfg)
			if err == nil || ring != nil {
				t.Fatal("New returns no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q in it", err, want)
				}
			}
			for _, key := range test.cfg.Keys {
				if len(key.Secret) >= 8 && strings.Contains(err.Error(), string(key.Secret[:8])) {
					t.Errorf("error %q contains a part of the secret", err)
				}
			}
		})
	}
}

// counting returns 32 bytes with a constant difference.
func counting(step int) []byte {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(7 + i*step)
	}
	return secret
}

// TestNew_AcceptsRandomKeys ensures that the check for weak keys accepts what random generators return.
func TestNew_AcceptsRandomKeys(t *testing.T) {
	t.Parallel()
	for range 2000 {
		newRing(t, newKey(t, "a"))
	}
	for name, change := range map[string]func(secret []byte){
		"zeros at the end":        func(secret []byte) { clear(secret[27:]) },
		"nine zeros":              func(secret []byte) { clear(secret[5:14]) },
		"text at the beginning":   func(secret []byte) { copy(secret, "correct horse battery"); secret[31] = 0xff },
		"a part that is repeated": func(secret []byte) { copy(secret[25:], secret[:7]) },
	} {
		key := newKey(t, "a")
		copy(key.Secret, withBoth)
		change(key.Secret)
		if _, err := seal.New(seal.Config{Keys: []seal.Key{key}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNew_CopiesKeys(t *testing.T) {
	t.Parallel()
	key := newKey(t, "a")
	ring := newRing(t, key)
	value := sealed(t, ring, "x", "")
	clear(key.Secret)
	if _, err := ring.Open(t.Context(), value, nil); err != nil {
		t.Errorf("Open after the caller has cleared its key: %v", err)
	}
}

func TestKeyring_Zero(t *testing.T) {
	t.Parallel()
	var ring seal.Keyring
	if _, err := ring.Seal(t.Context(), nil, nil); err == nil {
		t.Error("Seal of the zero Keyring returns no error")
	}
	if _, err := ring.Open(t.Context(), sealed(t, newRing(t, newKey(t, "a")), "", ""), nil); err == nil {
		t.Error("Open of the zero Keyring returns no error")
	}
	if !ring.NeedsReseal(nil) {
		t.Error("NeedsReseal of the zero Keyring is false")
	}
}

// TestKeyring_Nil uses the result of a New whose error was ignored.
func TestKeyring_Nil(t *testing.T) {
	t.Parallel()
	ring, _ := seal.New(seal.Config{})
	_, sealErr := ring.Seal(t.Context(), []byte("x"), nil)
	_, openErr := ring.Open(t.Context(), sealed(t, newRing(t, newKey(t, "a")), "x", ""), nil)
	_, _, resealErr := seal.Reseal(t.Context(), ring, nil, nil)
	for what, err := range map[string]error{"Seal": sealErr, "Open": openErr, "Reseal": resealErr} {
		if err == nil || !strings.Contains(err.Error(), "expected one from New") {
			t.Errorf("%s of a nil Keyring: %v", what, err)
		}
	}
}

// TestKeyring_ArgumentsAreNotChanged seals from, and opens into, buffers with spare capacity that the caller keeps.
func TestKeyring_ArgumentsAreNotChanged(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "a"))
	buffer := []byte("plaintext|binding|rest")
	kept := slices.Clone(buffer)
	value, err := ring.Seal(t.Context(), buffer[:9], buffer[10:17])
	if err != nil {
		t.Fatal(err)
	}
	stored := slices.Clone(value)
	if _, err := ring.Open(t.Context(), value, buffer[10:17]); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(buffer, kept) || !bytes.Equal(value, stored) {
		t.Error("Seal or Open has changed its arguments")
	}
}

func TestKeyring_ConcurrentUse(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "a"), newKey(t, "b"))
	done := make(chan error)
	for range 8 {
		go func() {
			var err error
			for range 50 {
				var value []byte
				if value, err = ring.Seal(context.Background(), []byte("x"), []byte("row")); err != nil {
					break
				}
				if _, err = ring.Open(context.Background(), value, []byte("row")); err != nil {
					break
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestKeyring_SaltsAndNoncesDiffer checks the only condition under which AES-GCM is safe: no key and nonce repeat.
func TestKeyring_SaltsAndNoncesDiffer(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "a"))
	const n = 5000
	salts, nonces := make(map[[32]byte]bool, n), make(map[[12]byte]bool, n)
	for range n {
		value := sealed(t, ring, "", "")
		salts[[32]byte(value[10:42])] = true
		nonces[[12]byte(value[42:54])] = true
	}
	if len(salts) != n || len(nonces) != n {
		t.Errorf("%d salts and %d nonces in %d values, want all different", len(salts), len(nonces), n)
	}
}

func TestKeyID_OfOtherValues(t *testing.T) {
	t.Parallel()
	value := sealed(t, newRing(t, newKey(t, "a")), "x", "")
	for name, text := range map[string][]byte{
		"nothing": nil, "JSON": []byte(`{"access_token":"x"}`), "base64 of a sealed value": []byte(base64.StdEncoding.EncodeToString(value)),
		"magic only": value[:7], "no id": value[:9], "a part of the tag": value[:len(value)-2], "another version": slices.Concat(value[:7], []byte{2}, value[8:]), "long id": slices.Concat(value[:8], []byte{33}, value[9:]),
		"id of 255 bytes": slices.Concat(value[:8], []byte{255}, value[9:], make([]byte, 500)),
	} {
		if id, ok := seal.KeyID(text); ok || id != "" {
			t.Errorf("KeyID of %s: %q and %t, want none", name, id, ok)
		}
	}
	for _, text := range []string{"", "bksea", "bkseal", "bkseal text", "BKSEAL\x00", " bkseal\x00", `{"access_token":"x"}`} {
		if seal.IsSealed([]byte(text)) {
			t.Errorf("IsSealed of %q is true", text)
		}
	}
}

// TestKeyring_OtherVersion opens a value that was sealed with the right key in a format with another version.
func TestKeyring_OtherVersion(t *testing.T) {
	t.Parallel()
	key := newKey(t, "a")
	for version, want := range map[byte]string{1: "", 0: "has version 0, expected 1", 2: "has version 2, expected 1", 255: "has version 255, expected 1"} {
		value := slices.Concat([]byte("bkseal\x00"), []byte{version}, []byte("\x01a"), make([]byte, 32))
		secret, err := hkdf.Key(sha256.New, key.Secret, make([]byte, 32), "bearerkit seal 1", 32)
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			t.Fatal(err)
		}
		value = aead.Seal(value, nil, []byte("x"), slices.Clone(value))
		text, err := newRing(t, key).Open(t.Context(), value, nil)
		if want == "" && (err != nil || string(text) != "x") {
			t.Errorf("version %d: %v", version, err)
		}
		if want != "" && (text != nil || !errors.Is(err, seal.ErrDamaged) || !strings.Contains(err.Error(), want)) {
			t.Errorf("version %d: %v, want %q", version, err, want)
		}
	}
}
