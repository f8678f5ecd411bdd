package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
)

// settings are the flags for fields of consumer.Config. Without a flag, a field has the value that consumer.FromEnv reads.
type settings struct {
	issuer      *cli.Issuer
	metadataURL string
	algorithms  []string
	clientIDs   []string
	clockSkew   time.Duration
	allowHTTP   bool

	given func(flag string) bool // whether the user has set a flag
}

// addSettings adds the flags.
func addSettings(env *cli.Env, c *cobra.Command) *settings {
	s := &settings{issuer: env.IssuerFlags(c), given: c.Flags().Changed}
	c.Flags().StringVar(&s.metadataURL, "metadata-url", "", "`URL` of the metadata, if it is not at the issuer [BEARERKIT_METADATA_URL]")
	c.Flags().StringSliceVar(&s.algorithms, "algorithms", nil, "accepted `algorithms`, if the API restricts them [BEARERKIT_ALGORITHMS]")
	c.Flags().StringSliceVar(&s.clientIDs, "client-ids", nil, "accepted `clients`, if the API restricts them [BEARERKIT_CLIENT_IDS]")
	c.Flags().DurationVar(&s.clockSkew, "clock-skew", 0, "accepted `difference` of the clocks; 0s accepts none [BEARERKIT_CLOCK_SKEW]")
	c.Flags().BoolVar(&s.allowHTTP, "insecure-allow-http", false, "the API allows an issuer without TLS [BEARERKIT_INSECURE_ALLOW_HTTP]")
	return s
}

// unknown is the value of a required variable that the user has not set. It is never used: config replaces it.
const unknown = "unknown"

// config returns the Config that an API with the variables of env has, with the flags in place of their fields. Audience may be empty.
func (s *settings) config(env *cli.Env) (consumer.Config, error) {
	profile := consumer.ProfileDefault
	if s.given("profile") { // consumer.FromEnviron reads and checks the variable
		var err error
		if profile, err = s.issuer.ProfileNamed(); err != nil {
			return consumer.Config{}, err
		}
	}
	environ := s.replaced(env.Environ())
	hasIssuer, hasAudience := isSet(environ, issuerVariables()...), isSet(environ, audienceVariables()...)
	if !hasIssuer {
		return consumer.Config{}, cli.Usagef("--issuer or BEARERKIT_ISSUER is required")
	}
	if !hasAudience {
		environ = append(environ, audienceVariables()[0]+"="+unknown)
	}
	cfg, err := consumer.FromEnviron(environ)
	if err != nil {
		return consumer.Config{}, cli.Usagef("an API with these variables does not start:\n%w", err)
	}
	if !hasAudience {
		cfg.Audience = nil
	}
	s.apply(&cfg, profile)
	return cfg, nil
}

// apply sets the fields for which there is a flag.
func (s *settings) apply(cfg *consumer.Config, profile consumer.Profile) {
	for flag, set := range map[string]func(){
		"issuer":              func() { cfg.Issuer = s.issuer.URL },
		"audience":            func() { cfg.Audience = s.issuer.Audience },
		"profile":             func() { cfg.Profile = profile },
		"metadata-url":        func() { cfg.MetadataURL = s.metadataURL },
		"algorithms":          func() { cfg.Algorithms = s.algorithms },
		"client-ids":          func() { cfg.ClientIDs = s.clientIDs },
		"insecure-allow-http": func() { cfg.InsecureAllowHTTP = s.allowHTTP },
		"clock-skew": func() {
			if cfg.ClockSkew = s.clockSkew; s.clockSkew == 0 {
				cfg.ClockSkew = -1 // zero in a Config means the default
			}
		},
	} {
		if s.given(flag) {
			set()
		}
	}
}

func issuerVariables() []string {
	return []string{"BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL"}
}

func audienceVariables() []string { return []string{"BEARERKIT_AUDIENCE", "CROSSAUTH_OAUTH_AUDIENCE"} }

// replaced returns environ without the values that flags replace, so that these values are neither used nor checked. environ is not
// changed.
func (s *settings) replaced(environ []string) []string {
	environ = slices.Clone(environ)
	if s.given("issuer") {
		environ = override(environ, issuerVariables()...)
	}
	if s.given("audience") {
		environ = override(environ, audienceVariables()...)
	}
	for flag, variable := range map[string]string{
		"profile": "BEARERKIT_PROFILE", "metadata-url": "BEARERKIT_METADATA_URL", "algorithms": "BEARERKIT_ALGORITHMS",
		"client-ids": "BEARERKIT_CLIENT_IDS", "clock-skew": "BEARERKIT_CLOCK_SKEW", "insecure-allow-http": "BEARERKIT_INSECURE_ALLOW_HTTP",
	} {
		if s.given(flag) {
			environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, variable+"=") })
		}
	}
	return environ
}

// override returns environ with a value of no meaning for the variables that are set, or for the first one if none is. A variable
// that is set remains set, because consumer.FromEnv derives the profile from that of crossauth.
func override(environ []string, variables ...string) []string {
	if !isSet(environ, variables...) {
		return append(environ, variables[0]+"="+unknown)
	}
	for i, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); value != "" && slices.Contains(variables, name) {
			environ[i] = name + "=" + unknown
		}
	}
	return environ
}

// isSet reports whether one of the variables is set to a value that is not empty.
func isSet(environ []string, variables ...string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return value != "" && slices.Contains(variables, name)
	})
}
