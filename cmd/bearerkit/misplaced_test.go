package main

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/completion"
)

// opaque lists tokens that are not JWTs. The names of secrets begin with a letter, so that they could be names of commands and flags.
func opaque() []string {
	return []string{"zOpaque-S3CRET", "gho_16C7e42F292c6912E7s3cret", "2YotnFZFEjr1zCsicMWpAAs3cret", "sk-live-51h8s3cret"}
}

// noNetwork is a transport that reports an error.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}

// output runs a command line without network and returns what it writes.
func output(t *testing.T, variables map[string]string, args ...string) (code int, text string) {
	t.Helper()
	var both bytes.Buffer
	env := &cli.Env{
		Stdout: &both, Stderr: &both, Getenv: func(name string) string { return variables[name] },
		Environ: func() []string {
			var all []string
			for name, value := range variables {
				all = append(all, name+"="+value)
			}
			return all
		},
		HTTPClient: &http.Client{Transport: noNetwork{}},
	}
	return cli.Run(t.Context(), env, args, completion.For(commands()...)...), both.String()
}

// TestMisplacedTokens passes tokens in wrong places of every command line. No output contains them.
func TestMisplacedTokens(t *testing.T) {
	t.Parallel()
	check := func(code int, text string, token string, args []string) {
		if lower := strings.ToLower(text); code != cli.ExitUsage || strings.Contains(lower, "s3cret") || !strings.Contains(text, "bearerkit: ") {
			t.Errorf("%q: exit code %d, want %d without %s:\n%s", args, code, cli.ExitUsage, token, text)
		}
	}
	for _, token := range opaque() {
		for _, args := range [][]string{
			{token},
			{"-" + token},
			{"--" + token},
			{"--" + token + "=x"},
			{"--=" + token},
			{"-=" + token},
			{"--json=" + token},
			{"--json", token},
			{"--", token},
			{"help", token},
			{"help", "keys", token},
			{"completion", token},
			{"completion", "bash", token},
			{"completion", "--" + token},
			{"completion", "bash", "--no-descriptions=" + token},
		} {
			code, text := output(t, nil, args...)
			check(code, text, token, args)
		}
		each(t, func(_ *cobra.Command, words []string) {
			for _, more := range [][]string{
				{"-" + token}, {"--" + token}, {"--" + token + "=x"}, {"--=" + token}, {"-=" + token}, {"--json=" + token}, {token, token, token},
			} {
				args := slices.Concat(words, more)
				code, text := output(t, nil, args...)
				check(code, text, token, args)
			}
		})
	}
}

// TestTokenAsValue passes tokens as the value of every flag. No output contains them, except for flags with the name of an API, of a
// client or of a scope, which may be any text.
func TestTokenAsValue(t *testing.T) {
	t.Parallel()
	names := []string{"audience", "client-ids", "client-id", "client-audience", "scope", "resource", "cache"}
	for _, token := range opaque() {
		each(t, func(c *cobra.Command, words []string) {
			c.Flags().VisitAll(func(flag *pflag.Flag) {
				if slices.Contains(names, flag.Name) {
					return
				}
				args := append(slices.Clone(words), "--"+flag.Name+"="+token)
				switch c.Name() {
				case "bench":
					args = append(args, "http://127.0.0.1:1/")
				case "explain":
					args = append(args, "a.b.c")
				}
				variables := map[string]string{"BEARERKIT_ISSUER": "https://login.example.com", "BEARERKIT_AUDIENCE": "api", "BEARERKIT_CLIENT_ID": "x"}
				if code, text := output(t, variables, args...); code == cli.ExitOK || strings.Contains(strings.ToLower(text), "s3cret") {
					t.Errorf("%q: exit code %d:\n%s", args, code, text)
				}
			})
		})
	}
}

// TestMisspelledNames checks that a misspelled name remains in the error, so that the user sees the mistake.
func TestMisspelledNames(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"docter":                                      `unknown command "docter". Similar commands: doctor`,
		"verify":                                      `unknown command "verify"`,
		"help docter":                                 `unknown command "docter"`,
		"completion bahs":                             `unknown command "bahs"`,
		"doctor --isuer https://x":                    `unknown flag "isuer"`,
		"--jsno":                                      `unknown flag "jsno"`,
		"keys -x":                                     "unknown flag -x",
		"explain --tokenfile x":                       `unknown flag "tokenfile"; a TOKEN that begins with a hyphen`,
		"bench --method PUT http://127.0.0.1:1/":      `--method is "PUT", expected one of GET`,
		"bench --kind colt http://127.0.0.1:1/":       `--kind is "colt", expected some of cold`,
		"bench --duration 5 http://127.0.0.1:1/":      "--duration has a value that is not valid, expected a duration with a unit",
		"bench -c many http://127.0.0.1:1/":           "--concurrency has a value that is not valid, expected a number",
		"token --flow browzer":                        `--flow is "browzer", expected client-credentials`,
		"doctor --issuer https://x --profile rfc9086": `--profile: "rfc9086" is not the name of a profile; the names are `,
		"explain --profile entra-v3 a.b.c":            `--profile: "entra-v3" is not`,
		"keys --issuer":                               "--issuer needs an argument",
		"keys a b":                                    "bearerkit keys does not accept 2 arguments. Usage: bearerkit keys [FILE | URL]",
		"doctor x":                                    "bearerkit doctor does not accept 1 argument. Usage: ",
	} {
		variables := map[string]string{"BEARERKIT_ISSUER": "https://login.example.com", "BEARERKIT_CLIENT_ID": "x"}
		if code, text := output(t, variables, strings.Fields(line)...); code != cli.ExitUsage || !strings.Contains(text, want) {
			t.Errorf("%q: exit code %d, want %d and %s:\n%s", line, code, cli.ExitUsage, want, text)
		}
	}
}

// TestParents checks commands that only have commands below them.
func TestParents(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"": "doctor", "help": "doctor", "help completion": "bash", "help completion bash": "bash", "completion": "powershell", "completion zsh": "compdef",
		"help help": "help",
	} {
		if code, text := output(t, nil, strings.Fields(line)...); code != cli.ExitOK || !strings.Contains(text, want) {
			t.Errorf("%q: exit code %d, want 0 and %s:\n%s", line, code, want, text)
		}
	}
}
