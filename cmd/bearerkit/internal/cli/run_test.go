package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// command returns the constructor of a command "try" that calls run.
func command(run func(env *cli.Env, args []string) error) func(*cli.Env) *cobra.Command {
	return func(env *cli.Env) *cobra.Command {
		c := &cobra.Command{Use: "try [ARG]", Args: cobra.MaximumNArgs(1)}
		c.Flags().String("word", "", "a word")
		c.RunE = func(_ *cobra.Command, args []string) error { return run(env, args) }
		return c
	}
}

// The exit code and the streams say how a command ended.
func TestRun(t *testing.T) {
	t.Parallel()
	fails := func(err error) func(*cli.Env, []string) error { return func(*cli.Env, []string) error { return err } }
	for _, test := range []struct {
		name   string
		args   []string
		run    func(*cli.Env, []string) error
		code   int
		stderr string // contained in it; "": Stderr is empty
	}{
		{"success", []string{"try"}, fails(nil), cli.ExitOK, ""},
		{"a result that is not a success", []string{"try"}, fails(fmt.Errorf("x: %w", cli.ErrFailed)), cli.ExitFailed, ""},
		{"a failure", []string{"try"}, fails(errors.New("no network")), cli.ExitFailed, "bearerkit: no network\n"},
		{"wrong usage", []string{"try"}, fails(cli.Usagef("word %d", 7)), cli.ExitUsage, "bearerkit: word 7\nRun "},
		{"a failure with an escape sequence", []string{"try"}, fails(errors.New("\x1b[2J\u202e")), cli.ExitFailed, `bearerkit: \u001b[2J\u202e`},
		{"an unknown command", []string{"tri"}, fails(nil), cli.ExitUsage, "unknown command"},
		{"an unknown flag", []string{"try", "--wort"}, fails(nil), cli.ExitUsage, "unknown flag"},
		{"too many arguments", []string{"try", "a", "b"}, fails(nil), cli.ExitUsage, "does not accept 2 arguments"},
		{"a flag without a value", []string{"try", "--word"}, fails(nil), cli.ExitUsage, "needs an argument"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := cli.Run(t.Context(), &cli.Env{Stdout: &stdout, Stderr: &stderr}, test.args, command(test.run))
			if code != test.code {
				t.Errorf("exit code %d, want %d; stderr: %s", code, test.code, &stderr)
			}
			if (test.stderr == "") != (stderr.Len() == 0) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("stderr %q, want %q", &stderr, test.stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout %q, want it empty", &stdout)
			}
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ flag, want string }{
		{"--version", "bearerkit "},
		{"--help", "Exit codes"},
		{"", "try"},
	} {
		var stdout bytes.Buffer
		code := cli.Run(t.Context(), &cli.Env{Stdout: &stdout}, strings.Fields(test.flag), command(nil))
		if code != cli.ExitOK || !strings.Contains(stdout.String(), test.want) {
			t.Errorf("%q: exit code %d, stdout %q, want %q", test.flag, code, &stdout, test.want)
		}
	}
}

// What comes from other parties cannot control the terminal, also in JSON.
func TestForeignText(t *testing.T) {
	t.Parallel()
	hostile := "a\x1b]0;x\a\u0085\u202eb\u200b\xff\U000e0041 \u0430"
	if got, want := cli.Quote(hostile), `"a\x1b]0;x\a\u0085\u202eb\u200b\xff\U000e0041 \u0430"`; got != want {
		t.Errorf("Quote: %s, want %s", got, want)
	}
	if got, want := cli.Clean(hostile+"\n"), "a\\u001b]0;x\\u0007\\u0085\\u202eb\\u200b\\xff\\udb40\\udc41 \u0430\n"; got != want {
		t.Errorf("Clean: %q, want %q", got, want)
	}
	if got := cli.Quote(strings.Repeat("ä", 200)); len(got) > 1000 || !strings.HasSuffix(got, `\u00e4"...`) {
		t.Errorf("Quote of a long text: %s", got)
	}
	var stdout bytes.Buffer
	run := command(func(env *cli.Env, _ []string) error { return env.WriteJSON(map[string]string{"<": hostile}) })
	if code := cli.Run(t.Context(), &cli.Env{Stdout: &stdout}, []string{"try", "--json"}, run); code != cli.ExitOK {
		t.Fatalf("exit code %d", code)
	}
	want := "{\n  \"<\": \"a\\u001b]0;x\\u0007\\u0085\\u202eb\\u200b\\ufffd\\udb40\\udc41 \u0430\"\n}\n"
	got := strings.ReplaceAll(stdout.String(), "\ufffd", `\ufffd`) // Go 1.27 does not escape it
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestPaint(t *testing.T) {
	t.Parallel()
	terminal := func(io.Writer) int { return 80 }
	for _, test := range []struct {
		name      string
		variables map[string]string
		columns   func(io.Writer) int
		args      []string
		want      string
	}{
		{"a terminal", nil, terminal, nil, "\x1b[31mx\x1b[0m"},
		{"a file", nil, nil, nil, "x"},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, terminal, nil, "x"},
		{"a dumb terminal", map[string]string{"TERM": "dumb"}, terminal, nil, "x"},
		{"JSON", nil, terminal, []string{"--json"}, "x"},
		{"a file with CLICOLOR_FORCE", map[string]string{"CLICOLOR_FORCE": "1"}, nil, nil, "\x1b[31mx\x1b[0m"},
		{"NO_COLOR has precedence", map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, nil, nil, "x"},
	} {
		var stdout bytes.Buffer
		env := &cli.Env{Stdout: &stdout, Columns: test.columns, Getenv: func(name string) string { return test.variables[name] }}
		run := command(func(env *cli.Env, _ []string) error {
			fmt.Fprint(env.Stdout, env.Paint(cli.Red, "x"), env.Paint(cli.Red, ""))
			return nil
		})
		cli.Run(t.Context(), env, append([]string{"try"}, test.args...), run)
		if stdout.String() != test.want {
			t.Errorf("%s: %q, want %q", test.name, &stdout, test.want)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, empty, large := file("good", " s3cret\r\n"), file("empty", "\n"), file("large", strings.Repeat("x", 1<<20+1))
	for _, test := range []struct {
		name      string
		flag      string
		variables map[string]string
		want, err string
	}{
		{"nothing", "", nil, "", ""},
		{"a file", good, nil, "s3cret", ""},
		{"standard input", "-", nil, "typed", ""},
		{"a variable", "", map[string]string{"X": "set\n"}, "set", ""},
		{"a variable that names a file", "", map[string]string{"X_FILE": good}, "s3cret", ""},
		{"the flag has precedence", good, map[string]string{"X": "set"}, "s3cret", ""},
		{"both variables", "", map[string]string{"X": "set", "X_FILE": good}, "", "X and X_FILE are both set"},
		{"an empty file", empty, nil, "", "--x-file: " + cli.Quote(empty) + " is empty"},
		{"a file that is too large", large, nil, "", "more than 1048576 bytes"},
		{"no file", folder + "/none", nil, "", "--x-file: the file cannot be opened: "},
		{"an empty file of a variable", "", map[string]string{"X_FILE": empty}, "", "X_FILE: "},
	} {
		var stderr bytes.Buffer
		env := &cli.Env{Stdin: strings.NewReader("typed\n"), Stderr: &stderr, Getenv: func(name string) string { return test.variables[name] }}
		var got string
		code := cli.Run(t.Context(), env, []string{"try"}, command(func(env *cli.Env, _ []string) (err error) {
			got, err = env.Secret("--x-file", test.flag, "X")
			return err
		}))
		if got != test.want || (test.err != "") != (code == cli.ExitUsage) || !strings.Contains(stderr.String(), test.err) {
			t.Errorf("%s: %q, exit code %d, stderr %q; want %q, %q", test.name, got, code, &stderr, test.want, test.err)
		}
		if strings.Contains(stderr.String(), "s3cret") || strings.Contains(stderr.String(), "set\n") {
			t.Errorf("%s: stderr contains the secret: %q", test.name, &stderr)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		columns int
		want    string
	}{
		{0, ""},
		{8, "\r\x1b[Kfetchin\r\x1b[K\\u001b[\r\x1b[K"},
	} {
		var stderr bytes.Buffer
		env := &cli.Env{Stderr: &stderr, Columns: func(io.Writer) int { return test.columns }}
		cli.Run(t.Context(), env, []string{"try"}, command(func(env *cli.Env, _ []string) error {
			progress := env.Progress()
			progress.Step("fetching keys")
			progress.Step("\x1b[2J")
			progress.Done()
			progress.Done()
			return nil
		}))
		if stderr.String() != test.want {
			t.Errorf("%d columns: %q, want %q", test.columns, &stderr, test.want)
		}
	}
}

// A dumb terminal cannot replace a line, so there is no progress.
func TestProgressOnADumbTerminal(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	env := &cli.Env{Stderr: &stderr, Columns: func(io.Writer) int { return 80 }, Getenv: func(string) string { return "dumb" }}
	cli.Run(t.Context(), env, []string{"try"}, command(func(env *cli.Env, _ []string) error {
		progress := env.Progress()
		progress.Step("fetching keys")
		progress.Done()
		return nil
	}))
	if stderr.Len() > 0 {
		t.Errorf("stderr %q, want nothing", &stderr)
	}
}

// A command that reads from a terminal or a FIFO ends when it is interrupted, although no input comes.
func TestInterruptedInput(t *testing.T) {
	t.Parallel()
	never, writer := io.Pipe()
	defer writer.Close() //nolint:errcheck // nothing was written
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, &cli.Env{Stdin: never, Stdout: &stdout, Stderr: &stderr}, []string{"try"}, command(func(env *cli.Env, _ []string) error {
		cancel()
		_, err := env.Secret("--word", "-", "X")
		return err
	}))
	if code != cli.ExitFailed || stdout.Len() > 0 || stderr.String() != "bearerkit: interrupted\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	got := cli.Wrap("one two three https://a.long.example/url four\nfive", 12, "  ")
	if want := "one two\n  three\n  https://a.long.example/url\n  four\n  five"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A flag has precedence over its variable, and lists are separated by spaces or commas.
func TestIssuerFlags(t *testing.T) {
	t.Parallel()
	variables := map[string]string{"BEARERKIT_ISSUER": "https://v.example", "BEARERKIT_AUDIENCE": "a, b  c"}
	for _, test := range []struct {
		args []string
		want cli.Issuer
	}{
		{nil, cli.Issuer{URL: "https://v.example", Audience: []string{"a", "b", "c"}}},
		{
			[]string{"--issuer", "https://f.example", "--audience", "d", "--audience", "e", "--profile", "keycloak"},
			cli.Issuer{URL: "https://f.example", Audience: []string{"d", "e"}, Profile: "keycloak"},
		},
	} {
		var got *cli.Issuer
		env := &cli.Env{Getenv: func(name string) string { return variables[name] }}
		code := cli.Run(t.Context(), env, append([]string{"try"}, test.args...), func(env *cli.Env) *cobra.Command {
			c := command(func(*cli.Env, []string) error { return nil })(env)
			got = env.IssuerFlags(c)
			return c
		})
		if diff := cmp.Diff(&test.want, got); code != cli.ExitOK || diff != "" {
			t.Errorf("exit code %d (-want +got):\n%s", code, diff)
		}
	}
}

// A token that is passed in the wrong place does not appear in the error.
func TestMisplacedToken(t *testing.T) {
	t.Parallel()
	const jwt, opaque = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl", "opaque-s3cret"
	const spaced = "eyAiYWxnIjogIlJTMjU2IiB9.eyAic3ViIjogIngiIH0.c2lnbmF0dXJl"      // JSON with spaces
	const lines = "ewogICJhbGciOiAiUlMyNTYiCn0.ewogICJzdWIiOiAieCIKfQ.c2lnbmF0dXJl" // JSON with line breaks
	for _, args := range [][]string{
		{jwt},
		{spaced},
		{"try", "--count", lines},
		{"try", "-t" + jwt},
		{"try", "--count", jwt},
		{"try", "--count=" + jwt},
		{"try", jwt, "b"},
		{"try", "--file", jwt},
		{"try", "--file", opaque},
		{"try", "--file", "x/" + opaque},
		{"try", "--file", strings.Repeat(opaque, 1000)},
	} {
		var stdout, stderr bytes.Buffer
		code := cli.Run(t.Context(), &cli.Env{Stdout: &stdout, Stderr: &stderr}, args, func(env *cli.Env) *cobra.Command {
			c := &cobra.Command{Use: "try", Args: cobra.NoArgs}
			file := c.Flags().String("file", "", "a file")
			c.Flags().Int("count", 0, "a number")
			c.RunE = func(*cobra.Command, []string) error {
				_, err := env.Secret("--file", *file, "X")
				return err
			}
			return c
		})
		if code != cli.ExitUsage {
			t.Errorf("%.60q: exit code %d, want %d", args, code, cli.ExitUsage)
		}
		if out := stdout.String() + stderr.String(); strings.Contains(out, "c2lnbmF0dXJl") || strings.Contains(out, opaque) || !strings.Contains(out, "bearerkit: ") {
			t.Errorf("%.60q: output %q", args, out)
		}
	}
}

// fullDisk is a writer that always fails.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// A result that cannot be written is not a success, also if the command ignores the error.
func TestLostOutput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"try"}, {"try", "--json"}, {"--help"}} {
		var stderr bytes.Buffer
		code := cli.Run(t.Context(), &cli.Env{Stdout: fullDisk{}, Stderr: &stderr}, args, command(func(env *cli.Env, _ []string) error {
			fmt.Fprintln(env.Stdout, "text")
			return nil
		}))
		if code != cli.ExitFailed || stderr.String() != "bearerkit: the result cannot be written: no space left\n" {
			t.Errorf("%q: exit code %d, stderr %q", args, code, &stderr)
		}
	}
}
