package client

import (
	"errors"
	"math"
	"os"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/environment"
	"github.com/bearerkit/bearerkit/internal/issuer"
)

// maxEnvTimeout limits the timeout that the environment can set.
const maxEnvTimeout = time.Hour

// EnvError is a mistake in an environment variable. The error of [FromEnv] joins an EnvError for each mistake.
type EnvError struct {
	Variable string // the name of the variable
	Problem  string // what is wrong, and what is expected; without the value if the value may be a secret
	Err      error  // the cause, such as that of a file that cannot be read; may be nil
}

// Error returns the name of the variable, the problem and the cause.
func (e *EnvError) Error() string {
	text := "client: FromEnv: " + e.Variable + " " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *EnvError) Unwrap() error { return e.Err }

// FromEnv returns a Config from environment variables. It reads those of the kit, such as BEARERKIT_ISSUER and
// BEARERKIT_CLIENT_ID, and those of crossauth, such as CROSSAUTH_OAUTH_CLIENT_ID. The document docs/environment.md lists all
// of them. An empty variable counts as not set.
//
// The issuer and the client id are required. Fields that no variable sets are zero: the program may set them before it calls
// [New].
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
		Issuer:           r.Text("BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL"),
		RedirectURI:      r.Text("BEARERKIT_REDIRECT_URI", "CROSSAUTH_OAUTH_REDIRECT_URI"),
		Scopes:           r.List("BEARERKIT_SCOPES"),
		Resource:         r.List("BEARERKIT_RESOURCE"),
		Audience:         r.Text("BEARERKIT_CLIENT_AUDIENCE"),
		PostType:         postTypeFromEnv(r),
		StateLength:      lengthFromEnv(r, "STATE_LENGTH", math.MaxInt16),
		VerifierLength:   lengthFromEnv(r, "VERIFIER_LENGTH", maxVerifierBytes),
		MetadataURL:      r.Text("BEARERKIT_METADATA_URL"),
		Endpoints:        endpointsFromEnv(r),
		AuthorizeURL:     r.Text("BEARERKIT_AUTHORIZE_URL", "CROSSAUTH_OAUTH_AUTHORIZE_REDIRECT"),
		MFAURL:           r.Text("BEARERKIT_MFA_URL"),
		BearerTypes:      r.List("BEARERKIT_BEARER_TYPES"),
		CommaScopes:      r.Bool("BEARERKIT_COMMA_SCOPES"),
		Keys:             r.Keys(),
		Algorithms:       r.Algorithms("BEARERKIT_CLIENT_ALGORITHMS"),
		ExtraAudiences:   r.List("BEARERKIT_EXTRA_AUDIENCES"),
		AcceptedParties:  r.List("BEARERKIT_ACCEPTED_PARTIES"),
		ClockSkew:        r.Skew(),
		Timeout:          r.Duration("BEARERKIT_TIMEOUT", time.Millisecond, maxEnvTimeout),
		MaxBytes:         int64(r.Int("BEARERKIT_MAX_BYTES", 1, math.MaxInt32)),
		DiscoveryTimeout: r.Duration("BEARERKIT_DISCOVERY_TIMEOUT", time.Millisecond, issuer.MaxDiscoveryTimeout),

		UseUserInfo: environment.Get(r, environment.From[bool]{Name: "BEARERKIT_USE_USER_INFO", Parse: environment.Bool},
			environment.From[bool]{Name: "CROSSAUTH_OAUTH_USE_USER_INFO_ENDPOINT", Parse: environment.CrossauthBool}),
		SignedUserInfo:      r.Bool("BEARERKIT_SIGNED_USER_INFO"),
		SignedIntrospection: r.Bool("BEARERKIT_SIGNED_INTROSPECTION"),

		InsecureAllowHTTP: r.Bool("BEARERKIT_INSECURE_ALLOW_HTTP"),
		InsecurePlainPKCE: r.Bool("BEARERKIT_INSECURE_PLAIN_PKCE"),
		InsecureNoNonce:   r.Bool("BEARERKIT_INSECURE_NO_NONCE"),
	}
	cfg.authFromEnv(r)
	rejectPlainPKCE(r)
	r.Require("BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL")
	r.Require("BEARERKIT_CLIENT_ID", "CROSSAUTH_OAUTH_CLIENT_ID")
	if err := envFaults(r); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// postTypeFromEnv returns the form of the parameters. The Python version of crossauth reads the value as JSON, so it may be
// in quotation marks there.
func postTypeFromEnv(r *environment.Reader) PostType {
	choice := environment.Choice(map[string]PostType{"form": PostForm, "json": PostJSON})
	return environment.Get(r, environment.From[PostType]{Name: "BEARERKIT_POST_TYPE", Parse: choice},
		environment.From[PostType]{Name: "CROSSAUTH_OAUTH_POST_TYPE", Parse: func(value string) (PostType, error) {
			if len(value) > 2 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
				value = value[1 : len(value)-1]
			}
			return choice(value)
		}})
}

// lengthFromEnv returns the number of random bytes of a value.
func lengthFromEnv(r *environment.Reader, name string, highest int) int {
	parse := environment.Int(randomBytes, highest)
	return environment.Get(r, environment.From[int]{Name: environment.Prefix + name, Parse: parse},
		environment.From[int]{Name: environment.CrossauthPrefix + "OAUTH_" + name, Parse: parse})
}

// endpointsFromEnv returns the endpoints that replace those of the metadata.
func endpointsFromEnv(r *environment.Reader) map[string]string {
	endpoints := environment.Get(r, environment.From[map[string]string]{Name: "BEARERKIT_ENDPOINTS", Parse: environment.Pairs})
	device := deviceEndpoint(r)
	switch {
	case device == "":
		return endpoints
	case endpoints == nil:
		return map[string]string{endpointDevice: device}
	case endpoints[endpointDevice] != "" && endpoints[endpointDevice] != device:
		r.Fail("BEARERKIT_ENDPOINTS", "and "+deviceURL+" have different device endpoints, expected the same or only one of them", nil)
	}
	endpoints[endpointDevice] = device
	return endpoints
}

const deviceURL = "CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL"

// deviceEndpoint returns the URL of crossauth's device endpoint. Its variable is relative to the base URL of the server.
func deviceEndpoint(r *environment.Reader) string {
	relative := environment.Get(r, environment.From[string]{Name: deviceURL, Parse: func(value string) (string, error) {
		if strings.Contains(value, "://") || strings.HasPrefix(value, "//") {
			return "", errors.New("expected a path relative to the issuer, or BEARERKIT_ENDPOINTS=" + endpointDevice + "=URL")
		}
		return strings.TrimPrefix(value, "/"), nil
	}})
	if relative == "" {
		return ""
	}
	return strings.TrimSuffix(r.Text("BEARERKIT_ISSUER", "CROSSAUTH_AUTH_SERVER_BASE_URL"), "/") + "/" + relative
}

// rejectPlainPKCE rejects crossauth's setting for PKCE without a hash. The client always sends S256 if the server supports
// it, so the setting could not have the effect that its author expects.
func rejectPlainPKCE(r *environment.Reader) {
	environment.Get(r, environment.From[string]{Name: "CROSSAUTH_OAUTH_CODE_CHALLENGE_METHOD", Parse: func(value string) (string, error) {
		if value == "S256" {
			return value, nil
		}
		return "", errors.New("expected S256; remove the variable, and set BEARERKIT_INSECURE_PLAIN_PKCE=true if the server does not support S256")
	}})
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
