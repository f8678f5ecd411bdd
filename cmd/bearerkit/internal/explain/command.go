// Package explain contains the command that shows what a token says, and the result and the rule of every check of it.
package explain

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
)

// flags are the flags of the command.
type flags struct {
	issuer     *cli.Issuer
	tokenFile  string
	keys       string
	showClaims bool
	allowHTTP  bool
}

// Command returns the command explain.
func Command(env *cli.Env) *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:   "explain [TOKEN | -]",
		Short: "Show what a token says, and the result of every check of it",
		Long: "explain shows the header and the claims of a token, and checks it as an API does. Each check has a result, a rule, and the\n" +
			"field of the Config that decides. The signature is never written, and claims about the user only with --show-claims.\n\n" +
			"Without --issuer and --keys-file, explain makes no request and does not check the signature. Without --audience, it does not\n" +
			"check the audience. The exit code is 0 if all checks passed, and 1 if one failed or was not made.\n\n" +
			"TOKEN is visible to other users of the machine while the command runs. To avoid that, use \"-\" (the standard input),\n" +
			"--token-file, BEARERKIT_TOKEN, or BEARERKIT_TOKEN_FILE.",
		Example: "  bearerkit explain - < token.txt\n" +
			"  bearerkit explain --issuer https://login.example.com --audience https://api.example.com --token-file token.txt",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), env, &f, args) },
	}
	f.issuer = env.IssuerFlags(c)
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "`file` with a token; \"-\" is the standard input [BEARERKIT_TOKEN, BEARERKIT_TOKEN_FILE]")
	c.Flags().StringVar(&f.keys, "keys-file", "",
		"`file` or URL with the keys of the issuer: a JWK Set, a JWK, or PEM blocks [BEARERKIT_KEYS_FILE]")
	c.Flags().BoolVar(&f.showClaims, "show-claims", false, "also write the values of claims about the user")
	c.Flags().BoolVar(&f.allowHTTP, "insecure-allow-http", env.Getenv("BEARERKIT_INSECURE_ALLOW_HTTP") == "true",
		"allow an issuer without TLS [BEARERKIT_INSECURE_ALLOW_HTTP]")
	return c
}

// run reads the token, checks it, and writes the report.
func run(ctx context.Context, env *cli.Env, f *flags, args []string) error {
	token, err := f.token(env, args)
	if err != nil {
		return err
	}
	p, err := f.issuer.ProfileNamed()
	if err != nil {
		return err
	}
	if token.Kind == inspect.KindOpaque && !sendable(token.Raw) {
		token.Kind = inspect.KindNothing
	}
	r := &report{token: token, showClaims: f.showClaims}
	e := examiner{issuer: f.issuer.URL, audience: f.issuer.Audience, profile: p, allowHTTP: f.allowHTTP}
	if token.IsJWT() || token.Kind == inspect.KindMalformed {
		if e.keys, err = f.readKeys(ctx, env); err != nil {
			return err
		}
		if r.checks, r.reason, err = e.examine(ctx, token); err != nil {
			return err
		}
	}
	r.decide()
	if env.JSON() {
		err = env.WriteJSON(r.document())
	} else {
		r.print(env)
	}
	if err == nil && r.verdict != accepted {
		return cli.ErrFailed
	}
	return err
}

// token reads the token from the argument, the file or the variables.
func (f *flags) token(env *cli.Env, args []string) (*inspect.Token, error) {
	file := f.tokenFile
	switch {
	case len(args) == 1 && file != "":
		return nil, cli.Usagef("TOKEN and --token-file are both set; omit one of them")
	case len(args) == 1 && args[0] != "-":
		return inspect.ParseToken(args[0]), nil
	case len(args) == 1:
		file = "-"
	}
	if file == "-" && f.keysPlace(env) == "-" {
		return nil, cli.Usagef("the token and the keys cannot both come from the standard input")
	}
	text, err := env.Secret("--token-file", file, "BEARERKIT_TOKEN")
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, cli.Usagef("a TOKEN, --token-file, BEARERKIT_TOKEN or BEARERKIT_TOKEN_FILE is required; \"-\" is the standard input")
	}
	return inspect.ParseToken(text), nil
}

// readKeys reads the keys that --keys-file or --issuer name. It returns nil if there is neither. The issuer in the token is never used: a
// forged token would choose where the request goes.
func (f *flags) readKeys(ctx context.Context, env *cli.Env) (*inspect.KeySet, error) {
	options := inspect.Options{HTTPClient: env.HTTPClient, AllowHTTP: f.allowHTTP}
	progress := env.Progress()
	defer progress.Done()
	progress.Step("reading the keys")
	switch place := f.keysPlace(env); {
	case place != "":
		set, err := inspect.KeysFrom(ctx, env, place, options)
		if err != nil {
			return nil, fmt.Errorf("--keys-file: %w", err)
		}
		return set, nil
	case f.issuer.URL != "":
		return inspect.KeysOfIssuer(ctx, f.issuer.URL, options)
	}
	return nil, nil //nolint:nilnil // no keys is not an error
}

// keysPlace returns the file or the URL with the keys, or "".
func (f *flags) keysPlace(env *cli.Env) string {
	return cmp.Or(f.keys, env.Getenv("BEARERKIT_KEYS_FILE"))
}
