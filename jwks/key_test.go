package jwks_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

func TestKey_Equal(t *testing.T) {
	t.Parallel()
	copyRSA := &rsa.PublicKey{N: new(big.Int).Set(rsaKey().N), E: rsaKey().E}
	copyEC, err := ecdsa.ParseUncompressedPublicKey(p256().Curve, must(p256().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	// Keys in one line are equal, all others are not.
	lines := [][]jwks.Key{
		{{Public: rsaKey()}, {Public: copyRSA}},
		{{Public: p256()}, {Public: copyEC}},
		{{Public: ed()}, {Public: slices.Clone(ed())}},
		{{Public: secret}, {Public: slices.Clone(secret)}},
		{{Public: otherRSA()}},
		{{Public: otherEC()}},
		{{Public: ed25519.PublicKey(secret)}},
		{{Public: secret[:31]}},
		{{Public: rsaKey(), ID: "1"}},
		{{Public: rsaKey(), Algorithm: "RS256"}},
	}
	for i, line := range lines {
		for j, other := range lines {
			for _, a := range line {
				for _, b := range other {
					if a.Equal(b) != (i == j) {
						t.Errorf("%v of line %d and %v of line %d: Equal is %t", a, i, b, j, i != j)
					}
				}
			}
		}
	}
	if (jwks.Key{}).Equal(jwks.Key{}) {
		t.Error("the zero Key equals itself")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestB8_KeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	secret := []byte("a secret that nobody must read!!")
	s, err := jwks.Secret(secret, "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		fmt.Fprintf(&out, verb+"\n", s[0])
		fmt.Fprintf(&out, verb+"\n", s)
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("keys",
			slog.Any("one", s[0]), slog.Any("all", s), slog.Any("inside", struct{ Keys jwks.Source }{s}))
	}
	for _, leak := range []string{string(secret), b64(secret)[:20], hex.EncodeToString(secret), "97 32 115 101"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is in the output:\n%s", leak, &out)
		}
	}
}
