package doctor_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
)

// withVariables runs doctor with variables, and returns the exit code and everything that it writes.
func withVariables(t *testing.T, w *world, variables []string, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	env := &cli.Env{
		Stdout: &out, Stderr: &out, HTTPClient: &http.Client{Transport: w},
		Environ: func() []string { return slices.Clone(variables) },
		Getenv: func(name string) string {
			for _, entry := range variables {
				if value, ok := strings.CutPrefix(entry, name+"="); ok {
					return value
				}
			}
			return ""
		},
	}
	code = cli.Run(t.Context(), env, append([]string{"doctor"}, args...), doctor.Command)
	return code, out.String()
}

// An API and doctor read the same variables. A flag replaces the value of its variable.
func TestVariables(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(home)
	required := []string{"BEARERKIT_ISSUER=" + home, "BEARERKIT_AUDIENCE=" + audience, "BEARERKIT_TOKEN=" + issuer.AccessToken().Sign()}
	crossauth := []string{"CROSSAUTH_AUTH_SERVER_BASE_URL=" + home, "CROSSAUTH_OAUTH_AUDIENCE=" + audience, "BEARERKIT_TOKEN=" + issuer.AccessToken().Set("type", "access").Sign()}
	for _, test := range []struct {
		name      string
		base      []string
		variables []string
		args      []string
		code      int
		says      string
	}{
		{"required", required, nil, nil, cli.ExitOK, "The token is accepted."},
		{"crossauth", crossauth, nil, nil, cli.ExitOK, "Profile crossauth accepts it"},
		{"crossauth and the issuer as a flag", crossauth, nil, []string{"--issuer", home}, cli.ExitOK, "Profile crossauth accepts it"},
		{"crossauth and the profile as a flag", crossauth, nil, []string{"--profile", "default"}, cli.ExitOK, "Profile default accepts it"},
		{"a store of tokens", crossauth, []string{"CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN=true"}, nil, cli.ExitOK, "The token is accepted."},
		{"settings without a flag", required, []string{"BEARERKIT_REQUIRED_CLAIMS=tenant"}, nil, cli.ExitFailed, "tenant"},
		{"public addresses", required, []string{"BEARERKIT_PUBLIC_ADDRESSES_ONLY=true"}, nil, cli.ExitOK, "The token is accepted."},
		{"settings of the cache of keys", required, []string{"BEARERKIT_KEY_CACHE_TIMEOUT=2s", "BEARERKIT_KEY_CACHE_MAX_BYTES=100"}, nil, cli.ExitFailed, "KeyCache.MaxBytes"},
		{"clock skew without a unit", required, []string{"BEARERKIT_CLOCK_SKEW=10"}, nil, cli.ExitUsage, "BEARERKIT_CLOCK_SKEW"},
		{"clock skew that a flag replaces", required, []string{"BEARERKIT_CLOCK_SKEW=10"}, []string{"--clock-skew", "10s"}, cli.ExitOK, "Accepted: 10s"},
		{"clock skew of a variable", required, []string{"BEARERKIT_CLOCK_SKEW=20s"}, nil, cli.ExitOK, "Accepted: 20s"},
		{"misspelled", required, []string{"BEARERKIT_AUDIENCES=x"}, nil, cli.ExitUsage, "BEARERKIT_AUDIENCES"},
		{"two mistakes", required, []string{"BEARERKIT_ALGORITHMS=none", "BEARERKIT_INSECURE_ALLOW_HTTP=yes"}, nil, cli.ExitUsage, "BEARERKIT_INSECURE_ALLOW_HTTP"},
		{"quotation marks", nil, []string{`BEARERKIT_ISSUER="` + home + `"`}, nil, cli.ExitUsage, "BEARERKIT_ISSUER"},
		{"quotation marks in a flag", required, nil, []string{"--issuer", `"` + home + `"`}, cli.ExitFailed, "quotation marks"},
		{"a file that does not exist", required, []string{"BEARERKIT_KEYS_FILE=/none/keys"}, nil, cli.ExitUsage, "BEARERKIT_KEYS_FILE"},
		{"an issuer that a flag replaces", required, nil, []string{"--issuer", home + "/"}, cli.ExitFailed, "trailing slash"},
		{"an audience that a flag replaces", required, nil, []string{"--audience", "https://other.test"}, cli.ExitFailed, "must request a token for this API"},
		{"no audience", slices.Delete(slices.Clone(required), 1, 2), nil, nil, cli.ExitFailed, "No audience was given"},
		{"no issuer", required[1:], nil, nil, cli.ExitUsage, "--issuer or BEARERKIT_ISSUER is required"},
		{"an unknown profile", required, nil, []string{"--profile", "none"}, cli.ExitUsage, "keycloak"},
		{"an unknown profile in a variable", required, []string{"BEARERKIT_PROFILE=none"}, nil, cli.ExitUsage, "BEARERKIT_PROFILE"},
		{"an algorithm without keys for it", required[:2], []string{"BEARERKIT_ALGORITHMS=HS256"}, nil, cli.ExitFailed, "The Config is not valid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := &world{hosts: map[string]http.Handler{home: issuer}}
			variables := append(slices.Clone(test.base), test.variables...)
			code, output := withVariables(t, w, variables, test.args...)
			if code != test.code || !strings.Contains(joined(output), test.says) || strings.Contains(output, "unknown") {
				t.Errorf("exit code %d, want %d and the text %q:\n%s", code, test.code, test.says, output)
			}
		})
	}
}

// joined returns text without the line breaks that wrap it.
func joined(text string) string { return strings.Join(strings.Fields(text), " ") }

// An API with keys of its own fetches nothing, and neither does doctor.
func TestConfiguredKeys(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	issuer, other := newIssuer(home), newIssuer(home)
	shared := bearertest.NewIssuer(bearertest.IssuerConfig{URL: home, Algorithms: []string{"RS256"}})
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	jwks := "BEARERKIT_KEYS_FILE=" + file(issuer.JWKS())
	good := issuer.AccessToken().Sign()
	for _, test := range []struct {
		name      string
		variables []string
		token     string
		code      int
		says      string
	}{
		{"a JWK Set", []string{jwks}, good, cli.ExitOK, "2 usable keys"},
		{"PEM", []string{"BEARERKIT_KEYS_FILE=" + file(issuer.PEM("RS256")), "BEARERKIT_KEYS_ALGORITHM=RS256"}, good, cli.ExitOK, "1 usable key"},
		{"without a token", []string{jwks}, "", cli.ExitOK, "2 usable keys"},
		{"other keys", []string{jwks}, other.AccessToken().SetHeader("kid", "other").Sign(), cli.ExitFailed, "Add the key with which tokens are signed to the configured keys"},
		{"a forged signature", []string{jwks}, issuer.AccessToken().EditSignature(func(s []byte) []byte { s[0] ^= 1; return s }).Sign(), cli.ExitFailed, "The signature is not"},
		{"another issuer", []string{jwks}, issuer.AccessToken().Set("iss", "https://other.example.com").Sign(), cli.ExitFailed, "another authorization server"},
		{"an issuer with a slash", []string{jwks}, issuer.AccessToken().Set("iss", home+"/").Sign(), cli.ExitFailed, `consumer.Config.Issuer = "` + home + `/"`},
		{"no issuer in tokens", []string{jwks, "BEARERKIT_INSECURE_NO_ISSUER=true"}, good, cli.ExitOK, "accepted"},
		{"a secret", []string{"BEARERKIT_SECRET_KEY=" + secret, "BEARERKIT_KEYS_ALGORITHM=HS256"}, shared.AccessToken().SignWith("HS256", []byte(secret)).Sign(), cli.ExitOK, "The token is accepted"},
		{"another secret", []string{"BEARERKIT_SECRET_KEY=" + secret, "BEARERKIT_KEYS_ALGORITHM=HS256"}, shared.AccessToken().SignWith("HS256", []byte("f"+secret)).Sign(), cli.ExitFailed, "token.signature"},
		{"a setting for fetched keys", []string{jwks, "BEARERKIT_KEY_CACHE_TIMEOUT=5s"}, good, cli.ExitFailed, "KeyCache"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			variables := append([]string{"BEARERKIT_ISSUER=" + home, "BEARERKIT_AUDIENCE=" + audience, "BEARERKIT_TOKEN=" + test.token}, test.variables...)
			var args []string
			if test.says == "token.signature" {
				args = []string{"--json"}
			}
			code, output := withVariables(t, &world{}, variables, args...) // no host responds
			if code != test.code || !strings.Contains(joined(output), test.says) || strings.Contains(output, secret) {
				t.Errorf("exit code %d, want %d and the text %q:\n%s", code, test.code, test.says, output)
			}
		})
	}
}
