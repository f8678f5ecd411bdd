// Package keys contains the command that lists the keys of an issuer, of a URL or of a file.
package keys

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
)

// flags are the flags of the command.
type flags struct {
	issuer    string
	pem, jwks bool
	allowHTTP bool
}

// Command returns the command keys.
func Command(env *cli.Env) *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:   "keys [FILE | URL]",
		Short: "List the keys of an issuer, of a URL or of a file",
		Long: "keys lists all keys of a key set, and says which ones the kit uses and why it does not use the others.\n\n" +
			"The key set is that of --issuer, or the one at the URL or in the FILE (\"-\": standard input): a JWK Set, a JWK, or PEM blocks.\n" +
			"With --pem or --jwks, it writes the public parts of the usable keys. The exit code is 1 if no key is usable.",
		Example: "  bearerkit keys --issuer https://login.example.com\n  bearerkit keys --pem https://login.example.com/jwks",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return run(c.Context(), env, f, args) },
	}
	c.Flags().StringVar(&f.issuer, "issuer", env.Getenv("BEARERKIT_ISSUER"), "`URL` of the issuer [BEARERKIT_ISSUER]")
	c.Flags().BoolVar(&f.pem, "pem", false, "write the usable keys as PEM")
	c.Flags().BoolVar(&f.jwks, "jwks", false, "write the usable keys as a JWK Set")
	c.Flags().BoolVar(&f.allowHTTP, "insecure-allow-http", env.Getenv("BEARERKIT_INSECURE_ALLOW_HTTP") == "true", "allow an issuer without TLS [BEARERKIT_INSECURE_ALLOW_HTTP]")
	c.MarkFlagsMutuallyExclusive("pem", "jwks")
	return c
}

// run reads the key set and writes it.
func run(ctx context.Context, env *cli.Env, f flags, args []string) error {
	if f.pem && env.JSON() {
		return cli.Usagef("--pem and --json are both set, but PEM is not JSON; omit one of them, or use --jwks")
	}
	set, err := f.read(ctx, env, args)
	if err != nil {
		return err
	}
	switch {
	case f.pem:
		err = writePEM(env, set)
	case f.jwks:
		err = writeJWKS(env, set)
	case env.JSON():
		err = env.WriteJSON(documentOf(set))
	default:
		printTable(env, set)
	}
	if err == nil && len(set.Usable()) == 0 {
		return cli.ErrFailed
	}
	return err
}

// read reads the key set that the arguments name.
func (f flags) read(ctx context.Context, env *cli.Env, args []string) (*inspect.KeySet, error) {
	progress := env.Progress()
	defer progress.Done()
	progress.Step("reading the keys")
	options := inspect.Options{HTTPClient: env.HTTPClient, AllowHTTP: f.allowHTTP}
	switch {
	case len(args) == 1:
		return inspect.KeysFrom(ctx, env, args[0], options)
	case f.issuer != "":
		return inspect.KeysOfIssuer(ctx, f.issuer, options)
	}
	return nil, cli.Usagef("a FILE, a URL, --issuer or BEARERKIT_ISSUER is required")
}
