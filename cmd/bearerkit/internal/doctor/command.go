// Package doctor contains the command that examines an issuer, a token and a running API, and says which settings to change.
package doctor

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
)

// flags are the flags of the command.
type flags struct {
	settings  *settings
	tokenFile string
	api       string
}

// Command returns the command doctor.
func Command(env *cli.Env) *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:   "doctor [--issuer URL] [--audience NAME]... [--token-file FILE] [--api URL]",
		Short: "Find out why an API rejects tokens, and which settings to change",
		Long: "doctor examines an issuer, a token and a running API with the code of the kit. For each finding it says what to change, and\n" +
			"which field of the Config controls it. It applies the changes to a copy of your settings, and says whether the token is\n" +
			"then accepted. The exit code is 1 if there is a problem.\n\n" +
			"The token comes from --token-file (\"-\": standard input), from BEARERKIT_TOKEN, or from the file that BEARERKIT_TOKEN_FILE\n" +
			"names. It is sent only to the API, and only over TLS or on this machine.",
		Example: "  bearerkit doctor --issuer https://login.example.com --audience https://api.example.com\n" +
			"  bearerkit doctor --issuer https://login.example.com --audience https://api.example.com --token-file token.txt --api https://api.example.com/orders",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), env, &f) },
	}
	f.settings = addSettings(env, c)
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "`file` with a token; \"-\" is the standard input [BEARERKIT_TOKEN, BEARERKIT_TOKEN_FILE]")
	c.Flags().StringVar(&f.api, "api", "", "`URL` of a guarded route of the running API")
	return c
}

// run examines and writes the report.
func run(ctx context.Context, env *cli.Env, f *flags) error {
	token, err := env.Secret("--token-file", f.tokenFile, "BEARERKIT_TOKEN")
	if err != nil {
		return err
	}
	cfg, err := f.settings.config(env)
	if err != nil {
		return err
	}
	d := &doctor{
		cfg: cfg, api: f.api, token: inspect.ParseToken(token), env: env, keysFile: env.Getenv("BEARERKIT_KEYS_FILE"), recorder: newRecorder(env.HTTPClient),
		progress: env.Progress(),
	}
	d.client = d.recorder.client()
	given := d.cfg
	d.run(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if env.JSON() {
		err = env.WriteJSON(d.document(given))
	} else {
		d.print(env)
	}
	if err == nil && d.count(Problem) > 0 {
		return cli.ErrFailed
	}
	return err
}
