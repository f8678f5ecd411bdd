package consumer

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	defaultClockSkew     = 10 * time.Second
	maxClockSkew         = 5 * time.Minute // a greater one would accept tokens long after they have expired
	defaultCacheSize     = 10_000
	defaultMaxTokenBytes = 16 << 10
)

// Config describes one issuer and the tokens that are accepted from it. [New] copies it.
type Config struct {
	// Issuer is the issuer identifier. The `iss` of a token must equal it, byte for byte. With [ProfileSPIFFE], it is
	// the trust domain that `sub` must name, such as spiffe://example.org. Required.
	Issuer string

	// Audience lists the names of this API. The `aud` of a token must contain one of them (RFC 9068 section 4). Use a
	// name that no other API of the issuer has. Required, unless AudienceFunc or InsecureNoAudience is set.
	Audience []string

	// AudienceFunc returns the names of this API for the request with the context ctx. Use it if the audience depends
	// on the tenant: let a middleware in front of the Guard store the tenant in the context, and read it here. The
	// `aud` of a token must contain one of the names. Empty names are ignored. If there is no other name, the token is
	// rejected.
	//
	// AudienceFunc is called on every request, including cache hits, so a token that was accepted for one tenant is not
	// accepted for another. It must be fast and safe for concurrent use. New rejects it together with Audience or
	// InsecureNoAudience. Nil: Audience is used.
	AudienceFunc func(ctx context.Context) []string

	// Profile describes the access tokens that the issuer creates. Zero: [ProfileDefault].
	Profile Profile

	// ScopeClaims lists the claims that may hold scopes, each a string with spaces between the scopes, or an array of
	// strings. [Token.Scopes] returns the scopes of the first one that is present. Empty: the list of the profile, which
	// is scope, then scp, unless the comment of the profile says otherwise.
	ScopeClaims []string

	// Algorithms lists the accepted values of `alg` (RFC 8725bis section 3.1). Empty: RS*, PS*, ES*, EdDSA and Ed25519,
	// or, if Keys is a shared secret, the algorithm of that secret. If [jwks.Join] has joined secrets and public keys:
	// both.
	//
	// ML-DSA-44, ML-DSA-65 and ML-DSA-87 (RFC 9964) are never a default, and need a program that is built with Go 1.27 or
	// later and -tags mldsa.
	Algorithms []string

	// Keys is the source of the keys that verify signatures. It must be safe for concurrent use. Nil: the issuer's key
	// set, which is found by discovery, cached and refreshed.
	Keys jwks.Source

	// KeyCache configures the cache of the issuer's key set: ages, limits, Snapshot and OnRefresh. Its fields URL,
	// HTTPClient, PublicAddressesOnly and InsecureAllowHTTP must not be set; use the fields of Config. With
	// KeyCache.Snapshot, a process that starts while the issuer is down can verify tokens at once. The snapshot must
	// have been saved by a Consumer of the same issuer. KeyCache must be zero if Keys is set. Zero: the defaults of
	// [jwks.Config].
	KeyCache jwks.Config

	// Metadata replaces discovery. It must be the metadata of Issuer. Only its jwks_uri is used; if Keys is set, it is
	// validated and not used. Nil: discovery.
	Metadata *oidcdiscovery.Metadata

	// MetadataURL is the URL from which the metadata is fetched and refreshed. Set it for an issuer whose metadata is
	// at another location, or that this machine reaches at an internal address. The `issuer` in the metadata must still
	// equal Issuer. The keys are fetched from the jwks_uri in the metadata; if that URL cannot be reached, use
	// [jwks.New] and Keys instead. MetadataURL must be https, or http on a loopback host, and must be empty if Metadata
	// or Keys is set. Empty: the well-known locations of Issuer.
	MetadataURL string

	// DiscoveryTimeout limits each request for metadata, from dialing to the last byte. Discovery tries up to four
	// locations. If KeyCache.Timeout is zero, DiscoveryTimeout also limits each request for the key set. Increase it
	// for a slow issuer. A request to the API still waits for at most 3 seconds, but the fetch continues, and later
	// requests use its result. New rejects more than 1 minute. DiscoveryTimeout must be zero if Keys is set. Zero: 3
	// seconds.
	DiscoveryTimeout time.Duration

	// HTTPClient provides the transport that fetches metadata and keys. Its redirect policy and its cookie jar are not
	// used. The kit's limits on time and size apply, and so does a shorter Timeout of the client. Nil:
	// [http.DefaultTransport].
	HTTPClient *http.Client

	// ClockSkew is how far the issuer's clock may differ from the clock of this machine, in either direction. New
	// rejects more than 5 minutes. Zero: 10 seconds. Negative: no difference is accepted.
	ClockSkew time.Duration

	// TokenType is the value that the `type` claim must have. It is a private claim of crossauth servers, which use
	// "access", "refresh" and "id". Empty: the claim is not required, except by [ProfileCrossauth].
	TokenType string

	// ClientIDs lists the client ids whose tokens are accepted; see [Token.ClientID]. Empty: all clients of the issuer.
	ClientIDs []string

	// RequiredClaims lists claims that every token must have, in addition to those of the profile. A claim that is null
	// or an empty string counts as missing. Empty: no additional claims.
	RequiredClaims []string

	// Check is called for each token that is not in the cache, after its signature and all its claims have been
	// checked. If it returns an error, the token is rejected with [ReasonClaims], or with [ReasonStatusUnavailable] if
	// the error matches [ErrUnavailable] or ctx has ended. Check is not called on cache hits, so use Status for everything
	// that can change during the lifetime of a token. Check must be safe for concurrent use. Nil: no check.
	Check func(ctx context.Context, t *Token) error

	// Status reports whether a token may still be used. It is called on every request, including cache hits, unless
	// StatusTTL is set and its result is cached, or it has a method Version (see [TokenStatus]). If it returns an error, the request is rejected with
	// [ReasonStatusUnavailable]. Nil: no check.
	Status TokenStatus

	// StatusTTL is how long results of Status are cached. It is also the longest time for which a revoked token may
	// still be accepted. New rejects more than 1 hour. Negative results are cached for at most 5 seconds; errors are
	// not cached. The cache holds 10 000 results. A Status with a method CacheFor can shorten the time, and StatusTTL has no
	// effect on a Status with a method Version; see [TokenStatus]. Zero: no cache.
	StatusTTL time.Duration

	// OnStatus is called with each result of Status, including cached ones. It runs during the request, so it should be
	// fast. It must be safe for concurrent use. Nil: no call.
	OnStatus func(ctx context.Context, check StatusCheck)

	// CacheSize is the maximum number of verified tokens in the cache. It is not used in a [Group], which has a cache
	// of its own. Zero: 10 000. Negative: no cache, not even in a Group.
	CacheSize int

	// MaxTokenBytes is the maximum length of a token, in bytes. Zero: 16 KiB.
	MaxTokenBytes int

	// MaxHeaderBytes is the maximum length of the header of a token, in bytes of its base64url form. Raise it for an
	// issuer that puts a certificate chain (x5c) in the header; the kit does not use the chain. New rejects more than
	// 64 KiB. Zero: 2 KiB.
	MaxHeaderBytes int

	// OnVerify is called after each verification, successful or not. A [Group] does not call it for a token that it
	// rejects before it has selected a Consumer. It runs during the request, so it should be fast. It must be safe for
	// concurrent use. Nil: no call.
	OnVerify func(ctx context.Context, v Verification)

	// Explain is called after each verification of this Consumer with the result of every check. It is for development
	// and not for production: it repeats checks, and it shows parts of tokens that may be forged. See [Explanation] for
	// what it never shows. A [Group] does not call it; use [Group.Explain] or middleware.Config.Explain. It must be
	// safe for concurrent use. Nil: no call and no cost.
	Explain func(ctx context.Context, x Explanation)

	// Logger receives failed fetches of metadata and keys, key sets that cannot be saved, unusable keys, and, at level
	// Debug, each accepted deviation once (see package quirk). If Keys is set, it receives nothing about the keys: use
	// the OnRefresh of that source. It does not receive rejected tokens: the Logger of a Guard does. Nil: nothing is
	// logged.
	Logger *slog.Logger

	// PublicAddressesOnly rejects connections to loopback, private and link-local addresses when metadata and keys are
	// fetched, whatever the host name resolves to (RFC 8725bis section 3.10). Set it if somebody else chooses the
	// issuer, such as a tenant. HTTPClient must then be nil or have an *http.Transport. New rejects it together with Keys:
	// use jwks.Config.PublicAddressesOnly. False: all addresses are allowed.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows metadata and keys to be fetched without TLS from any host. False: only from loopback
	// hosts (127.0.0.0/8, ::1, localhost).
	InsecureAllowHTTP bool

	// InsecureNoIssuer accepts tokens without `iss`. A token that has iss must still match Issuer, and [Token.Issuer]
	// returns Issuer in any case. Keys must then be a [jwks.Static] or a [jwks.FileSource] that contains only keys of
	// this issuer, because nothing else shows who issued a token. A [Group] selects a Consumer by iss, so it rejects
	// tokens without it. False: `iss` is required.
	InsecureNoIssuer bool

	// InsecureNoAudience accepts tokens without `aud`. A token that has `aud` must still match Audience. ClientIDs is
	// then required, because nothing else shows that a token is meant for this API. False: `aud` is required.
	InsecureNoAudience bool

	// InsecureStatusFailOpen accepts a token if Status returns an error, unless the request was canceled or its
	// deadline has passed. Anyone who can bring the status store down can then use revoked tokens. False: the token is
	// rejected.
	InsecureStatusFailOpen bool

	// InsecureAcceptIDToken accepts ID tokens as access tokens. Anyone who signs in to the client named by Audience,
	// for any purpose, can then call this API. False: ID tokens are rejected.
	InsecureAcceptIDToken bool

	vouched     bool // for a ClaimChecker: another party has verified the claims
	needsStatus bool // a variable that FromEnv has read requires Status
}

// withDefaults returns a copy of cfg with all defaults filled in. It also copies the slices, so that the caller cannot
// change them while requests read them.
func (cfg Config) withDefaults() Config {
	cfg.Audience, cfg.ClientIDs = slices.Clone(cfg.Audience), slices.Clone(cfg.ClientIDs)
	cfg.RequiredClaims, cfg.ScopeClaims = slices.Clone(cfg.RequiredClaims), slices.Clone(cfg.ScopeClaims)
	cfg.ClockSkew = orDefault(cfg.ClockSkew, defaultClockSkew)
	cfg.CacheSize = orDefault(cfg.CacheSize, defaultCacheSize)
	cfg.MaxTokenBytes = orDefault(cfg.MaxTokenBytes, defaultMaxTokenBytes)
	cfg.MaxHeaderBytes = orDefault(cfg.MaxHeaderBytes, defaultMaxHeaderBytes)
	cfg.Algorithms = slices.Clone(cfg.Algorithms)
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = defaultAlgorithms(cfg.Keys)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// algorithms returns the accepted algorithms.
func (cfg Config) algorithms() map[string]signature.Algorithm {
	accepted := make(map[string]signature.Algorithm, len(cfg.Algorithms))
	for _, alg := range cfg.Algorithms {
		accepted[alg], _ = signature.Lookup(alg) // validateAlgorithms has checked the names
	}
	return accepted
}

// rules returns the rules of the profile, with the additions of the Config.
func (cfg Config) rules() rules {
	r := cfg.Profile.rules()
	r.RequiredClaims = slices.Concat(r.RequiredClaims, cfg.RequiredClaims)
	if len(cfg.ScopeClaims) > 0 {
		r.ScopeClaims = cfg.ScopeClaims
	}
	if len(r.ScopeClaims) == 0 {
		r.ScopeClaims = defaultScopeClaims()
	}
	if cfg.TokenType != "" {
		r.FixedClaims = maps.Clone(r.FixedClaims)
		if r.FixedClaims == nil {
			r.FixedClaims = make(map[string][]string)
		}
		r.FixedClaims["type"] = []string{cfg.TokenType}
	}
	return r
}

// orDefault returns the default for zero, and zero for a negative value, which means "none" in a Config.
func orDefault[T int | time.Duration](value, byDefault T) T {
	if value == 0 {
		return byDefault
	}
	return max(value, 0)
}

// defaultAlgorithms returns the accepted algorithms if Config.Algorithms is empty. The list for public keys is never
// combined with a source that has only secrets.
func defaultAlgorithms(keys jwks.Source) []string {
	accepted := secretAlgorithms(keys)
	if _, public := kindsOfKeys(keys); public {
		accepted = append(accepted, signature.Default()...)
	}
	return accepted
}

// kindsOfKeys reports which kinds of keys a source has. Only a source of jwks.Join can have both.
func kindsOfKeys(keys jwks.Source) (secrets, public bool) {
	secrets = len(secretAlgorithms(keys)) > 0
	joined, ok := keys.(interface{ Mixed() bool })
	return secrets, !secrets || ok && joined.Mixed()
}

// secretAlgorithms returns the algorithms of a source of shared secrets. It returns none for a source of public keys.
func secretAlgorithms(keys jwks.Source) []string {
	source, ok := keys.(interface{ Algorithms() []string })
	if !ok || nilcheck.IsNil(keys) {
		return nil
	}
	return slices.DeleteFunc(source.Algorithms(), func(alg string) bool { return !signature.IsSymmetric(alg) })
}
