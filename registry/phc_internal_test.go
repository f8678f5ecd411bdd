package registry

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	goodSalt      = "AAECAwQFBgcICQoLDA0ODw"
	goodKey       = "VSO6LpStWQ1hHKuaRklNRAYAkwvvayLt+5z8EJWjaVw"
	goodPHC       = "$pbkdf2-sha256$i=1000,l=32$" + goodSalt + "$" + goodKey
	goodCrossauth = "pbkdf2:sha256:32:40000:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88="
)

func badHashes() map[string]string {
	phc := func(old, with string) string { return strings.Replace(goodPHC, old, with, 1) }
	crossauth := func(old, with string) string { return strings.Replace(goodCrossauth, old, with, 1) }
	return map[string]string{
		"empty":                        "",
		"plaintext":                    "secret",
		"too long":                     goodPHC + strings.Repeat("A", 2000),
		"other function":               phc("pbkdf2", "argon2id"),
		"no digest":                    phc("-sha256", "-"),
		"unsupported digest":           phc("sha256", "sha384"),
		"digest in capitals":           phc("sha256", "SHA256"),
		"no iterations":                phc("i=1000,", ""),
		"zero iterations":              phc("i=1000", "i=0"),
		"negative iterations":          phc("i=1000", "i=-1"),
		"signed iterations":            phc("i=1000", "i=+1000"),
		"leading zero":                 phc("i=1000", "i=01000"),
		"too many iterations":          phc("i=1000", "i=10000001"),
		"overflowing iterations":       phc("i=1000", "i=18446744073709552616"),
		"order of parameters":          phc("i=1000,l=32", "l=32,i=1000"),
		"another parameter":            phc("l=32", "l=32,x=1"),
		"wrong length":                 phc("l=32", "l=31"),
		"padded salt":                  phc(goodSalt, goodSalt+"=="),
		"salt with a line feed":        phc(goodSalt, "AAEC\nAwQFBgcICQoLDA0ODw"),
		"salt with spare bits":         phc(goodSalt, "AAECAwQFBgcICQoLDA0ODx"),
		"url alphabet":                 phc("+", "-"),
		"no salt":                      phc(goodSalt, ""),
		"short salt":                   phc(goodSalt, "AAECAwQFBg"),
		"long salt":                    phc(goodSalt, strings.Repeat("AAAA", 43)),
		"no key":                       phc(goodKey, ""),
		"short key":                    "$pbkdf2-sha256$i=1000,l=15$" + goodSalt + "$AAECAwQFBgcICQoLDA0O",
		"long key":                     "$pbkdf2-sha256$i=1000,l=129$" + goodSalt + "$" + strings.Repeat("AAAA", 43),
		"another part":                 goodPHC + "$",
		"text before":                  " " + goodPHC,
		"text after":                   goodPHC + "\n",
		"crossauth: other function":    crossauth("pbkdf2", "scrypt"),
		"crossauth: unknown digest":    crossauth("sha256", "md5"),
		"crossauth: wrong length":      crossauth(":32:", ":31:"),
		"crossauth: signed":            crossauth(":40000:", ":+40000:"),
		"crossauth: too many":          crossauth(":40000:", ":10000001:"),
		"crossauth: none":              crossauth(":40000:", ":0:"),
		"crossauth: use_secret of 2":   crossauth(":0:", ":2:"),
		"crossauth: use_secret of 00":  crossauth(":0:", ":00:"),
		"crossauth: no use_secret":     crossauth(":0:", "::"),
		"crossauth: no salt":           crossauth("6RRIUw1K54i8r6bunm7Ezw", ""),
		"crossauth: short salt":        crossauth("6RRIUw1K54i8r6bunm7Ezw", "6RRIUw1"),
		"crossauth: control character": crossauth("6RRI", "6R\nI"),
		"crossauth: much padding":      goodCrossauth + "=",
		"crossauth: standard alphabet": crossauth("zC5M", "+C5M"),
		"crossauth: six fields":        crossauth(":0:", ":"),
		"crossauth: eight fields":      goodCrossauth + ":",
		"crossauth: spare bits":        crossauth("PPk88=", "PPk89="),
		"crossauth: line feed in hash": crossauth("zC5M", "zC5\nM"),
	}
}

func TestH1_H2_ParseHashRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range badHashes() {
		if h, err := parseHash(text); !errors.Is(err, errHash) {
			t.Errorf("%s: %q was read as %+v, %v", name, text, h, err)
		}
	}
}

func TestH1_H2_ParseHash(t *testing.T) {
	t.Parallel()
	most := hash{digest: "sha512", rounds: maxRounds, salt: make([]byte, maxSalt), key: make([]byte, maxKey)}
	least := hash{digest: "sha1", rounds: 1, salt: make([]byte, minSalt), key: make([]byte, minKey)}
	for _, text := range []string{goodPHC, goodCrossauth, strings.TrimRight(goodCrossauth, "="), most.String(), least.String()} {
		h, err := parseHash(text)
		if err != nil || h.String() != text && !slices.Contains(h.crossauth(), text) {
			t.Errorf("%q was read as %+v, %v", text, h, err)
		}
	}
	h, err := parseHash(strings.Replace(goodCrossauth, ":0:", ":1:", 1))
	if err != nil || !h.peppered || !h.crossed || string(h.salt) != "6RRIUw1K54i8r6bunm7Ezw" || h.rounds != 40_000 {
		t.Errorf("read %+v, %v", h, err)
	}
}

// A parsed hash is within the bounds and has one spelling.
func FuzzParseHash(f *testing.F) {
	f.Add(goodPHC)
	f.Add(goodCrossauth)
	for _, text := range badHashes() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			if !errors.Is(err, errHash) {
				t.Errorf("error %v", err)
			}
			return
		}
		if h.rounds < 1 || h.rounds > maxRounds || len(h.salt) < 8 || len(h.salt) > 128 ||
			len(h.key) < 16 || len(h.key) > 128 {
			t.Errorf("%q is out of bounds", text)
		}
		if !h.crossed && h.String() != text || h.crossed && !slices.Contains(h.crossauth(), text) {
			t.Errorf("%q is written as %q", text, h.String())
		}
		again, err := parseHash(h.String())
		h.crossed, h.peppered = false, false
		if diff := cmp.Diff(h, again, cmp.AllowUnexported(hash{})); err != nil || diff != "" {
			t.Errorf("%q as PHC (-want +got):\n%s%v", text, diff, err)
		}
	})
}

// The default is the documented one. Only this test computes it.
func TestH1_DefaultHash(t *testing.T) {
	t.Parallel()
	h := hasher{params: HashParams{}.withDefaults(), gate: newGate(1, 0)}
	text, err := h.hash(t.Context(), "a secret")
	if err != nil || !strings.HasPrefix(text, "$pbkdf2-sha256$i=600000,l=32$") {
		t.Fatalf("hashed as %q, %v", text, err)
	}
	stored, err := parseHash(text)
	if err != nil || len(stored.salt) != 16 || h.isBelow(stored) || h.worth(stored) != 600_000 {
		t.Errorf("read as %+v, %v", stored, err)
	}
	if fits, err := h.verify(t.Context(), "a secret", stored); !fits || err != nil {
		t.Errorf("verified: %v, %v", fits, err)
	}
	if h := (HashParams{Digest: "sha512"}).withDefaults(); h.Iterations != 220_000 {
		t.Errorf("%d iterations of sha512", h.Iterations)
	}
}

// Two hashes of one secret have different salts and keys.
func TestH1_HashIsSalted(t *testing.T) {
	t.Parallel()
	h := hasher{params: HashParams{Iterations: 1000}.withDefaults(), gate: newGate(1, 0)}
	one, err1 := h.hash(t.Context(), "a secret")
	two, err2 := h.hash(t.Context(), "a secret")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(one, "$"), strings.Split(two, "$")
	if a[3] == b[3] || a[4] == b[4] {
		t.Errorf("%s and %s", one, two)
	}
}
