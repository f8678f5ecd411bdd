package explain_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
)

// Every profile can be used without an issuer, and none accepts a token without keys.
func TestProfiles(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, p := range consumer.Profiles() {
		code, d := documentOf(t, issuer, issuer.AccessToken().Sign(), "-", "--profile", p.String())
		if code != cli.ExitFailed || d.Verdict == "accepted" || len(d.Checks) == 0 {
			t.Errorf("%s: exit code %d, %+v", p, code, d)
		}
	}
}

// A profile that requires a check of the application never accepts a token completely.
func TestPublicIssuer(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, name := range []string{"google", "github-actions", "gitlab-ci"} {
		_, d := documentOf(t, issuer, issuer.AccessToken().Sign(), "-", "--issuer", issuer.URL(), "--audience", api, "--profile", name)
		if !strings.Contains(d.results("not checked"), "check") || d.Verdict == "accepted" {
			t.Errorf("%s: not checked: %q, %+v", name, d.results("not checked"), d)
		}
	}
}

// The trust domain of a SPIFFE ID takes the place of the issuer.
func TestTrustDomain(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	raw := issuer.AccessToken().Set("iss", bearertest.Absent).Set("sub", "spiffe://example.org/w").SetHeader("typ", "JWT").Sign()
	_, d := documentOf(t, issuer, raw, "-", "--profile", "spiffe")
	if failed, open := d.results("failed"), d.results("not checked"); failed != "" || open != "issuer audience key signature" {
		t.Errorf("failed %q, not checked %q, %+v", failed, open, d)
	}
}

// A token or a credential inside of the token is not written, in no mode and wherever it is.
func TestNestedToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	inner := issuer.AccessToken().Sign()
	sources := map[string]any{"src": map[string]any{"JWT": inner, "access_token": "opaque-s3cret", "list": []any{"x " + inner}}}
	var tokens []string
	for _, name := range []string{"iss", "aud", "scope", "exp", "htu", "sub", "client_id", "_claim_sources", inner} {
		for _, value := range []any{inner, []any{inner}, sources, map[string]any{inner: 1}} {
			tokens = append(tokens, issuer.AccessToken().Set(name, value).Sign())
		}
	}
	for _, parameter := range []string{"alg", "typ", "kid", inner} {
		tokens = append(tokens, issuer.AccessToken().SetHeader(parameter, inner).Sign())
	}
	for i, raw := range tokens {
		for _, args := range [][]string{{}, {"--show-claims"}, {"--json"}, {"--json", "--show-claims"}, {"--json", "--issuer", issuer.URL(), "--audience", api}} {
			_, output := run(t, issuer, raw, append([]string{"-"}, args...)...)
			if strings.Contains(output, inner[strings.LastIndex(inner, ".")+1:][:20]) || strings.Contains(output, "s3cret") {
				t.Errorf("token %d %q: the output contains the inner token:\n%s", i, args, output)
			}
		}
	}
}

// A token in a wrong place is wrong usage, and the error does not contain it.
func TestMisplacedToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	const opaque = "zOpaque-S3CRET"
	for _, args := range [][]string{
		{"-" + opaque},
		{"--" + opaque},
		{"--" + opaque + "=x"},
		{"-" + opaque + "=x"},
		{"--json=" + opaque},
		{"--show-claims=" + opaque},
		{"--token-file", opaque},
		{"--profile", opaque, "a.b.c"},
		{"--issuer"},
		{"--", opaque, opaque},
		{"-=" + opaque},
		{"--=" + opaque},
		{"-", "--keys-file", "-"},
		{"--token-file", "-", "--keys-file", "-"},
	} {
		if code, output := run(t, issuer, opaque, args...); code != cli.ExitUsage || strings.Contains(output, "S3CRET") || !strings.Contains(output, "bearerkit: ") {
			t.Errorf("%q: exit code %d\n%s", args, code, output)
		}
	}
	if code, output := run(t, issuer, "", "--isuer", "x"); code != cli.ExitUsage || !strings.Contains(output, `"isuer"`) {
		t.Errorf("a misspelled flag: exit code %d\n%s", code, output)
	}
	if code, output := run(t, issuer, "", "--", "-"+opaque); code != cli.ExitFailed || !strings.Contains(output, "opaque token") {
		t.Errorf("a token that begins with a hyphen: exit code %d\n%s", code, output)
	}
	raw := issuer.AccessToken().Sign()
	if code, output := run(t, issuer, "", raw, "--keys-file", opaque); code != cli.ExitFailed || strings.Contains(output, "S3CRET") || !strings.Contains(output, "--keys-file: ") {
		t.Errorf("a token as the file of keys: exit code %d\n%s", code, output)
	}
}

// Text that cannot be a token is not an opaque token.
func TestNotAToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	raw := issuer.AccessToken().Sign()
	for text, want := range map[string]string{
		"": "not a token", " ": "not a token", "Bearer": "not a token", "Bearer ": "not a token", "dpop": "not a token", ".": "not a token",
		"..": "not a token", "a b": "not a token", raw + " " + raw: "not a token", "curl -H 'Authorization: Bearer " + raw + "'": "not a token",
		`{"id_token":"x"}`: "not a token", "<html>": "not a token", "é": "not a token", "\x00a": "not a token",
		"2YotnFZFEjr1zCsicMWpAA": "opaque token", "a": "opaque token", "a.b": "opaque token", "gho_16C7e42F|x~+/=": "opaque token",
	} {
		if code, d := documentOf(t, issuer, "", text); code != cli.ExitFailed || d.Kind != want || d.Verdict == "accepted" || d.Fix == "" {
			t.Errorf("%.20q: exit code %d, want 1 and %s: %+v", text, code, want, d)
		}
	}
}

// The document has exactly the members that docs/cli.md lists, and no null, whatever the text is.
func TestSchema(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	members := []string{"because", "checks", "claims", "fix", "header", "hidden_claims", "hidden_parameters", "kind", "length", "reason", "removed", "verdict"}
	parts := []string{"detail", "expected", "field", "name", "received", "result", "rule"}
	for _, text := range []string{issuer.AccessToken().Sign(), "Bearer x", "opaque", "", "a.b.c", "ey.."} {
		_, output := run(t, issuer, "", text, "--json")
		var got map[string]any
		if err := json.Unmarshal([]byte(output), &got); err != nil {
			t.Fatalf("%.20q: %v\n%s", text, err, output)
		}
		if diff := cmp.Diff(members, slices.Sorted(maps.Keys(got))); diff != "" || strings.Contains(output, "null") {
			t.Errorf("%.20q: members (-want +got):\n%s%s", text, diff, output)
		}
		checks, _ := got["checks"].([]any)
		for _, c := range checks {
			if c, _ := c.(map[string]any); !slices.Equal(parts, slices.Sorted(maps.Keys(c))) {
				t.Errorf("%.20q: check %v", text, c)
			}
		}
	}
}
