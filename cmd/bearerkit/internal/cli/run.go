package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"
)

// The exit codes of bearerkit.
const (
	ExitOK     = 0 // success
	ExitFailed = 1 // a problem was found, a token was rejected, or a check or request failed
	ExitUsage  = 2 // wrong usage: an unknown command or flag, or a wrong value
)

// ErrFailed ends a command with [ExitFailed], and without a message. A command returns it after it has written its result.
var ErrFailed = errors.New("cli: the result is not a success")

// usageError is wrong usage that a command reports.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usagef returns an error that ends a command with [ExitUsage]. Its arguments are those of [fmt.Errorf].
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run runs the command line args, without the name of the program, and returns the exit code. commands are the constructors of the
// commands. Canceling ctx stops the command.
func Run(ctx context.Context, env *Env, args []string, commands ...func(*Env) *cobra.Command) int {
	env = env.withDefaults()
	env.done = ctx.Done()
	out := env.recordOutput()
	started := false
	root := newRoot(env)
	for _, command := range commands {
		root.AddCommand(command(env))
	}
	addDefaults(root, args)
	observe(root, &started)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if out.err != nil && (err == nil || errors.Is(err, ErrFailed)) {
		err, started = fmt.Errorf("the result cannot be written: %w", out.err), true
	}
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrFailed):
		return ExitFailed
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(env.Stderr, "bearerkit: interrupted")
		return ExitFailed
	}
	fmt.Fprintln(env.Stderr, "bearerkit: "+Clean(HideURLs(HideTokens(err.Error()))))
	if started && !errors.As(err, new(usageError)) {
		return ExitFailed
	}
	fmt.Fprintln(env.Stderr, "Run 'bearerkit --help' or 'bearerkit COMMAND --help' for the usage.")
	return ExitUsage
}

// jwt matches a JWT and a JWE. Their header is a JSON object. The base64url of {" begins with eyI to eyL, and that of { with white space
// with eyA to eyD, ewk, ewo or ew0. The latter need 10 more characters, so that names such as keyA.txt do not match.
var jwt = regexp.MustCompile(`(ey[I-L][A-Za-z0-9_-]*|(ey[A-D]|ew[ko0])[A-Za-z0-9_-]{10,})\.[A-Za-z0-9_.=-]*`)

// HideTokens replaces each JWT and JWE in text. Use it for errors about arguments, because a user may have passed a token in place of a
// command, a file or a number, and for values from a token, which may contain another token.
func HideTokens(text string) string { return jwt.ReplaceAllString(text, Hidden) }

// addDefaults adds the commands help and completion of cobra, and makes them report wrong arguments as all other commands do.
func addDefaults(root *cobra.Command, args []string) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	parentOnly(root)
	for _, c := range root.Commands() {
		switch {
		case c.Name() == "help":
			topicOf(c)
		case c.HasSubCommands() && !c.Runnable():
			parentOnly(c)
		}
	}
}

// observe makes c, and each command below it, check its arguments without quoting them, and set started when it starts. An error before
// that is one of usage.
func observe(c *cobra.Command, started *bool) {
	checkArgs(c)
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*started = true
			return run(c, args)
		}
	}
	for _, child := range c.Commands() {
		observe(child, started)
	}
}

// newRoot returns the command bearerkit, without its commands.
func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "bearerkit",
		Short: "Examine issuers, keys, tokens and APIs that bearerkit protects",
		Long: "bearerkit examines issuers, keys, tokens and APIs, and obtains tokens.\n\n" +
			"Secrets are read from files, standard input or environment variables, never from flags.\n\n" +
			"Exit codes: 0 success; 1 a problem, a rejected token, or a failed check or request; 2 wrong usage.",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().BoolVar(&env.json, "json", false, "write the result as one JSON document")
	return root
}
