package explain_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/explain"
)

const api = "https://api.test"

// run runs the command with the network of issuer.
func run(t *testing.T, issuer *bearertest.Issuer, stdin string, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	env := &cli.Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out, HTTPClient: issuer.Client()}
	code = cli.Run(t.Context(), env, append([]string{"explain"}, args...), explain.Command)
	return code, out.String()
}

// document is the JSON output, as docs/cli.md describes it.
type document struct {
	Kind, Verdict, Reason, Fix string
	Header, Claims             map[string]any
	HiddenClaims               []string `json:"hidden_claims"`
	Checks                     []struct{ Name, Result, Field, Rule, Detail string }
}

// results returns the names of the checks with a result.
func (d document) results(result string) string {
	var names []string
	for _, c := range d.Checks {
		if c.Result == result {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, " ")
}

// documentOf runs the command with --json.
func documentOf(t *testing.T, issuer *bearertest.Issuer, stdin string, args ...string) (code int, d document) {
	t.Helper()
	code, output := run(t, issuer, stdin, append(args, "--json")...)
	if err := json.Unmarshal([]byte(output), &d); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, output)
	}
	return code, d
}

// Every kind of token, and every kind of fault, has the checks that fail for it, a verdict and a fix.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	issuer, other := bearertest.NewIssuer(bearertest.IssuerConfig{}), bearertest.NewIssuer(bearertest.IssuerConfig{})
	online := []string{"--issuer", issuer.URL(), "--audience", api}
	past := time.Now().Add(-time.Hour).Unix()
	key := bearertest.NewProofKey("ES256")
	for _, test := range []struct {
		name, text    string
		args          []string
		code          int
		kind, verdict string
		failed, open  string
		fix           string
	}{
		{"good", issuer.AccessToken().Sign(), online, 0, "access token", "accepted", "", "", ""},
		{"pasted", "Authorization: Bearer " + issuer.AccessToken().Sign() + "\n", online, 0, "access token", "accepted", "", "", ""},
		{"offline", issuer.AccessToken().Sign(), nil, 1, "access token", "undecided", "", "issuer audience key signature", "not made"},
		{"only the issuer", issuer.AccessToken().Sign(), online[:2], 1, "access token", "undecided", "", "audience", "not made"},
		{"expired", issuer.AccessToken().Set("exp", past).Sign(), online, 1, "access token", "rejected", "time", "", "renew"},
		{"other audience", issuer.AccessToken().Set("aud", "https://x.test").Sign(), online, 1, "access token", "rejected", "audience", "", "for this API"},
		{"other issuer", other.AccessToken().Set("iss", "https://x.test").Sign(), online, 1, "access token", "rejected", "issuer", "", "character by character"},
		{"other key", other.AccessToken().Sign(), online, 1, "access token", "rejected", "signature", "", "Copy the token again"},
		{"unknown kid", issuer.AccessToken().SetHeader("kid", "x").Sign(), online, 1, "access token", "rejected", "key", "", "key set"},
		{"none", issuer.AccessToken().SignWith("none", nil).Sign(), online, 1, "access token", "rejected", "algorithm", "", "asymmetric"},
		{"no exp", issuer.AccessToken().Set("exp", bearertest.Absent).Sign(), nil, 1, "access token", "rejected", "claims", "issuer audience key signature", "add the claim"},
		{"no iss", issuer.AccessToken().Set("iss", bearertest.Absent).Sign(), nil, 1, "access token", "rejected", "issuer", "audience key signature", "iss"},
		{"ID token", issuer.IDToken().Set("aud", api).Sign(), online, 1, "ID token", "rejected", "kind", "", "its access token"},
		{"proof", key.Proof("GET", api, "x").Sign(), online, 1, "DPoP proof", "rejected", "type issuer claims audience kind", "", "header field DPoP"},
		{"bound", issuer.AccessToken().BoundTo(key).Sign(), online, 1, "access token", "undecided", "", "binding", "binding"},
		{"opaque", "2YotnFZFEjr1zCsicMWpAA", online, 1, "opaque token", "undecided", "", "", "introspect"},
		{"encrypted", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ.a.b.c.d", online, 1, "encrypted token (JWE)", "undecided", "", "", "decrypt"},
		{"cut", issuer.AccessToken().Sign()[:50] + "..", online, 1, "malformed JWT", "rejected", "form", "", "Copy the token again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, d := documentOf(t, issuer, test.text, append([]string{"-"}, test.args...)...)
			got := []string{d.Kind, d.Verdict, d.results("failed"), d.results("not checked")}
			if diff := cmp.Diff([]string{test.kind, test.verdict, test.failed, test.open}, got); diff != "" || code != test.code {
				t.Errorf("exit code %d, want %d; kind, verdict, failed, not checked (-want +got):\n%s", code, test.code, diff)
			}
			if !strings.Contains(d.Fix, test.fix) || (test.fix == "") != (d.Fix == "") {
				t.Errorf("fix %q, want %q", d.Fix, test.fix)
			}
			for _, c := range d.Checks {
				if c.Rule == "" && c.Result != "failed" {
					t.Errorf("the check %s has no rule", c.Name)
				}
			}
		})
	}
}

// No output contains the signature, also if the token is rejected. Claims about the user are written on demand only.
func TestNothingSecret(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	token := issuer.AccessToken().Set("email", "alice@example.com")
	for name, raw := range map[string]string{
		"good": token.Sign(), "expired": token.Set("exp", 1).Sign(), "wrong": token.SetHeader("alg", "RS512").Sign(),
		"four parts": token.Sign() + ".x", "opaque": "opaque" + strings.Repeat("A", 40),
	} {
		secret := raw[strings.LastIndex(strings.TrimSuffix(raw, ".x"), ".")+1:]
		for _, args := range [][]string{{}, {"--json"}, {"--show-claims"}, {"--issuer", issuer.URL(), "--audience", api}, {"--profile", "nonsense"}, {"--nonsense"}} {
			for _, in := range [][]string{{raw}, {"-"}} {
				_, output := run(t, issuer, raw, append(in, args...)...)
				if strings.Contains(output, secret[:20]) {
					t.Errorf("%s %q: the output contains the signature or the token:\n%s", name, args, output)
				}
				shown := strings.Contains(output, "alice@example.com")
				if wanted := len(args) == 1 && args[0] == "--show-claims" && name != "opaque" && name != "four parts"; shown != wanted {
					t.Errorf("%s %q: the claims about the user are shown: %t", name, args, shown)
				}
			}
		}
	}
}

// A token never causes a request to the issuer that it names.
func TestTokenCausesNoRequest(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	run(t, issuer, issuer.AccessToken().Sign(), "-", "--audience", api)
	if requests := issuer.Requests(); len(requests) > 0 {
		t.Errorf("requests: %v", requests)
	}
}

// The keys may come from a file or a URL.
func TestKeys(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, issuer.PEM("RS256"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, keys := range []string{file, issuer.URL() + "/jwks"} {
		_, d := documentOf(t, issuer, issuer.AccessToken().Sign(), "-", "--audience", api, "--keys-file", keys)
		if d.Verdict != "undecided" || d.results("not checked") != "issuer" {
			t.Errorf("%s: %+v", keys, d)
		}
	}
	issuer.SetJWKS([]byte(`{"keys":[]}`))
	if code, d := documentOf(t, issuer, issuer.AccessToken().Sign(), "-", "--issuer", issuer.URL(), "--audience", api); code != cli.ExitFailed ||
		d.Reason != "keys_unavailable" || !strings.Contains(d.Fix, "bearerkit keys") {
		t.Errorf("no usable key: exit code %d, %+v", code, d)
	}
}

// Text from a token cannot control the terminal, and values of any size and type are shown shortened.
func TestHostileToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	hostile := "\x1b[2J\u202e" + strings.Repeat("x", 5000)
	for _, claim := range []string{"iss", "aud", "scope", "exp", "cnf", hostile} {
		for _, value := range []any{hostile, []any{hostile}, map[string]any{hostile: 1}, json.Number("1e99999"), json.Number("-1"), nil, true} {
			raw := issuer.AccessToken().Set(claim, value).SetHeader("typ", hostile).Sign()
			for _, flag := range []string{"--json", "--show-claims"} {
				if _, output := run(t, issuer, raw, "-", flag); strings.ContainsAny(output, "\x1b\u202e") {
					t.Errorf("%.20q %v: control characters in %s", claim, flag, output)
				}
			}
			if _, output := run(t, issuer, raw, "-"); len(output) > 40_000 {
				t.Errorf("%.20q: %d bytes of output", claim, len(output))
			}
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, args := range [][]string{
		{}, {"a", "b"}, {"a", "--token-file", "b"}, {"a.b.c", "--profile", "nonsense"}, {"--token-file", "/nonexistent/file"}, {"--issuer"},
	} {
		if code, output := run(t, issuer, "", args...); code != cli.ExitUsage {
			t.Errorf("%q: exit code %d\n%s", args, code, output)
		}
	}
	raw := issuer.AccessToken().Sign()
	if code, output := run(t, issuer, "", raw, "--issuer", "https://other.example.com"); code != cli.ExitFailed {
		t.Errorf("unreachable issuer: exit code %d\n%s", code, output)
	}
}

// The text shows dates with their distance from now, and each check with its rule.
func TestText(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	_, output := run(t, issuer, issuer.AccessToken().Sign(), "-", "--issuer", issuer.URL(), "--audience", api)
	for _, want := range []string{
		"access token, ", "recognized by typ at+jwt", `iss "https://issuer.test"`, "Z, in ", "✓ audience", "RFC 7519 section 4.1.3, RFC 9068 section 4, consumer.Config.Audience\n",
		`not shown (--show-claims): "jti", "sub"`, "An API with these settings accepts the token.",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in\n%s", want, output)
		}
	}
}
