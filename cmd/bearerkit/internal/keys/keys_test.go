package keys_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/keys"
	"github.com/bearerkit/bearerkit/jwks"
)

// run runs the command with the network of issuer.
func run(t *testing.T, issuer *bearertest.Issuer, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &cli.Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, HTTPClient: issuer.Client()}
	code = cli.Run(t.Context(), env, append([]string{"keys"}, args...), keys.Command)
	return code, out.String(), errs.String()
}

func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256", "ES256", "EdDSA"}})
}

type document struct {
	Usable int
	Keys   []struct{ Kid, Thumbprint string }
}

// The keys of an issuer, of its URL and of a file are the same.
func TestPlaces(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, issuer.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	var first string
	for _, args := range [][]string{{"--issuer", issuer.URL()}, {issuer.URL() + "/jwks"}, {file}, {"-"}} {
		code, stdout, stderr := run(t, issuer, string(issuer.JWKS()), append(args, "--json")...)
		var d document
		if err := json.Unmarshal([]byte(stdout), &d); err != nil || code != cli.ExitOK || d.Usable != 3 || len(d.Keys) != 3 {
			t.Fatalf("%q: exit code %d, %v, %s%s", args, code, err, stdout, stderr)
		}
		_, list, _ := strings.Cut(stdout, `"keys"`)
		if first == "" {
			first = list
		}
		if diff := cmp.Diff(first, list); diff != "" {
			t.Errorf("%q (-first +this):\n%s", args, diff)
		}
	}
}

// The table shows every key, and why a key is not used.
func TestTable(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	issuer.SetJWKS([]byte(strings.Replace(string(issuer.JWKS()), `"keys":[`, `"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a\u001b[2J"},{"kty":"RSA","use":"enc","kid":"b"},`, 1)))
	code, stdout, stderr := run(t, issuer, "", "--issuer", issuer.URL())
	if code != cli.ExitOK || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"3 of 5 keys at https://issuer.test/jwks can be used.", `"a\x1b[2J"  oct  -      -    -          -                                            symmetric`,
		"2048 bits", "P-256", "Ed25519", "usable", `Key 1 ("a\x1b[2J") is not used: the public key set contains a shared secret.`, "use is enc",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if strings.ContainsAny(stdout, "\x1b") || strings.Contains(stdout, "c2VjcmV0") {
		t.Errorf("the output contains an escape sequence or the secret:\n%s", stdout)
	}
}

// PEM blocks and a JWK Set are the public parts of the usable keys, and the kit reads them.
func TestPublicParts(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	private := `{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"c2VjcmV0","kid":"leaked"}`
	issuer.SetJWKS([]byte(strings.Replace(string(issuer.JWKS()), `"keys":[`, `"keys":[`+private+`,`, 1)))
	code, stdout, _ := run(t, issuer, "", "--issuer", issuer.URL(), "--jwks")
	set, err := jwks.ParseJWKS([]byte(stdout))
	if code != cli.ExitOK || err != nil || len(set) != 3 {
		t.Fatalf("exit code %d, %d keys, %v", code, len(set), err)
	}
	for i, alg := range []string{"RS256", "ES256", "EdDSA"} {
		kid, public := issuer.Key(alg)
		if !set[i].Equal(jwks.Key{ID: kid, Algorithm: alg, Public: public}) {
			t.Errorf("key %d is %v, want %s", i, set[i], kid)
		}
	}
	if strings.Contains(stdout, `"d"`) || strings.Contains(stdout, "leaked") {
		t.Errorf("a private key was written:\n%s", stdout)
	}
	code, stdout, _ = run(t, issuer, "", "--issuer", issuer.URL(), "--pem")
	rest := []byte(stdout)
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatalf("exit code %d, no PEM block for %s in %s", code, alg, stdout)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		_, want := issuer.Key(alg)
		if err != nil || !(jwks.Key{Public: public}).Equal(jwks.Key{Public: want}) {
			t.Errorf("%s: another key, %v", alg, err)
		}
	}
	if strings.TrimSpace(string(rest)) != "" {
		t.Errorf("after the keys: %s", rest)
	}
	if code, stdout, _ := run(t, issuer, stdout, "-"); code != cli.ExitOK || !strings.Contains(stdout, "3 of 3 keys") {
		t.Errorf("PEM as input: exit code %d\n%s", code, stdout)
	}
}

// The thumbprint is that of RFC 7638 section 3.1.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	const key = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	_, stdout, _ := run(t, newIssuer(), key, "-", "--json")
	if !strings.Contains(stdout, `"thumbprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`) {
		t.Errorf("another thumbprint:\n%s", stdout)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for _, test := range []struct {
		stdin string
		args  []string
		code  int
		want  string
	}{
		{"", nil, cli.ExitUsage, "is required"},
		{"", []string{"--pem", "--json", "a"}, cli.ExitUsage, "--pem and --json are both set"},
		{"", []string{"a", "b"}, cli.ExitUsage, "does not accept 2 arguments"},
		{"", []string{"--pem", "--jwks", "-"}, cli.ExitUsage, "pem"},
		{`{"keys":[]}`, []string{"-"}, cli.ExitFailed, "None of 0 keys"},
		{"<html>", []string{"-"}, cli.ExitFailed, "not a JWK Set"},
		{"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", []string{"-"}, cli.ExitFailed, "jwks: "},
		{"", []string{"--issuer", "https://other.example.com"}, cli.ExitFailed, "oidcdiscovery: "},
		{"", []string{"http://issuer.test/jwks"}, cli.ExitFailed, "https"},
	} {
		code, stdout, stderr := run(t, issuer, test.stdin, test.args...)
		if code != test.code || !strings.Contains(stdout+stderr, test.want) {
			t.Errorf("%q: exit code %d, want %d and %q\n%s%s", test.args, code, test.code, test.want, stdout, stderr)
		}
	}
}
