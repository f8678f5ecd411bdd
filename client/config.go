package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	defaultTimeout  = 30 * time.Second // people and second factors are waited for
	defaultMaxBytes = 1 << 20
	randomBytes     = 32 // of what must not be guessed

	maxVerifierBytes = 96 // 128 characters (RFC 7636 §4.1)
	defaultClockSkew = 10 * time.Second
	maxClockSkew     = 5 * time.Minute
)

// Config describes a client of one authorization server. [New] copies it. Only Issuer and ClientID are required.
type Config struct {
	// Issuer is the issuer identifier, exactly as the server publishes it: https, or http on a loopback host.
	Issuer string

	// ClientID and ClientSecret are what the client was registered with. Without a secret, and without Key, the client is
	// public.
	ClientID, ClientSecret string

	// AuthMethod is how the client proves itself (RFC 6749 §2.3). Zero: AuthPrivateKeyJWT with Key, AuthNone without a
	// secret, and with one what the metadata names first of basic and post, then AuthSecretJWT if it is long enough, and
	// basic where they name nothing at all. If they name only others, requests fail with ErrUnsupported: the secret is not sent
	// in a way that the server does not offer. It is never found by trial.
	AuthMethod AuthMethod

	// Key signs the client's assertions (AuthPrivateKeyJWT, RFC 7523) and its request objects (RFC 9101). Nil: none.
	Key *SigningKey

	// AssertionAudience is the audience of the client's assertions. Empty: Issuer.
	AssertionAudience string

	// BasicEncoding is how id and secret are written with AuthBasic. Zero: form-encoded, as RFC 6749 §2.3.1 wants it.
	BasicEncoding BasicEncoding

	// PostType is how parameters are sent. Zero: as a form, as RFC 6749 wants it.
	PostType PostType

	// RedirectURI is where the server sends the user back to in the code flow, as it was registered. Empty: every
	// AuthorizationOptions names one.
	RedirectURI string

	// Scopes are asked for where a call names none. Nil: none.
	Scopes []string

	// Resource are the APIs that tokens are asked for (RFC 8707). Nil: not sent.
	Resource []string

	// Audience is sent as the parameter `audience`, for servers that know no `resource`. Empty: not sent.
	Audience string

	// Metadata is used instead of discovery; it must be the issuer's. Nil: discovered at first use, and kept.
	Metadata *oidcdiscovery.Metadata

	// Endpoints replaces or adds endpoints of the metadata. The keys are the names of the members of the metadata, such as
	// "token_endpoint" or "device_authorization_endpoint"; New rejects names that the package does not use. Nil means that
	// all endpoints come from the metadata.
	Endpoints map[string]string

	// AuthorizeURL is the authorization endpoint as the user's browser reaches it, where that differs from what this
	// process sees. It is used for nothing else. Empty: the metadata's.
	AuthorizeURL string

	// MFAURL is what the paths of Auth0's MFA API are put behind: "https://tenant.example/mfa". Empty: Issuer and "/mfa".
	MFAURL string

	// StateLength and VerifierLength are the octets of the random state and PKCE verifier, before encoding. Zero: 32, which
	// is also the least. A verifier has at most 96.
	StateLength, VerifierLength int

	// UseUserInfo asks the userinfo endpoint after each sign-in. See [IDToken.Claims].
	UseUserInfo bool

	// Algorithms are what the server signs JWTs for this client with: ID tokens, user information, authorization responses,
	// logout tokens. All are asymmetric, or all are HS256, HS384 or HS512, keyed by ClientSecret. Nil: the asymmetric ones
	// that the metadata names for the kind of JWT, or RS256 if it names none.
	Algorithms []string

	// SignedUserInfo says that the client was registered for signed user information: an unsigned answer is refused.
	SignedUserInfo bool

	// ExtraAudiences are the only ones that may stand in an ID token's `aud` beside ClientID. Nil: any may. Either way `azp`
	// must name this client then.
	ExtraAudiences []string

	// Keys verifies what the server signs. Nil: the key set of the metadata's jwks_uri.
	Keys jwks.Source

	// ClockSkew is how far the server's clock may be off. Zero: 10 s; negative: none; at most 5 min.
	ClockSkew time.Duration

	// DPoP binds all tokens to this key (RFC 9449). Nil: bearer tokens.
	DPoP *SigningKey

	// MutualTLS says that HTTPClient has a client certificate: the endpoints of mtls_endpoint_aliases are used (RFC 8705
	// §5). It comes with AuthTLS. Have a certificate that signs itself given by tls.Config.GetClientCertificate: one in
	// Certificates is sent only to servers that name its issuer.
	MutualTLS bool

	// OnToken is called with every token that was received and verified, before it is handed out: a token that is not kept
	// when its predecessor has been used up is lost. An error is returned to the caller as an [*IncompleteError]. Nil:
	// nobody is told.
	OnToken func(ctx context.Context, token *Token) error

	// Logger is told of faults of keys. Nil: nothing is logged.
	Logger *slog.Logger

	// HTTPClient gives the transport. Nil: http.DefaultTransport. Redirects are never followed.
	HTTPClient *http.Client

	// Timeout bounds each request. Zero: 30 s. MaxBytes bounds each answer; past it, it is an error. Zero: 1 MiB.
	Timeout  time.Duration
	MaxBytes int64

	// InsecureAllowHTTP allows http on any host: whoever is on the way gets the secrets.
	InsecureAllowHTTP bool

	// InsecurePlainPKCE sends the PKCE verifier itself as the challenge, for servers that know no S256: whoever sees the
	// authorization request can redeem the code.
	InsecurePlainPKCE bool
}

// Format leaves the secrets out, whatever the verb.
func (cfg Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.Config{"+cfg.Issuer+" "+cfg.ClientID+"}")
}

// LogValue leaves the secrets out.
func (cfg Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", cfg.Issuer), slog.String("client_id", cfg.ClientID))
}

func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("client: Config.%s %s", field, problem))
		}
	}
	check(cfg.Issuer != "", "Issuer", "is required")
	check(cfg.ClientID != "", "ClientID", "is required")
	check(cfg.Timeout >= 0, "Timeout", "is negative")
	check(cfg.MaxBytes >= 0, "MaxBytes", "is negative")
	check(cfg.StateLength == 0 || cfg.StateLength >= randomBytes, "StateLength", "is less than 32")
	check(cfg.VerifierLength == 0 || cfg.VerifierLength >= randomBytes, "VerifierLength", "is less than 32")
	check(cfg.VerifierLength <= maxVerifierBytes, "VerifierLength", "is more than 96")
	check(cfg.ClockSkew <= maxClockSkew, "ClockSkew", "is more than 5 minutes")
	check(cfg.PostType == PostForm || cfg.PostType == PostJSON, "PostType", "is unknown")
	check(cfg.BasicEncoding == BasicForm || cfg.BasicEncoding == BasicRaw, "BasicEncoding", "is unknown")
	faults = append(faults, cfg.validateURLs()...)
	faults = append(faults, cfg.validateAuth()...)
	faults = append(faults, cfg.validateAlgorithms()...)
	return errors.Join(faults...)
}

func (cfg Config) validateURLs() (faults []error) {
	for field, place := range map[string]string{
		"AuthorizeURL": cfg.AuthorizeURL, "MFAURL": cfg.MFAURL,
	} {
		if err := fetch.CheckURL(place, cfg.InsecureAllowHTTP); place != "" && err != nil {
			faults = append(faults, fmt.Errorf("client: Config.%s: %w", field, err))
		}
	}
	for name, endpoint := range cfg.Endpoints {
		if !isEndpoint(name) {
			faults = append(faults, fmt.Errorf("client: Config.Endpoints[%q] is none that this package uses", name))
		}
		if err := fetch.CheckURL(endpoint, cfg.InsecureAllowHTTP); err != nil {
			faults = append(faults, fmt.Errorf("client: Config.Endpoints[%q]: %w", name, err))
		}
	}
	discovery := oidcdiscovery.Client{InsecureAllowHTTP: cfg.InsecureAllowHTTP}
	metadata := cmp.Or(cfg.Metadata, &oidcdiscovery.Metadata{Issuer: cfg.Issuer})
	if err := discovery.Validate(cfg.Issuer, metadata); err != nil && cfg.Issuer != "" {
		faults = append(faults, fmt.Errorf("client: Config.Issuer or Metadata: %w", err))
	}
	return faults
}

// skew is ClockSkew with its default.
func (cfg Config) skew() time.Duration { return max(cmp.Or(cfg.ClockSkew, defaultClockSkew), 0) }

func (cfg Config) withDefaults() Config {
	cfg.Scopes, cfg.Resource = slices.Clone(cfg.Scopes), slices.Clone(cfg.Resource)
	cfg.Endpoints = maps.Clone(cfg.Endpoints)
	cfg.Algorithms, cfg.ExtraAudiences = slices.Clone(cfg.Algorithms), slices.Clone(cfg.ExtraAudiences)
	cfg.StateLength = cmp.Or(cfg.StateLength, randomBytes)
	cfg.VerifierLength = cmp.Or(cfg.VerifierLength, randomBytes)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultMaxBytes)
	cfg.AssertionAudience = cmp.Or(cfg.AssertionAudience, cfg.Issuer)
	return cfg
}
