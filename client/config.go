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
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	defaultTimeout  = 30 * time.Second // some servers respond only after a second factor
	defaultMaxBytes = 1 << 20
	randomBytes     = 32 // of each value that must not be guessed

	maxVerifierBytes = 96 // 128 characters (RFC 7636, Section 4.1)
	defaultClockSkew = 10 * time.Second
	maxClockSkew     = 5 * time.Minute
)

// Config describes a client of one authorization server. Issuer and ClientID are required. [New] copies it. The fields are
// in this order: the client and its authentication, requests, metadata and endpoints, token responses, ID tokens and user
// information, connections and limits, hooks, and settings that relax security.
type Config struct {
	// Issuer is the issuer identifier, exactly as the server publishes it. It is https, or http on a loopback host.
	Issuer string

	// ClientID and ClientSecret are the credentials of the registered client. A client that has none of ClientSecret,
	// SecretSource, Key and AssertionSource is a public client, unless AuthMethod says that it has a certificate.
	ClientID, ClientSecret string

	// ClientMetadataDocument says that ClientID is the URL of a Client ID Metadata Document, which this program or its owner
	// serves; see [NewClientMetadataHandler]. Such a client is not registered and has no secret. Methods return an error that
	// matches [ErrUnsupported] if client_id_metadata_document_supported is not true in the metadata of the server. False
	// means that ClientID is registered with the server.
	ClientMetadataDocument bool

	// SecretSource returns the client secret. Set it if the secret changes; ClientSecret must then be empty. It is called
	// for each request that is authenticated with the secret, and must be safe for concurrent use. Its ctx ends after
	// Timeout. If it returns an error, the request is not sent, and the caller gets the error, which must not contain the
	// secret. If the error matches [ErrUnavailable], methods that poll, such as [Client.WaitDevice], continue. See
	// [SecretFile] and [SignedSecret]. Nil means ClientSecret.
	SecretSource func(ctx context.Context) (string, error)

	// AuthMethod is the way in which the client authenticates at every endpoint (RFC 6749, Section 2.3). Empty means that
	// the client chooses a method before each request:
	//
	//   - A public client uses AuthNone.
	//   - A client without a secret uses AuthPrivateKeyJWT.
	//   - A client with a secret uses the first of these methods that the metadata lists: AuthPrivateKeyJWT, if it has a Key or
	//     an AssertionSource; AuthBasic; AuthPost; AuthSecretJWT, if the secret has at least 32 bytes.
	//   - If the metadata lists no methods, a client with a secret uses AuthPrivateKeyJWT, if it has a Key or an
	//     AssertionSource, and AuthBasic otherwise.
	//   - If the metadata lists only other methods, a client with a Key or an AssertionSource uses AuthPrivateKeyJWT. Requests
	//     of other clients fail with an error that matches [ErrUnsupported].
	//
	// The order of the list in the metadata has no meaning. The revocation and the introspection endpoint have lists of their
	// own (RFC 8414, Section 2); if one is absent, the list of the token endpoint applies. The client never tries one method
	// after another.
	AuthMethod AuthMethod

	// Key signs client assertions (AuthPrivateKeyJWT, RFC 7523) and request objects (RFC 9101). With an AssertionSource, it
	// signs only request objects. Nil means that nothing can be signed.
	Key *SigningKey

	// AssertionSource returns a client assertion that the platform issues. It replaces the one that is signed with Key. The
	// assertion is a JWT in compact serialization of at most 16 KiB, and the server must be configured to accept its claims.
	// It is called for each request, and again if the request is repeated with a DPoP nonce. It must be safe for concurrent
	// use. Its ctx ends after Timeout. If it returns an error, the request is not sent, and the caller gets the error, which
	// must not contain the assertion. If the error matches [ErrUnavailable], methods that poll, such as [Client.WaitDevice],
	// continue. See [AssertionFile]. Nil means that Key signs the assertions.
	AssertionSource func(ctx context.Context) (string, error)

	// AssertionAudience is the audience of client assertions that are signed with Key or with the secret. It must be empty
	// with AssertionSource. [AudienceEndpoint] means the endpoint that receives the assertion; any other value is used
	// unchanged at every endpoint. Empty means Issuer.
	AssertionAudience string

	// BasicEncoding says how AuthBasic encodes the id and the secret. Zero means BasicForm, as RFC 6749, Section 2.3.1,
	// requires.
	BasicEncoding BasicEncoding

	// ClientIDInBody makes AuthBasic send the client_id also in the body, for servers that require it there. The other
	// methods always send it there. False means that AuthBasic sends it only in the header.
	ClientIDInBody bool

	// MutualTLS says that HTTPClient has a client certificate, so that the endpoints in mtls_endpoint_aliases are used (RFC
	// 8705, Section 5). AuthTLS and AuthSelfSignedTLS imply it. If the certificate is self-signed, return it from
	// tls.Config.GetClientCertificate: one in tls.Config.Certificates is only sent to servers that list its issuer. False
	// means that the aliases are not used.
	MutualTLS bool

	// RedirectURI is where the server sends the user back to in the authorization code flow. It must be registered. Empty
	// means that each AuthorizationOptions has its own.
	RedirectURI string

	// Scopes lists the scopes that are requested by calls that do not name any. Nil means none.
	Scopes []string

	// Resource lists the APIs for which tokens are requested (RFC 8707). Nil means that the parameter is not sent.
	Resource []string

	// Audience is sent as the parameter audience, for servers that do not support the parameter resource. Empty means that
	// it is not sent.
	Audience string

	// PostType says how parameters are sent to the server. Zero means PostForm, as RFC 6749 requires.
	PostType PostType

	// DPoP binds all tokens to this key (RFC 9449). Nil means bearer tokens.
	DPoP *SigningKey

	// StateLength and VerifierLength are the numbers of random bytes in a state and in a PKCE verifier, before encoding.
	// Zero means 32, which is also the minimum. The maximum of VerifierLength is 96.
	StateLength, VerifierLength int

	// Metadata is used in place of discovery. Its issuer must equal Issuer. Nil means that the metadata is discovered at
	// first use, cached, and refreshed after an hour.
	Metadata *oidcdiscovery.Metadata

	// MetadataURL is the URL from which the metadata is fetched and refreshed. Set it for a server that publishes the
	// metadata at another location, or that this process reaches at an internal address. The issuer in the metadata must
	// still equal Issuer. The client uses the endpoints that the metadata lists; set Endpoints or AuthorizeURL to replace
	// some of them. MetadataURL must be https, or http on a loopback host, unless InsecureAllowHTTP is set. It must be empty
	// if Metadata is set. Empty means the well-known locations of Issuer.
	MetadataURL string

	// Tenants is for a provider with one issuer per tenant, if the users of several tenants sign in to this client. Issuer
	// is then where the metadata is found, such as https://login.microsoftonline.com/organizations/v2.0. The issuer in the
	// metadata must be Tenants.IssuerTemplate. Nil means that only Issuer is accepted.
	Tenants *TenantsConfig

	// Endpoints replaces or adds endpoints of the metadata. The keys are the names of the members of the metadata, such as
	// "token_endpoint" or "device_authorization_endpoint"; New rejects names that the package does not use. Nil means that
	// all endpoints come from the metadata.
	//
	// A call that only uses endpoints in this map fetches no metadata, unless MetadataURL is set. For a sign-in, these are
	// the authorization_endpoint (or AuthorizeURL) and the token_endpoint. The client then assumes what the specifications
	// say about a server without metadata: AuthMethod is chosen as if the server listed no methods, PKCE uses S256 unless
	// InsecurePlainPKCE is set, requests are neither signed nor pushed, and a response of the authorization endpoint may
	// omit the parameter iss. Set Metadata if the server differs. The keys for ID tokens are not an endpoint: without Keys,
	// they need discovery.
	Endpoints map[string]string

	// AuthorizeURL is the URL of the authorization endpoint that the user's browser opens, if it differs from the one that
	// this process reaches. Empty means the one from Endpoints or from the metadata.
	AuthorizeURL string

	// MFAURL is the base URL of Auth0's MFA API, such as "https://tenant.example/mfa". Empty means Issuer followed by
	// "/mfa".
	MFAURL string

	// ReadResponse is called with each response of the token endpoint, including error responses, before the client reads
	// it. It returns the response in the form of RFC 6749, Section 5: a JSON object with access_token, token_type and so on,
	// or with error. Set it for a server whose responses have another form, such as a token inside another object; see
	// [NestedToken]. It returns its argument for a response that needs no change.
	//
	// If ReadResponse returns an error or panics, the response is read unchanged. A token in it is returned in an
	// [*IncompleteError], and the [*Error] has the body. ReadResponse must be safe for concurrent use. It may keep and
	// change its argument. Nil means that responses are read unchanged.
	ReadResponse func(TokenResponse) (TokenResponse, error)

	// BearerTypes lists further values of token_type that mean Bearer, such as "user". Case is ignored. It must be empty
	// with DPoP, because such a token is not bound to the key. Nil means that only "Bearer" is accepted; a token of another
	// type is returned in an [*IncompleteError].
	BearerTypes []string

	// CommaScopes says that the server separates granted scopes by commas. A scope member without a space is then split at
	// commas. False means that a comma is part of the name of a scope (RFC 6749, Section 3.3).
	CommaScopes bool

	// Keys is the source of the keys that verify the server's signatures. Nil means the key set at the jwks_uri of the
	// metadata.
	Keys jwks.Source

	// Algorithms lists the signature algorithms that the server may use for this client: for ID tokens, user information,
	// authorization and introspection responses, and logout tokens. Either all are asymmetric, or all are HS256, HS384 or
	// HS512, for which Keys or ClientSecret has the key. Both kinds are allowed only if [jwks.Join] has joined secrets and
	// public keys to Keys.
	//
	// Nil means the asymmetric algorithms that the metadata lists for each kind of JWT, or RS256 if it lists none. With
	// Keys, nil means all asymmetric algorithms, or the algorithm of the shared secret in Keys, or both if [jwks.Join] has
	// joined them.
	Algorithms []string

	// ExtraAudiences lists the trusted audiences: the only values that may be in the aud of an ID token beside ClientID. Nil
	// means that ClientID must be the only audience of an ID token without azp, and that an ID token with azp may have any
	// others.
	ExtraAudiences []string

	// AcceptedParties lists other clients that may have requested an ID token for this client, such as a mobile app or
	// another back end of the same owner: the values of azp that are accepted beside ClientID. The aud must still contain
	// ClientID. Every user of these clients can then sign in to this one. Nil means only ClientID.
	AcceptedParties []string

	// ClockSkew is the tolerated difference between the clocks of this machine and of the server. Zero means 10 seconds. A
	// negative value means that no difference is tolerated. The maximum is 5 minutes.
	ClockSkew time.Duration

	// UseUserInfo makes each sign-in, and each refresh whose response has an ID token, also read the userinfo endpoint. See
	// [IDToken.Claims]. False means that only [Client.UserInfo] reads it.
	UseUserInfo bool

	// SignedUserInfo says that the client is registered for signed user information, so that an unsigned response is
	// rejected. False means that signed and unsigned responses are accepted.
	SignedUserInfo bool

	// SignedIntrospection makes [Client.Introspect] request a signed response (RFC 9701) and reject an unsigned one. Some
	// servers sign responses only if the registration of the client has introspection_signed_response_alg. False means that
	// signed and unsigned responses are accepted.
	SignedIntrospection bool

	// HTTPClient provides the transport for all requests. Its Timeout applies if it is shorter than Timeout. Its redirect
	// policy and its cookie jar are not used: redirects are never followed. Nil means http.DefaultTransport.
	HTTPClient *http.Client

	// Timeout limits each request to an endpoint of the server, from the connection to the last byte. It also limits
	// discovery, unless DiscoveryTimeout is set. Zero means 30 seconds. MaxBytes limits the body of each response; a longer
	// one is an error. Zero means 1 MiB. The metadata and the key set have a limit of their own, 512 KiB.
	Timeout  time.Duration
	MaxBytes int64

	// DiscoveryTimeout limits each request for the metadata and for the key set, from the connection to the last byte.
	// Discovery makes one such request to each of up to four locations. The methods of the client wait until the metadata or
	// the keys that they need are fetched. The maximum is 1 minute. Zero means that Timeout, but at most 1 minute, limits
	// the whole discovery and each request for the key set.
	DiscoveryTimeout time.Duration

	// OnToken is called with each token that was received and verified, before it is returned. Use it to store the token: if
	// the process ends before the token is stored, the token is lost, and its predecessor may no longer work. If OnToken
	// returns an error, the caller gets an [*IncompleteError]. Nil means that it is not called.
	OnToken func(ctx context.Context, token *Token) error

	// Logger receives messages about faults of the server's keys, and at level Debug about harmless deviations of its
	// metadata and its responses; see [Client.Quirks]. Nil means that nothing is logged.
	Logger *slog.Logger

	// InsecureAllowHTTP allows http for every host. Anyone on the network path can then read the secrets. False means that
	// http is allowed only for loopback hosts (127.0.0.0/8, ::1, localhost).
	InsecureAllowHTTP bool

	// InsecurePlainPKCE sends the PKCE verifier itself as the challenge, to servers whose metadata does not list S256.
	// Anyone who sees the authorization request can then redeem the code. False means that the method is S256, and that a
	// server whose metadata lists only plain causes an error.
	InsecurePlainPKCE bool

	// InsecureNoNonce accepts an ID token without a nonce, although the authorization request had one. Use it only for a
	// server that omits the nonce. An ID token of another sign-in is then not detected; PKCE and state still apply. A wrong
	// nonce is always rejected. False means that the nonce must be the one that was sent.
	InsecureNoNonce bool

	registeredAt string // the issuer of the Registration that the credentials come from; empty if it is not known
	listedPKCE   bool   // the metadata must list the PKCE method of an authorization request
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (cfg Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.Config{"+cfg.Issuer+" "+cfg.ClientID+"}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (cfg Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", cfg.Issuer), slog.String("client_id", cfg.ClientID))
}

// validate returns all faults of cfg, each with the name of its field.
func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("client: Config.%s %s", field, problem))
		}
	}
	check(cfg.Issuer != "", "Issuer", "is required")
	check(cfg.ClientID != "", "ClientID", "is required")
	check(cfg.registeredAt == "" || cfg.registeredAt == cfg.Issuer, "Issuer",
		fmt.Sprintf("is %q, but the Registration is of issuer %q", clip(cfg.Issuer), clip(cfg.registeredAt)))
	check(!slices.Contains(cfg.ExtraAudiences, ""), "ExtraAudiences", "contains an empty string")
	check(!slices.Contains(cfg.AcceptedParties, ""), "AcceptedParties", "contains an empty string")
	check(cfg.Timeout >= 0, "Timeout", "is negative")
	check(cfg.DiscoveryTimeout >= 0 && cfg.DiscoveryTimeout <= issuer.MaxDiscoveryTimeout, "DiscoveryTimeout",
		fmt.Sprintf("is %v, expected 0 to %v", cfg.DiscoveryTimeout, issuer.MaxDiscoveryTimeout))
	check(cfg.MetadataURL == "" || cfg.Metadata == nil, "MetadataURL", "must be empty if Metadata is set, because no metadata is fetched then")
	check(cfg.MaxBytes >= 0, "MaxBytes", "is negative")
	check(cfg.StateLength == 0 || cfg.StateLength >= randomBytes, "StateLength", fmt.Sprintf("is %d, expected at least %d", cfg.StateLength, randomBytes))
	check(cfg.VerifierLength == 0 || cfg.VerifierLength >= randomBytes && cfg.VerifierLength <= maxVerifierBytes, "VerifierLength",
		fmt.Sprintf("is %d, expected %d to %d", cfg.VerifierLength, randomBytes, maxVerifierBytes))
	check(cfg.ClockSkew <= maxClockSkew, "ClockSkew", fmt.Sprintf("is %v, expected at most %v", cfg.ClockSkew, maxClockSkew))
	check(cfg.PostType == PostForm || cfg.PostType == PostJSON, "PostType", "is unknown, expected PostForm or PostJSON")
	check(cfg.BasicEncoding == BasicForm || cfg.BasicEncoding == BasicRaw, "BasicEncoding", "is unknown, expected BasicForm or BasicRaw")
	for _, word := range cfg.BearerTypes {
		check(word != "" && word == strings.TrimSpace(word), "BearerTypes", "contains an empty string, or one that starts or ends with a space")
		check(!strings.EqualFold(word, "DPoP") && !strings.EqualFold(word, tokenTypeNone), "BearerTypes",
			"contains "+strconv.Quote(clip(word))+", which has another meaning")
	}
	check(len(cfg.BearerTypes) == 0 || cfg.DPoP == nil, "BearerTypes", "must be empty with DPoP: such tokens are not bound to the key")
	faults = append(faults, cfg.validateURLs()...)
	faults = append(faults, cfg.validateTenants()...)
	faults = append(faults, cfg.validateAuth()...)
	faults = append(faults, cfg.validateAlgorithms()...)
	return errors.Join(faults...)
}

// validateURLs checks the URLs in cfg, and the metadata.
func (cfg Config) validateURLs() (faults []error) {
	for field, place := range map[string]string{
		"AuthorizeURL": cfg.AuthorizeURL, "MFAURL": cfg.MFAURL, "MetadataURL": cfg.MetadataURL,
	} {
		if err := fetch.CheckURL(place, cfg.InsecureAllowHTTP); place != "" && err != nil {
			faults = append(faults, fmt.Errorf("client: Config.%s: %w", field, err))
		}
	}
	if strings.Contains(cfg.MFAURL, "?") { // the paths of the API would be appended to the query
		faults = append(faults, errors.New("client: Config.MFAURL has a query, expected https://host/path"))
	}
	for name, endpoint := range cfg.Endpoints {
		if !isEndpoint(name) {
			faults = append(faults, fmt.Errorf("client: Config.Endpoints[%q]: this package does not use an endpoint of that name", name))
		}
		if err := fetch.CheckURL(endpoint, cfg.InsecureAllowHTTP); err != nil {
			faults = append(faults, fmt.Errorf("client: Config.Endpoints[%q]: %w", name, err))
		}
	}
	discovery := oidcdiscovery.Client{InsecureAllowHTTP: cfg.InsecureAllowHTTP}
	if err := discovery.Validate(cfg.Issuer, &oidcdiscovery.Metadata{Issuer: cfg.Issuer}); err != nil && cfg.Issuer != "" {
		faults = append(faults, fmt.Errorf("client: Config.Issuer: %w", err))
		return faults
	}
	if cfg.Metadata == nil || cfg.Issuer == "" {
		return faults
	}
	if err := discovery.Validate(cfg.publishedIssuer(), cfg.Metadata); err != nil {
		faults = append(faults, fmt.Errorf("client: Config.Issuer or Config.Metadata: %w", err))
	}
	return faults
}

// skew returns ClockSkew, or its default.
func (cfg Config) skew() time.Duration { return max(cmp.Or(cfg.ClockSkew, defaultClockSkew), 0) }

// withDefaults returns a copy of cfg, without slices and maps that the caller could change, and with the defaults for zero
// values.
func (cfg Config) withDefaults() Config {
	cfg.Scopes, cfg.Resource = slices.Clone(cfg.Scopes), slices.Clone(cfg.Resource)
	cfg.Endpoints, cfg.BearerTypes = maps.Clone(cfg.Endpoints), slices.Clone(cfg.BearerTypes)
	cfg.Algorithms, cfg.ExtraAudiences = slices.Clone(cfg.Algorithms), slices.Clone(cfg.ExtraAudiences)
	cfg.AcceptedParties = slices.Clone(cfg.AcceptedParties)
	if cfg.Tenants != nil {
		tenants := *cfg.Tenants
		tenants.Tenants = slices.Clone(tenants.Tenants)
		cfg.Tenants = &tenants
	}
	cfg.StateLength = cmp.Or(cfg.StateLength, randomBytes)
	cfg.VerifierLength = cmp.Or(cfg.VerifierLength, randomBytes)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultMaxBytes)
	cfg.AssertionAudience = cmp.Or(cfg.AssertionAudience, cfg.Issuer)
	return cfg
}
