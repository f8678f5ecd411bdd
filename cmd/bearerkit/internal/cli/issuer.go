package cli

import (
	"strings"

	"github.com/spf13/cobra"
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
	c.Flags().StringSliceVar(&i.Audience, "audience", list(e.Getenv("BEARERKIT_AUDIENCE")), "`audience` of the API; can be repeated [BEARERKIT_AUDIENCE]")
	c.Flags().StringVar(&i.Profile, "profile", e.Getenv("BEARERKIT_PROFILE"), "`name` of the profile [BEARERKIT_PROFILE]")
	return i
}

// list splits the value of a variable at spaces and commas.
func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
