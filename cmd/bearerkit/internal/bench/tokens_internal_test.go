package bench

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

// TestParseTokens checks the format of the token file.
func TestParseTokens(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	now := time.Now()
	expiring := func(after time.Duration) string {
		return issuer.AccessToken().Set("exp", now.Add(after).Unix()).Sign()
	}
	soon, old := expiring(time.Minute), expiring(-6*time.Minute)
	strange := issuer.AccessToken().Set("exp", 1e300).Sign()
	ancient := issuer.AccessToken().Set("exp", -1e300).Sign()
	forever := issuer.AccessToken().Set("exp", bearertest.Absent).Sign()
	text := issuer.AccessToken().Set("exp", "soon").Sign()
	for _, test := range []struct {
		name string
		text string
		want Tokens
	}{
		{"nothing", "", Tokens{}},
		{"comments and empty lines", "# a\n\n \t\n#b", Tokens{}},
		{"opaque tokens", "a\nb==\r\n  c  ", Tokens{Valid: []string{"a", "b==", "c"}}},
		{"a token twice", "a\nb\na", Tokens{Valid: []string{"a", "b"}}},
		{"by expiry", old + "\n" + soon, Tokens{Valid: []string{soon}, Expired: []string{old}}},
		{"extreme expiries", strange + "\n" + ancient, Tokens{Valid: []string{strange}, Expired: []string{ancient}}},
		{"no expiry", forever, Tokens{Valid: []string{forever}}},
		{"an expiry that is not a number", text, Tokens{Valid: []string{text}}}, // the API decides
		{"parts that are not base64url", "a.b.c", Tokens{Valid: []string{"a.b.c"}}},
	} {
		got, err := ParseTokens([]byte(test.text), now)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

// TestParseTokensFaults checks that the faults of all lines are reported, but not more than ten, and without the tokens.
func TestParseTokensFaults(t *testing.T) {
	t.Parallel()
	_, err := ParseTokens([]byte(strings.Repeat("fine\nhas a space\nänderung\n\"quoted\"\n====\n", 5)), time.Now())
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "bench: line 2: ") || !strings.HasPrefix(lines[3], "bench: line 5: ") {
		t.Errorf("%d faults: %v", len(lines), err) // the same lines again are repetitions
	}
	var many strings.Builder
	for range 20 {
		many.WriteString("a " + strings.Repeat("b", many.Len()) + "\n")
	}
	if _, err := ParseTokens([]byte(many.String()), time.Now()); strings.Count(err.Error(), "\n") != maxFaults-1 {
		t.Errorf("%v, want %d faults", err, maxFaults)
	}
	for _, word := range []string{"space", "nderung", "quoted"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the error contains a part of a line: %v", err)
		}
	}
}

// TestForge checks that each forged token has the header and the claims of the valid one, and a signature that is not valid. The
// signature is checked with the standard library.
func TestForge(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	valid := issuer.AccessToken().Sign()
	_, public := issuer.Key("ES256")
	key, _ := public.(*ecdsa.PublicKey)
	verifies := func(token string) bool {
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
		if err != nil || len(signature) != 64 {
			t.Fatalf("the signature has %d bytes, %v", len(signature), err)
		}
		hash := sha256.Sum256([]byte(token[:dot]))
		return ecdsa.Verify(key, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	if !verifies(valid) {
		t.Fatal("the valid token does not verify")
	}
	forged := forge([]string{"opaque", "a.b.c.d", "a.b.", "a.b.*", valid})
	known := make(map[string]bool)
	for _, token := range forged {
		known[token] = true
		if token[:strings.LastIndexByte(token, '.')] != valid[:strings.LastIndexByte(valid, '.')] || verifies(token) {
			t.Error("a forged token has another header or other claims, or verifies")
		}
	}
	if len(known) != maxForged {
		t.Errorf("%d different tokens, want %d", len(known), maxForged)
	}
	if got := forge([]string{"opaque", "a.b.c.d", "a.b.", ".."}); got != nil {
		t.Errorf("forged %d tokens without a JWT", len(got))
	}
}
