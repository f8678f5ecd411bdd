// Command bearerkit examines issuers, keys, tokens and guarded APIs. Run it without arguments for a list of its commands.
// docs/cli.md describes them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/bench"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/completion"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/explain"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/keys"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/serve"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/token"
)

func main() { os.Exit(run()) }

// run runs the command line until it ends, or until the process is interrupted, and returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return cli.Run(ctx, cli.OS(), os.Args[1:], completion.For(commands()...)...)
}

// commands returns the constructors of all commands.
func commands() []func(*cli.Env) *cobra.Command {
	return []func(*cli.Env) *cobra.Command{
		bench.Command,
		doctor.Command,
		explain.Command,
		keys.Command,
		serve.Command,
		token.Command,
	}
}
