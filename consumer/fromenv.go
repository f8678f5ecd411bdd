package consumer

import (
	"errors"
	"math"
	"os"
	"time"

	"github.com/bearerkit/bearerkit/internal/environment"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
)

// maxEnvDuration limits the durations that have no maximum in Config.
const maxEnvDuration = 365 * 24 * time.Hour

// EnvError is a mistake in an environment variable. The error of [FromEnv] joins an EnvError for each mistake.
type EnvError struct {
	Variable string // the name of the variable
	Problem  string // what is wrong, and what is expected; without the value if the value may be a secret
	Err      error  // the cause, such as that of a file that cannot be read; may be nil
}

// Error returns the name of the variable, the problem and the cause.
func (e *EnvError) Error() string {
	text := "consumer: FromEnv: " + e.Variable + " " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *EnvError) Unwrap() error { return e.Err }

// FromEnv returns a Config from environment variables. It reads those of the kit, such as BEARERKIT_ISSUER and
// BEARERKIT_AUDIENCE, and those of crossauth, such as CROSSAUTH_AUTH_SERVER_BASE_URL. The document docs/environment.md lists
// all of them. An empty variable counts as not set.
//
// The issuer is required. So is the audience, unless BEARERKIT_INSECURE_NO_AUDIENCE is true. If CROSSAUTH_AUTH_SERVER_BASE_URL is
// set and BEARERKIT_PROFILE is not, Profile is [ProfileCrossauth]. Fields that no variable sets are zero: the program may set them
// before it calls [New]. With CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN, it must set Status, or New returns an error.
//
// If there are mistakes, FromEnv returns the zero Config and an error that joins an [*EnvError] for each of them. These are
// mistakes: a value that does not have the expected form, a value in quotation marks or with white space around it, a file that
// cannot be used, two variables for one field with different values, and a name that looks like a misspelled one. No error contains
// the value of a variable for a secret. FromEnv does not check whether the fields fit each other: New does. FromEnv is safe for
// concurrent use.
func FromEnv() (Config, error) { return FromEnviron(os.Environ()) }

// FromEnviron returns a Config from the variables in environ, as [FromEnv] does from those of the process. Each element of environ
// has the form "name=value", as in [os.Environ]; of two with the same name, the last one counts. Use FromEnviron if flags or a file
// replace some of the variables. It does not keep environ.
func FromEnviron(environ []string) (Config, error) {
	r := environment.NewReader(environ)
	cfg := Config{
		Issuer: r.Text("BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL"),
		Audience: environment.Get(r,
			environment.From[[]string]{Name: "BEARERKIT_AUDIENCE", Parse: environment.List},
			environment.From[[]string]{Name: "CROSSAUTH_OAUTH_AUDIENCE", Parse: environment.One}),
		Profile:          profileFromEnv(r),
		MetadataURL:      r.Text("BEARERKIT_METADATA_URL"),
		Algorithms:       r.Algorithms("BEARERKIT_ALGORITHMS"),
		Keys:             r.Keys(),
		KeyCache:         keyCacheFromEnv(r),
		DiscoveryTimeout: r.Duration("BEARERKIT_DISCOVERY_TIMEOUT", time.Millisecond, issuer.MaxDiscoveryTimeout),
		ClockSkew:        r.Skew(),
		TokenType:        r.Text("BEARERKIT_TOKEN_TYPE"),
		ClientIDs:        r.List("BEARERKIT_CLIENT_IDS"),
		RequiredClaims:   r.List("BEARERKIT_REQUIRED_CLAIMS"),
		ScopeClaims:      r.List("BEARERKIT_SCOPE_CLAIMS"),
		StatusTTL:        r.Duration("BEARERKIT_STATUS_TTL", 0, maxStatusTime),
		CacheSize: environment.Get(r, environment.From[int]{
			Name: "BEARERKIT_CACHE_SIZE", Parse: environment.NoneIfZero(environment.Int(0, math.MaxInt32)),
		}),
		MaxTokenBytes:       r.Int("BEARERKIT_MAX_TOKEN_BYTES", 1, math.MaxInt32),
		MaxHeaderBytes:      r.Int("BEARERKIT_MAX_HEADER_BYTES", 1, maxHeaderBytes),
		PublicAddressesOnly: r.Bool("BEARERKIT_PUBLIC_ADDRESSES_ONLY"),

		InsecureAllowHTTP:      r.Bool("BEARERKIT_INSECURE_ALLOW_HTTP"),
		InsecureNoIssuer:       r.Bool("BEARERKIT_INSECURE_NO_ISSUER"),
		InsecureNoAudience:     r.Bool("BEARERKIT_INSECURE_NO_AUDIENCE"),
		InsecureStatusFailOpen: r.Bool("BEARERKIT_INSECURE_STATUS_FAIL_OPEN"),
		InsecureAcceptIDToken:  r.Bool("BEARERKIT_INSECURE_ACCEPT_ID_TOKEN"),

		needsStatus: environment.Get(r, environment.From[bool]{Name: persistAccessToken, Parse: environment.CrossauthBool}),
	}
	r.Require("BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL")
	if !cfg.InsecureNoAudience {
		r.Require("BEARERKIT_AUDIENCE", "CROSSAUTH_OAUTH_AUDIENCE")
	}
	if err := envFaults(r); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// persistAccessToken is crossauth's setting that tokens are revoked by deleting them from a store. Without that store,
// revoked tokens would be accepted, so New requires Config.Status.
const persistAccessToken = "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN" //nolint:gosec // the name of a variable

// profileFromEnv returns the named profile, or that of crossauth if its variable names the issuer.
func profileFromEnv(r *environment.Reader) Profile {
	named := environment.From[Profile]{Name: "BEARERKIT_PROFILE", Parse: environment.Choice(profilesByName())}
	if !r.IsSet(named.Name) && r.IsSet("CROSSAUTH_AUTH_SERVER_BASE_URL") {
		return ProfileCrossauth
	}
	return environment.Get(r, named)
}

// profilesByName returns the profiles of this package by the names that [Profile.String] returns.
func profilesByName() map[string]Profile {
	byName := make(map[string]Profile)
	for _, p := range Profiles() {
		byName[p.String()] = p
	}
	return byName
}

// keyCacheFromEnv returns the settings of the cache of keys.
func keyCacheFromEnv(r *environment.Reader) jwks.Config {
	cfg := jwks.Config{
		FreshFor: r.Duration("BEARERKIT_KEY_CACHE_FRESH_FOR", time.Millisecond, maxEnvDuration),
		StaleFor: environment.Get(r, environment.From[time.Duration]{
			Name: "BEARERKIT_KEY_CACHE_STALE_FOR", Parse: environment.NoneIfZero(environment.Duration(0, maxEnvDuration)),
		}),
		MinRefetch: r.Duration("BEARERKIT_KEY_CACHE_MIN_REFETCH", time.Second, maxEnvDuration),
		Timeout:    r.Duration("BEARERKIT_KEY_CACHE_TIMEOUT", time.Millisecond, time.Minute),
		MaxBytes:   int64(r.Int("BEARERKIT_KEY_CACHE_MAX_BYTES", 1, math.MaxInt32)),
		MaxKeys:    r.Int("BEARERKIT_KEY_CACHE_MAX_KEYS", 1, math.MaxInt32),
	}
	if path := r.Text("BEARERKIT_KEY_CACHE_SNAPSHOT_FILE"); path != "" {
		cfg.Snapshot = jwks.SnapshotFile(path)
	}
	return cfg
}

// envFaults joins the faults of r.
func envFaults(r *environment.Reader) error {
	var faults []error
	for _, fault := range r.Faults() {
		e := EnvError(fault)
		faults = append(faults, &e)
	}
	return errors.Join(faults...)
}
