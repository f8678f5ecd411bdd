package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/seal"
)

// withBoth is a secret whose base64 form has characters that differ between the alphabets.
var withBoth = append(bytes.Repeat([]byte{0xfb, 0xff, 0x3e}, 4), []byte("\x01\x42\x93\x14\xa5\x36\xc7\x58\xe9\x0a\x7b\xcc\x2d\xde\x6f\x80\x51\x22\xf3\x94")...)

func TestParseKey(t *testing.T) {
	t.Parallel()
	std, url := base64.StdEncoding.EncodeToString(withBoth), base64.URLEncoding.EncodeToString(withBoth)
	for _, text := range []string{
		"k.1_A-z:" + std, "k.1_A-z:" + url, "k.1_A-z:" + strings.TrimRight(std, "="), "k.1_A-z:" + strings.TrimRight(url, "="),
		"k.1_A-z:" + hex.EncodeToString(withBoth), "k.1_A-z:" + strings.ToUpper(hex.EncodeToString(withBoth)),
	} {
		key, err := seal.ParseKey(text)
		if err != nil || key.ID != "k.1_A-z" || !bytes.Equal(key.Secret, withBoth) {
			t.Errorf("ParseKey of %d characters: %v, %v", len(text), key, err)
		}
	}
}

func TestParseKey_Faults(t *testing.T) {
	t.Parallel()
	std := base64.StdEncoding.EncodeToString(withBoth)
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "colon"},
		{"no id", ":" + std, "ID is not valid"},
		{"secret alone", std, "colon"},
		{"secret as the id", std + ":a", "ID is not valid"},
		{"hex as the id", hex.EncodeToString(withBoth) + ":a", "ID is not valid"},
		{"long id", strings.Repeat("a", 33) + ":" + std, "ID is not valid"},
		{"id with another letter", "é:" + std, "ID is not valid"},
		{"no secret", "a:", "has 0 characters, expected 32 bytes in base64 (44 characters) or hex (64 characters)"},
		{"short secret", "a:" + std[:40], "has 40 characters"},
		{"16 bytes in hex", "a:" + hex.EncodeToString(withBoth[:16]), "has 32 characters"},
		{"32 bytes of text", "a:correct horse battery staple 123", "has 32 characters"},
		{"too much padding", "a:" + std + "=", "has 45 characters"},
		{"padding in front", "a:=" + std[:43], "has 44 characters"},
		{"letters that are not hex", "a:" + strings.Repeat("xyz0", 16), "not valid base64 or hex"},
		{"space within", "a:" + std[:20] + " " + std[21:], "not valid base64 or hex"},
		{"set bits behind the end", "a:" + std[:42] + string(std[42]+1) + "=", "not valid base64 or hex"},
		{"zeros", "a:" + strings.Repeat("0", 64), "is not random"},
		{"base64 of a password", "a:" + base64.StdEncoding.EncodeToString([]byte("correct horse battery staple 123")), "is text"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key, err := seal.ParseKey(test.text)
			if err == nil || key.Secret != nil || !strings.HasPrefix(err.Error(), "seal: ") || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("ParseKey: %v, want %q", err, test.want)
			}
			for i := 0; i+6 <= len(test.text); i++ {
				if part := test.text[i : i+6]; part != strings.Repeat("a", 6) && strings.Contains(err.Error(), part) {
					t.Errorf("error %q contains %q, a part of the text", err, part)
				}
			}
		})
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	one, two := newKey(t, "1"), newKey(t, "2")
	a, b := "1:"+hex.EncodeToString(one.Secret), "2:"+base64.StdEncoding.EncodeToString(two.Secret)
	for _, text := range []string{a + "," + b, a + "\n" + b + "\n", a + ", " + b, "\t" + a + "\r\n" + b, a + " " + b} {
		keys, err := seal.ParseKeys(text)
		if err != nil || len(keys) != 2 || keys[0].ID != "1" || keys[1].ID != "2" || !bytes.Equal(keys[1].Secret, two.Secret) {
			t.Errorf("ParseKeys(%q): %v, %v", strings.NewReplacer(a, "A", b, "B").Replace(text), keys, err)
		}
	}
	for name, test := range map[string]struct{ text, want string }{
		"nothing": {" \n,", "no key found"}, "many": {strings.Repeat(a+" ", 17), "17 keys, expected at most 16"},
		"the second": {a + " x", "key 2: "}, "both": {"x y", "key 1: "},
	} {
		keys, err := seal.ParseKeys(test.text)
		if err == nil || keys != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	if a, b := newKey(t, "a"), newKey(t, "a"); len(a.Secret) != 32 || slices.Equal(a.Secret, b.Secret) {
		t.Error("two new keys have the same secret, or not 32 bytes")
	}
	if _, err := seal.NewKey("a b"); err == nil {
		t.Error("NewKey accepts an ID with a space")
	}
}

func TestKeysFromFile(t *testing.T) {
	t.Parallel()
	key := newKey(t, "1")
	good := "1:" + base64.StdEncoding.EncodeToString(key.Secret) + "\n"
	folder := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(write("private", good, 0o400), link); err != nil {
		t.Skip("no symbolic links:", err)
	}
	for _, path := range []string{link, write("readable", good, 0o444)} {
		keys, err := seal.KeysFromFile(path)
		if err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Secret, key.Secret) {
			t.Errorf("%s: %v, %v", filepath.Base(path), keys, err)
		}
	}
	for name, test := range map[string]struct{ path, want string }{
		"absent":   {filepath.Join(folder, "absent"), "absent"},
		"a folder": {folder, "not a regular file"},
		"empty":    {write("empty", "", 0o600), "no key found"},
		"large":    {write("large", strings.Repeat(" ", 17<<10), 0o600), "more than 16384 bytes"},
		"damaged":  {write("damaged", good[:20], 0o600), "has 18 characters"},
		"shared":   {write("shared", good, 0o666), "shared"},
	} {
		if os.PathSeparator == '\\' && name == "shared" {
			continue
		}
		keys, err := seal.KeysFromFile(test.path)
		if err == nil || keys != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), good[2:12]) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestKeysFromEnv(t *testing.T) { //nolint:paralleltest // it sets environment variables
	key := newKey(t, "1")
	good := "1:" + hex.EncodeToString(key.Secret)
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, value, file, want string }{
		{"variable", good, "", ""},
		{"file", "", file, ""},
		{"neither", "", "", "neither SEAL_TEST_KEYS nor SEAL_TEST_KEYS_FILE is set"},
		{"both", good, file, "both set"},
		{"wrong value", "1:abc", "", "SEAL_TEST_KEYS: "},
		{"no such file", "", file + "x", "SEAL_TEST_KEYS_FILE: the file cannot be read"},
		{"key in the variable of the file", "", good, "SEAL_TEST_KEYS_FILE: the file cannot be read"},
		{"path in the variable of the keys", file, "", "SEAL_TEST_KEYS: "},
	} {
		t.Setenv("SEAL_TEST_KEYS", test.value)
		t.Setenv("SEAL_TEST_KEYS_FILE", test.file)
		keys, err := seal.KeysFromEnv("SEAL_TEST_KEYS")
		if test.want == "" && (err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Secret, key.Secret)) {
			t.Errorf("%s: %v, %v", test.name, keys, err)
		}
		if test.want != "" && (err == nil || keys != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), good[2:10])) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestKeysAreNotShown prints, logs and encodes what contains a key, in every way that a program is likely to.
func TestKeysAreNotShown(t *testing.T) {
	t.Parallel()
	key := newKey(t, "2026-11")
	ring := newRing(t, key)
	config := seal.Config{Keys: []seal.Key{key}}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%c", "%U"} {
		for _, value := range []any{key, &key, []seal.Key{key}, map[string]seal.Key{"a": key}, config, &config, struct{ K seal.Key }{key}, ring, *ring, struct{ R *seal.Keyring }{ring}, struct{ r seal.Keyring }{*ring}, struct{ r *seal.Keyring }{ring}} {
			fmt.Fprintf(&shown, verb+"\n", value)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
		logger := slog.New(handler)
		for _, value := range []any{key, &key, ring, *ring, config, []seal.Key{key}} {
			logger.Info("x", slog.Any("value", value))
		}
	}
	encode := func(f func(any) ([]byte, error), values ...any) {
		for _, value := range values {
			text, _ := f(value)
			shown.Write(text)
		}
	}
	encode(json.Marshal, key, &key, config, ring, *ring, map[string]any{"key": key})
	encode(xml.Marshal, key, &key, config, ring)
	var binary bytes.Buffer
	for _, value := range []any{key, config, ring} {
		_ = gob.NewEncoder(&binary).Encode(value)
	}
	shown.Write(binary.Bytes())
	fmt.Fprintln(&shown, key.String(), ring.String())
	text := shown.String()
	for _, form := range []string{
		string(key.Secret[:6]), fmt.Sprintf("%x", key.Secret[:4]), fmt.Sprintf("%X", key.Secret[:4]),
		strings.Trim(fmt.Sprintf("%d", key.Secret[:4]), "[]"), base64.RawStdEncoding.EncodeToString(key.Secret[:6]),
		strings.Trim(fmt.Sprintf("%#v", key.Secret[:3]), "[]byte{}"), strings.Trim(fmt.Sprintf("%b", key.Secret[:4]), "[]"),
	} {
		if strings.Contains(text, form) {
			t.Errorf("the secret is shown in the form %q", form)
		}
	}
	for _, want := range []string{`seal.Key{ID: "2026-11"}`, `seal.Keyring{IDs: ["2026-11"]}`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not shown", want)
		}
	}
	for _, got := range []string{fmt.Sprintf("%x", ring), fmt.Sprintf("%+v", *ring), ring.String(), ring.LogValue().String()} {
		if got != `seal.Keyring{IDs: ["2026-11"]}` {
			t.Errorf("a Keyring is shown as %s", got)
		}
	}
	if fmt.Sprint(seal.Key{ID: string(key.Secret)}) != "seal.Key{}" {
		t.Error("an ID that is not valid is shown")
	}
}
