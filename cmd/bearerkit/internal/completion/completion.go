// Package completion says which values a shell completes. It has one rule for all commands, so that a new flag is completed correctly
// without any further code: the value of a flag is a file or a folder only if its usage text says so, with `file` or `folder` as the
// name of the value. No value comes from the environment, so no secret is completed.
package completion

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// For returns constructors of the same commands, with completion for all their flags and arguments. What a command has registered
// itself remains.
func For(commands ...func(*cli.Env) *cobra.Command) []func(*cli.Env) *cobra.Command {
	completed := make([]func(*cli.Env) *cobra.Command, len(commands))
	for i, command := range commands {
		completed[i] = func(env *cli.Env) *cobra.Command {
			c := command(env)
			add(c)
			return c
		}
	}
	return completed
}

// add adds completion to c and to the commands below it.
func add(c *cobra.Command) {
	c.Flags().VisitAll(func(flag *pflag.Flag) { addFlag(c, flag) })
	// The arguments of a command are files only if its usage says so, as in "keys FILE".
	if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && !strings.Contains(c.Use, "FILE") {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, child := range c.Commands() {
		add(child)
	}
}

// addFlag adds completion for the values of a flag.
func addFlag(c *cobra.Command, flag *pflag.Flag) {
	if _, done := c.GetFlagCompletionFunc(flag.Name); done {
		return
	}
	complete := cobra.NoFileCompletions
	switch value, _ := pflag.UnquoteUsage(flag); {
	case flag.Name == "profile":
		complete = cobra.FixedCompletions(cli.ProfileNames(), cobra.ShellCompDirectiveNoFileComp)
	case value == "file":
		return // the shell completes files by default
	case value == "folder":
		complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	_ = c.RegisterFlagCompletionFunc(flag.Name, complete) // the flag exists, and has no completion yet
}
