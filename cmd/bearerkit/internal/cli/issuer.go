package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/environment"
)

// Issuer contains the settings of the issuer and the API from flags, or from the environment variables that consumer.FromEnv reads.
type Issuer struct {
	URL      string   // --issuer, BEARERKIT_ISSUER: consumer.Config.Issuer
	Audience []string // --audience, BEARERKIT_AUDIENCE: consumer.Config.Audience
	Profile  string   // --profile, BEARERKIT_PROFILE: the name of consumer.Config.Profile
}

// IssuerFlags adds the flags of an Issuer to a command. The fields of the result are set when the function RunE of the command is called. A flag has precedence over its
// variable.
func (e *Env) IssuerFlags(c *cobra.Command) *Issuer {
	i := new(Issuer)
	c.Flags().StringVar(&i.URL, "issuer", e.Getenv("BEARERKIT_ISSUER"), "`URL` of the issuer [BEARERKIT_ISSUER]")
	c.Flags().StringSliceVar(&i.Audience, "audience", environment.Split(e.Getenv("BEARERKIT_AUDIENCE")), "`audience` of the API; can be repeated [BEARERKIT_AUDIENCE]")
	c.Flags().StringVar(&i.Profile, "profile", e.Getenv("BEARERKIT_PROFILE"), "`name` of the profile [BEARERKIT_PROFILE]")
	return i
}

// ProfileNamed returns the profile that --profile names. The empty name is that of [consumer.ProfileDefault].
func (i *Issuer) ProfileNamed() (consumer.Profile, error) {
	if i.Profile == "" {
		return consumer.ProfileDefault, nil
	}
	p, ok := consumer.ProfileNamed(i.Profile)
	if !ok {
		names := ProfileNames()
		return p, Usagef("--profile: %s is not the name of a profile; the names are %s", QuoteWord(i.Profile, names...), strings.Join(names, ", "))
	}
	return p, nil
}

// ProfileNames returns the names of all profiles, sorted.
func ProfileNames() []string {
	var names []string
	for _, p := range consumer.Profiles() {
		names = append(names, p.String())
	}
	slices.Sort(names)
	return names
}
