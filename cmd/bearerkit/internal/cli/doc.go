// Package cli contains what the commands of bearerkit share: the root command, exit codes, output, secrets, and the flags that
// describe an issuer. A command is a package of its own, beside this one, with one constructor:
//
//	func Command(env *cli.Env) *cobra.Command
//
// The function commands in main.go lists the constructors, and [Run] adds the commands to the root command. A command must keep these rules:
//
//   - It reads and writes only through [Env], so that tests run it in the same process. It reads no environment variable, file
//     descriptor or terminal of its own.
//   - Results go to Env.Stdout. Progress and diagnostics go to Env.Stderr.
//   - With --json ([Env.JSON]), it writes exactly one JSON document, with [Env.WriteJSON].
//   - Text that comes from another party, such as an issuer or a token, passes through [Quote] or [Clean] before it is written.
//     Otherwise it could control the terminal.
//   - A secret is read with [Env.Secret] from a file, from standard input or from a variable, never from the value of a flag. It is
//     not written, except by a command that has this purpose.
//   - Everything that it fetches is bounded in size and time.
//   - The usage text of a flag names its value `file` or `folder` if it is one, and the usage of a command names an argument FILE.
//     Package completion then makes the shell complete them.
//
// The function RunE of a command returns nil for success (exit code 0), [ErrFailed] if it has written a result that is not a
// success (1), an error of [Usagef] for wrong usage (2), and any other error for a failure (1). Run writes the last two to
// Env.Stderr. Errors that cobra returns before it calls RunE, such as for an unknown flag, are wrong usage.
package cli
