package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bearerkit/bearerkit/internal/environment"
)

// Hidden replaces text that may be a secret.
const Hidden = "[token]"

// word matches short words without digits, such as names of flags, commands and methods. A token has digits, or letters in both cases,
// or is longer.
var word = regexp.MustCompile(`^([a-z]{1,16}(-[a-z]{1,12}){0,2}|[A-Z]{1,16})$`)

// maxWord is the number of bytes of a word.
const maxWord = 24

// QuoteWord returns text in quotes if it may be a word that the user has misspelled: a short word without digits, or a text that differs
// from one of known in at most two characters. It returns [Hidden] for all other text, because it may be a token or a secret that the
// user has passed in the wrong place.
func QuoteWord(text string, known ...string) string {
	similar := func(name string) bool {
		return len(name) > 3 && environment.EditDistance(strings.ToLower(text), name) <= 2
	}
	if len(text) <= maxWord && (word.MatchString(text) || slices.ContainsFunc(known, similar)) {
		return Quote(text)
	}
	return Hidden
}

// flagError describes a fault in the flags of c. It replaces the messages of pflag, which quote the argument.
func flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		value   *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
	)
	switch {
	case errors.As(err, &unknown):
		return Usagef("unknown flag%s%s", unknownFlag(c, unknown), hyphenHint(c))
	case errors.As(err, &value):
		return Usagef("--%s has a value that is not valid, expected %s", value.GetFlag().Name, typeName(value.GetFlag()))
	case errors.As(err, &missing):
		return Usagef("--%s needs an argument", missing.GetFlag().Name)
	}
	return Usagef("wrong syntax of a flag, expected --name or --name=value%s", hyphenHint(c))
}

// unknownFlag returns the flag of err after a space, or "" if its name may be a token.
func unknownFlag(c *cobra.Command, err *pflag.NotExistError) string {
	if short := err.GetSpecifiedShortnames(); short != "" {
		if len(short) == 1 { // one letter is not a token
			return " -" + Clean(short)
		}
		return ""
	}
	var known []string
	c.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, flag.Name) })
	if name := QuoteWord(err.GetSpecifiedName(), known...); name != Hidden {
		return " " + name
	}
	return ""
}

// hyphenHint says how to pass a token that begins with a hyphen, to a command that has a TOKEN as its argument.
func hyphenHint(c *cobra.Command) string {
	if strings.Contains(c.Use, "TOKEN") {
		return "; a TOKEN that begins with a hyphen needs -- before it"
	}
	return ""
}

// typeName describes the values of a flag.
func typeName(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "bool":
		return "true or false"
	case "int":
		return "a number"
	case "intSlice":
		return "numbers separated by commas"
	case "duration":
		return "a duration with a unit, such as 30s"
	}
	return "text in which quotation marks are balanced" // a list, which is read as a line of CSV
}

// checkArgs makes c report wrong arguments without quoting them. The messages of cobra contain the first one.
func checkArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil || errors.As(err, new(usageError)) {
			return err
		}
		return Usagef("%s does not accept %s. Usage: %s", c.CommandPath(), count(len(args)), c.UseLine())
	}
}

// count returns the number of arguments as text.
func count(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// unknownCommand describes an argument that is not the name of a command below c.
func unknownCommand(c *cobra.Command, name string) error {
	var known []string
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			known = append(known, child.Name())
		}
	}
	c.SuggestionsMinimumDistance = 2
	text := "unknown command " + QuoteWord(name, known...)
	if similar := c.SuggestionsFor(name); len(similar) > 0 {
		text += ". Similar commands: " + strings.Join(similar, ", ")
	}
	return Usagef("%s", text)
}

// parentOnly makes c, which only has commands below it, show its help without arguments, and report any other argument. Without it,
// cobra shows the help of c for each unknown command, and reports success.
func parentOnly(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(c, args[0])
		}
		return c.Help()
	}
}

// topicOf makes the command help report an unknown command as wrong usage.
func topicOf(help *cobra.Command) {
	help.Run = nil
	help.RunE = func(c *cobra.Command, args []string) error {
		topic := c.Root()
		for _, name := range args {
			i := slices.IndexFunc(topic.Commands(), func(child *cobra.Command) bool { return child.Name() == name || child.HasAlias(name) })
			if i < 0 {
				return unknownCommand(topic, name)
			}
			topic = topic.Commands()[i]
		}
		topic.InitDefaultHelpFlag()
		return topic.Help()
	}
}
