package token

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// Flags are the flags that describe a client of an authorization server. Each of them has precedence over the variables that
// client.FromEnv reads for the same field.
type Flags struct {
	env        *cli.Env
	settings   []*setting
	secretFile string
}

// setting is one flag, with the variables that it replaces.
type setting struct {
	flag      string
	values    []string
	variables []string // the first one gets the value of the flag, and the others are removed
}

// NewFlags adds the flags to a command.
func NewFlags(env *cli.Env, c *cobra.Command) *Flags {
	f := &Flags{env: env}
	f.add(c, "issuer", "`URL` of the issuer [BEARERKIT_ISSUER]", "BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL")
	f.add(c, "client-id", "`id` of the client [BEARERKIT_CLIENT_ID]", "BEARERKIT_CLIENT_ID", "CROSSAUTH_OAUTH_CLIENT_ID")
	f.add(c, "scope", "`scopes` to request; can be repeated [BEARERKIT_SCOPES]", "BEARERKIT_SCOPES")
	f.add(c, "resource", "`identifiers` of the APIs (RFC 8707); can be repeated [BEARERKIT_RESOURCE]", "BEARERKIT_RESOURCE")
	f.add(c, "client-audience", "value of the parameter `audience`, for servers without resource [BEARERKIT_CLIENT_AUDIENCE]", "BEARERKIT_CLIENT_AUDIENCE")
	c.Flags().StringVar(&f.secretFile, "client-secret-file", "", "`file` with the secret of the client; - is the standard input [BEARERKIT_CLIENT_SECRET]")
	return f
}

// add adds one flag. Its values are words without spaces and commas.
func (f *Flags) add(c *cobra.Command, flag, usage string, variables ...string) {
	s := &setting{flag: flag, variables: variables}
	f.settings = append(f.settings, s)
	c.Flags().StringSliceVar(&s.values, flag, nil, usage)
}

// Config returns the configuration of the client from the environment and the flags.
func (f *Flags) Config() (client.Config, error) {
	environ := f.env.Environ()
	for _, s := range f.settings {
		if len(s.values) > 0 {
			environ = replaced(environ, strings.Join(s.values, " "), s.variables...)
		}
	}
	environ, err := f.withSecret(environ)
	if err != nil {
		return client.Config{}, err
	}
	cfg, err := client.FromEnviron(environ)
	if err != nil {
		return client.Config{}, cli.Usagef("%w\nSet the variables, or the flags --issuer, --client-id and --client-secret-file", err)
	}
	cfg.HTTPClient = f.env.HTTPClient
	return cfg, nil
}

// withSecret returns environ with the secret of --client-secret-file.
func (f *Flags) withSecret(environ []string) ([]string, error) {
	const secret, file, crossauth = "BEARERKIT_CLIENT_SECRET", "BEARERKIT_CLIENT_SECRET_FILE", "CROSSAUTH_OAUTH_CLIENT_SECRET"
	switch f.secretFile {
	case "":
		return environ, nil
	case "-":
		value, err := f.env.Secret("--client-secret-file", f.secretFile, secret)
		return replaced(environ, value, secret, file, crossauth), err
	}
	return replaced(environ, f.secretFile, file, secret, crossauth), nil
}

// replaced returns environ with the first variable set to value, and without the others. environ is not changed.
func replaced(environ []string, value string, variables ...string) []string {
	kept := slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(variables, name)
	})
	return append(kept, variables[0]+"="+value)
}
