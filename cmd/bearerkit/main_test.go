package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/completion"
)

// runVariable makes the test binary behave like the command bearerkit.
const runVariable = "BEARERKIT_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runVariable) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// secret is the value of every variable in these tests.
const secret = "hush-hush"

// complete returns the lines that the program writes to complete a command line, and the last line, which is the directive for the
// shell. The last argument is the word to complete.
func complete(t *testing.T, args ...string) (values []string, directive string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &cli.Env{
		Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return secret },
		Environ: func() []string { return []string{"BEARERKIT_TOKEN=" + secret, "BEARERKIT_CLIENT_SECRET=" + secret} },
	}
	code := cli.Run(t.Context(), env, append([]string{"__complete"}, args...), completion.For(commands()...)...)
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if last := lines[len(lines)-1]; code != cli.ExitOK || !strings.HasPrefix(last, ":") {
		t.Fatalf("%q: exit code %d, stdout %q, stderr %q", args, code, &stdout, &stderr)
	}
	if strings.Contains(stdout.String()+stderr.String(), secret) {
		t.Errorf("%q completes the value of a variable: %s%s", args, &stdout, &stderr)
	}
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// The directives of cobra.
const (
	files   = ":0"
	nothing = ":4"
	folders = ":16"
)

// TestCompletion checks what is completed at some places.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args      string // separated by spaces; a space at the end means an empty word
		values    string // the first ones
		directive string
	}{
		{"ben", "bench\tMeasure a guarded endpoint with valid and rejected tokens", nothing},
		{"bench --kind c", "cold cached", nothing},
		{"bench --method ", "GET HEAD POST", nothing},
		{"bench --token-file ", "", files},
		{"bench --ca-file ", "", files},
		{"bench --client-secret-file ", "", files},
		{"bench --confirm-target ", "", nothing},
		{"bench ", "", nothing},
		{"token --flow ", "client-credentials browser device", nothing},
		{"token --cache ", "", folders},
		{"token --client-id ", "", nothing},
		{"token --issuer ", "", nothing},
		{"token ", "", nothing},
		{"explain --token-file ", "", files},
		{"explain --keys-file ", "", files},
		{"keys ", "", files},
		{"completion ", "bash", nothing},
	} {
		values, directive := complete(t, strings.Split(test.args, " ")...)
		if got := strings.Join(values, " "); !strings.HasPrefix(got, test.values) || test.values == "" && got != "" || directive != test.directive {
			t.Errorf("%q: %q and %s, want %q and %s", test.args, got, directive, test.values, test.directive)
		}
	}
}

// each calls f with every command that can run, and with its words on the command line.
func each(t *testing.T, f func(c *cobra.Command, words []string)) {
	t.Helper()
	var visit func(c *cobra.Command, words []string)
	visit = func(c *cobra.Command, words []string) {
		words = append(append([]string{}, words...), c.Name())
		if c.Runnable() {
			f(c, words)
		}
		for _, child := range c.Commands() {
			visit(child, words)
		}
	}
	env := &cli.Env{Getenv: func(string) string { return "" }}
	for _, command := range completion.For(commands()...) {
		visit(command(env), nil)
	}
}

// TestCompletionOfAllFlags checks the rules for every flag of every command: files are completed where a file is expected, profiles
// for --profile, and never the value of a variable.
func TestCompletionOfAllFlags(t *testing.T) {
	t.Parallel()
	each(t, func(c *cobra.Command, words []string) {
		c.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.NoOptDefVal != "" {
				return // a switch, which has no value
			}
			values, directive := complete(t, append(words, "--"+flag.Name, "")...)
			value, _ := pflag.UnquoteUsage(flag)
			want := nothing
			switch value {
			case "file":
				want = files
			case "folder":
				want = folders
			}
			if directive != want {
				t.Errorf("%q: the directive for --%s is %s, want %s", words, flag.Name, directive, want)
			}
			if strings.HasSuffix(flag.Name, "-file") != (value == "file") && flag.Name != "config" {
				t.Errorf("%q: --%s has a value with the name %q", words, flag.Name, value)
			}
			if isProfile := flag.Name == "profile"; isProfile && !strings.Contains(strings.Join(values, " ")+" ", "keycloak ") {
				t.Errorf("%q: --profile completes %q", words, values)
			}
		})
	})
}

// TestHelp checks that the help of no command contains a secret that the environment has.
func TestHelp(t *testing.T) {
	t.Parallel()
	each(t, func(_ *cobra.Command, words []string) {
		var stdout bytes.Buffer
		env := &cli.Env{Stdout: &stdout, Getenv: func(name string) string {
			if strings.Contains(name, "TOKEN") || strings.Contains(name, "SECRET") || strings.Contains(name, "KEY") {
				return secret
			}
			return ""
		}}
		code := cli.Run(t.Context(), env, append(words, "--help"), completion.For(commands()...)...)
		if code != cli.ExitOK || !strings.Contains(stdout.String(), "Usage:") || strings.Contains(stdout.String(), secret) {
			t.Errorf("%q: exit code %d:\n%s", words, code, &stdout)
		}
	})
}

// TestScripts checks that there is a script for each shell, and that the one for bash completes.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var stdout bytes.Buffer
		code := cli.Run(t.Context(), &cli.Env{Stdout: &stdout}, []string{"completion", shell}, completion.For(commands()...)...)
		if code != cli.ExitOK || !strings.Contains(stdout.String(), "__complete") {
			t.Errorf("%s: exit code %d, a script of %d bytes", shell, code, stdout.Len())
		}
	}
}

// script completes a command line as an interactive bash does. The program bash-completion provides the first function.
const script = `
_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD; }
bearerkit() { "$BINARY" "$@"; }
source <(bearerkit completion bash)
COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
__start_bearerkit 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
`

// TestBash runs the completion in bash.
func TestBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	binary, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ line, want string }{
		{"bearerkit bench --kind ca", "cached"},
		{"bearerkit token --flow dev", "device"},
		{"bearerkit tok", "token"},
		{"bearerkit bench --confirm", "--confirm-target"},
	} {
		cmd := exec.CommandContext(t.Context(), bash, append([]string{"--norc", "-c", script, "bash"}, strings.Fields(test.line)...)...)
		cmd.Env = append(os.Environ(), "BINARY="+binary, runVariable+"=1")
		cmd.Stderr = io.Discard
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
			t.Errorf("%q: %q, %v, want %q", test.line, got, err, test.want)
		}
	}
}
