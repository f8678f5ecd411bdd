// Package doctor contains the command that examines an issuer, a token and a running API, and says which settings to change.
package doctor

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
)

// flags are the flags of the command.
type flags struct {
	issuer    *cli.Issuer
	tokenFile string
	api       string

	metadataURL string
	algorithms  []string
	clientIDs   []string
	clockSkew   time.Duration
	allowHTTP   bool
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
	f.issuer = env.IssuerFlags(c)
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "`file` with a token; \"-\" is the standard input [BEARERKIT_TOKEN, BEARERKIT_TOKEN_FILE]")
	c.Flags().StringVar(&f.api, "api", "", "`URL` of a guarded route of the running API")
	f.addSettings(env, c)
	return c
}

// addSettings adds the flags for fields of consumer.Config. Their variables are those of consumer.FromEnv.
func (f *flags) addSettings(env *cli.Env, c *cobra.Command) {
	c.Flags().StringVar(&f.metadataURL, "metadata-url", env.Getenv("BEARERKIT_METADATA_URL"), "`URL` of the metadata, if it is not at the issuer [BEARERKIT_METADATA_URL]")
	c.Flags().StringSliceVar(&f.algorithms, "algorithms", words(env.Getenv("BEARERKIT_ALGORITHMS")), "accepted `algorithms`, if the API restricts them [BEARERKIT_ALGORITHMS]")
	c.Flags().StringSliceVar(&f.clientIDs, "client-ids", words(env.Getenv("BEARERKIT_CLIENT_IDS")), "accepted `clients`, if the API restricts them [BEARERKIT_CLIENT_IDS]")
	skew, _ := time.ParseDuration(env.Getenv("BEARERKIT_CLOCK_SKEW"))
	c.Flags().DurationVar(&f.clockSkew, "clock-skew", skew, "accepted difference of the clocks [BEARERKIT_CLOCK_SKEW]")
	c.Flags().BoolVar(&f.allowHTTP, "insecure-allow-http", env.Getenv("BEARERKIT_INSECURE_ALLOW_HTTP") == "true", "the API allows an issuer without TLS [BEARERKIT_INSECURE_ALLOW_HTTP]")
}

// words splits the value of a variable at spaces and commas.
func words(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// run examines and writes the report.
func run(ctx context.Context, env *cli.Env, f *flags) error {
	token, err := env.Secret("--token-file", f.tokenFile, "BEARERKIT_TOKEN")
	if err != nil {
		return err
	}
	profile, err := f.profile()
	if err != nil {
		return err
	}
	if f.issuer.URL == "" {
		return cli.Usagef("--issuer or BEARERKIT_ISSUER is required")
	}
	d := &doctor{
		cfg: consumer.Config{
			Issuer: f.issuer.URL, Audience: f.issuer.Audience, Profile: profile, MetadataURL: f.metadataURL, Algorithms: f.algorithms,
			ClientIDs: f.clientIDs, ClockSkew: f.clockSkew, InsecureAllowHTTP: f.allowHTTP,
		},
		api: f.api, token: inspect.ParseToken(token), recorder: newRecorder(env.HTTPClient), progress: env.Progress(),
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

// profile returns the profile that the user named.
func (f *flags) profile() (consumer.Profile, error) {
	if f.issuer.Profile == "" {
		return consumer.ProfileDefault, nil
	}
	p, ok := profileNamed(f.issuer.Profile)
	if !ok {
		return p, cli.Usagef("--profile: %s is not the name of a profile; the names are %s", cli.Quote(f.issuer.Profile), profileNames())
	}
	return p, nil
}
