package token

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

const long = `Get an access token, and write it to the standard output. Everything else goes to the standard error.

The flows are:

  client-credentials  the client gets a token for itself; the default if it has a secret or a key
  browser             the user signs in with the browser of this machine; the default of other clients
  device              the user opens an address on any device, and types a code

The configuration comes from the variables that client.FromEnv reads, such as BEARERKIT_ISSUER, BEARERKIT_CLIENT_ID,
BEARERKIT_CLIENT_SECRET and BEARERKIT_CLIENT_SECRET_FILE. Flags have precedence.

For the flow browser, http://127.0.0.1/callback must be registered as a redirect URI with any port, or set --redirect-uri.`

const example = `  curl -H "Authorization: Bearer $(bearerkit token --scope orders:read)" http://127.0.0.1:8080/orders
  bearerkit token --flow device --cache ~/.cache/bearerkit --json`

// Limits of --timeout. docs/bounds.md lists them.
const (
	defaultTimeout = 5 * time.Minute
	maxTimeout     = time.Hour
)

// flags are the flags of the command, except for those that describe the client.
type flags struct {
	flow      string
	folder    string
	noBrowser bool
	timeout   time.Duration
}

// Command returns the command token.
func Command(env *cli.Env) *cobra.Command {
	f := new(flags)
	c := &cobra.Command{
		Use:     "token",
		Short:   "Get an access token",
		Long:    long,
		Example: example,
		Args:    cobra.NoArgs,
	}
	described := NewFlags(env, c)
	described.add(c, "redirect-uri", "redirect `URI` for the flow browser [BEARERKIT_REDIRECT_URI]", "BEARERKIT_REDIRECT_URI", "CROSSAUTH_OAUTH_REDIRECT_URI")
	f.register(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := described.Config()
		if err != nil {
			return err
		}
		return f.run(c.Context(), env, cfg)
	}
	return c
}

// register adds the flags to c.
func (f *flags) register(c *cobra.Command) {
	set := c.Flags()
	set.StringVar(&f.flow, "flow", "", "`flow` to use: client-credentials, browser or device")
	set.StringVar(&f.folder, "cache", "", "`folder` that stores the token for later calls, readable by its owner only (default the token is not stored)")
	set.BoolVar(&f.noBrowser, "no-browser", false, "write the address of the flow browser, and start no browser")
	set.DurationVar(&f.timeout, "timeout", defaultTimeout, "longest time for everything, with the sign-in of the user; at most 1h")
	_ = c.RegisterFlagCompletionFunc("flow", cobra.FixedCompletions(flows(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// run gets the token and writes it.
func (f *flags) run(ctx context.Context, env *cli.Env, cfg client.Config) error {
	if f.timeout <= 0 || f.timeout > maxTimeout {
		return cli.Usagef("token: --timeout is %v, expected more than 0 and at most %v", f.timeout, maxTimeout)
	}
	flow, err := chooseFlow(f.flow, cfg)
	if err != nil {
		return err
	}
	c, err := client.New(cfg)
	if err != nil {
		return cli.Usagef("%w", err)
	}
	s := &session{env: env, cfg: cfg, client: c, flow: flow, noBrowser: f.noBrowser, timeout: f.timeout, folder: f.folder}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	token, stored, err := s.token(ctx)
	if err != nil {
		return s.advise(ctx, err)
	}
	if err := s.write(token); err != nil {
		return err
	}
	s.notes(token, stored)
	return nil
}
