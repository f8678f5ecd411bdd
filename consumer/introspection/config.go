package introspection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
)

const (
	defaultActiveFor     = time.Minute
	maxActiveFor         = 5 * time.Minute // a revoked token may be accepted for as long
	defaultInactiveFor   = 5 * time.Second
	maxInactiveFor       = time.Minute
	defaultTimeout       = 2 * time.Second
	maxTimeout           = 30 * time.Second
	defaultMaxConcurrent = 64
	maxMaxConcurrent     = 1024
	defaultCacheSize     = 10_000
	maxRejected          = 10_000 // entries in the cache of rejections
	defaultMaxTokenBytes = 16 << 10
)

// Config describes how tokens are introspected, and which of them are accepted. [New] copies it.
type Config struct {
	// Client sends the requests and authenticates the API at the authorization server. Its settings for the issuer, the
	// endpoint, the authentication and HTTP apply. If its SignedIntrospection is set, an unsigned response is an error
	// (RFC 9701). Required.
	Client *client.Client

	// Audience lists the names of this API. The `aud` of a response must contain one of them. Required, unless
	// InsecureNoAudience is set.
	Audience []string

	// Profile says which claims hold the client and the roles, and which claims are required, as for a JWT of the same
	// issuer. Zero: [consumer.ProfileDefault].
	Profile consumer.Profile

	// ScopeClaims lists the claims that may hold scopes; see [consumer.Config]. Empty: scope, then scp.
	ScopeClaims []string

	// ClientIDs lists the client ids whose tokens are accepted. Empty: all clients of the issuer.
	ClientIDs []string

	// RequiredClaims lists claims that every response must have. Empty: no additional claims.
	RequiredClaims []string

	// ClockSkew is how far the clock of the server may differ from the clock of this machine, in either direction. It does
	// not extend the time for which a token is cached. New rejects more than 5 minutes. Zero: 10 seconds. Negative: no
	// difference is accepted.
	ClockSkew time.Duration

	// Check is called for each token that is not in the cache, after the checks of its claims. If it returns an error, the
	// token is rejected with [consumer.ReasonClaims], or with [consumer.ReasonStatusUnavailable] if the error matches
	// [consumer.ErrUnavailable] or its ctx has ended. Its ctx is not canceled with the request. It must be safe for concurrent
	// use. Nil: no check.
	Check func(ctx context.Context, t *consumer.Token) error

	// Status reports whether a token may still be used, for example according to a deny list of this API. It is called on every
	// request, including cache hits, unless StatusTTL is set and its result is cached. Nil: only the server decides.
	Status consumer.TokenStatus

	// StatusTTL is how long results of Status are cached; see [consumer.Config]. Zero: no cache.
	StatusTTL time.Duration

	// Accept reports whether raw has the form of a token of this server, such as its prefix and its length. If it returns
	// false, the token is rejected without a request. It is called for tokens that are not in the cache. Set Accept if you can,
	// because each unknown token otherwise causes one request to the server. It must be fast and safe for concurrent use. Nil:
	// each token68 of up to MaxTokenBytes is sent.
	Accept func(raw string) bool

	// ActiveFor is how long an accepted token is cached, counted from the request to the server, but never beyond its `exp`.
	// The API may accept a token for as long after the server has revoked it. New rejects more than 5 minutes. Zero: 60
	// seconds. Negative: no cache.
	ActiveFor time.Duration

	// InactiveFor is how long a rejection is cached. New rejects more than 1 minute. Zero: 5 seconds. Negative: no cache.
	InactiveFor time.Duration

	// CacheSize is the maximum number of accepted tokens in the cache. Zero: 10 000. Negative: no cache. The cache of
	// rejections is separate and has room for 10 000.
	CacheSize int

	// Timeout limits each introspection, including the wait until a request can be sent (see MaxConcurrent), the
	// authentication of the client, and the fetch of the metadata. New rejects more than 30 seconds. Zero: 2 seconds.
	Timeout time.Duration

	// MaxConcurrent is the maximum number of concurrent requests to the server. A quarter of it is reserved for tokens that
	// were active before. Up to 16 times as many tokens may wait until a request can be sent; more are rejected with
	// [consumer.ReasonIntrospectionUnavailable]. New rejects more than 1024. Zero: 64.
	MaxConcurrent int

	// MaxTokenBytes is the maximum length of a token, in bytes. Zero: 16 KiB.
	MaxTokenBytes int

	// OnIntrospect is called after each introspection, successful or not. It is not called for cached results, and once for
	// callers that share a request. It must be fast and safe for concurrent use. Nil: no call.
	OnIntrospect func(ctx context.Context, i Introspection)

	// Logger receives failed introspections, each kind at most once per minute: at level Error if the server rejects the
	// credentials of the client or has no introspection endpoint, and at level Warn otherwise. It also receives, at level
	// Debug, each accepted deviation once. It does not receive rejected tokens: the Logger of a Guard does. Nil: nothing is
	// logged.
	Logger *slog.Logger

	// InsecureNoAudience accepts responses without `aud`. A response that has `aud` must still match Audience. Use it only if
	// the server checks that the token is meant for the client that introspects it (RFC 7662 section 4), or if all of its
	// tokens are meant for this API. Otherwise a token for another API is accepted. Set ClientIDs if you can. False: `aud` is
	// required.
	InsecureNoAudience bool

	// InsecureNoTokenType accepts responses that have neither `aud` nor `token_type`. New rejects it without
	// InsecureNoAudience. Use it only if the server introspects nothing but access tokens. Otherwise a refresh token may be
	// accepted as an access token. False: a response without `aud` must have `token_type`.
	InsecureNoTokenType bool
}

// validate joins all faults of cfg, except those that package consumer finds.
func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("introspection: Config.%s %s", field, problem))
		}
	}
	check(cfg.Client != nil, "Client", "is required")
	check(cfg.Client == nil || cfg.hasClient(), "Client", "was not made by client.New")
	check(cfg.ActiveFor <= maxActiveFor, "ActiveFor", fmt.Sprintf("is %v, more than %v", cfg.ActiveFor, maxActiveFor))
	check(cfg.InactiveFor <= maxInactiveFor, "InactiveFor", fmt.Sprintf("is %v, more than %v", cfg.InactiveFor, maxInactiveFor))
	check(cfg.Timeout >= 0 && cfg.Timeout <= maxTimeout, "Timeout", fmt.Sprintf("is %v, expected 0 to %v", cfg.Timeout, maxTimeout))
	check(cfg.MaxConcurrent >= 0 && cfg.MaxConcurrent <= maxMaxConcurrent, "MaxConcurrent",
		fmt.Sprintf("is %d, expected 0 to %d", cfg.MaxConcurrent, maxMaxConcurrent))
	check(cfg.MaxTokenBytes >= 0, "MaxTokenBytes", fmt.Sprintf("is negative: %d", cfg.MaxTokenBytes))
	check(!cfg.InsecureNoTokenType || cfg.InsecureNoAudience, "InsecureNoTokenType", "is set, but InsecureNoAudience is not")
	return errors.Join(faults...)
}

// hasClient reports whether Client was made by client.New.
func (cfg Config) hasClient() bool {
	return cfg.Client != nil && !reflect.ValueOf(*cfg.Client).IsZero()
}

// withDefaults returns a copy of cfg with all defaults filled in. Negative times and sizes become zero.
func (cfg Config) withDefaults() Config {
	cfg.ActiveFor = max(cmp.Or(cfg.ActiveFor, defaultActiveFor), 0)
	cfg.InactiveFor = max(cmp.Or(cfg.InactiveFor, defaultInactiveFor), 0)
	cfg.CacheSize = max(cmp.Or(cfg.CacheSize, defaultCacheSize), 0)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxConcurrent = cmp.Or(cfg.MaxConcurrent, defaultMaxConcurrent)
	cfg.MaxTokenBytes = cmp.Or(cfg.MaxTokenBytes, defaultMaxTokenBytes)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// checker returns the checks of the claims.
func (cfg Config) checker() (*consumer.ClaimChecker, error) {
	issuer := "unknown" // validate reports the fault
	if cfg.hasClient() {
		issuer = cfg.Client.Issuer()
	}
	return consumer.NewClaimChecker(consumer.Config{
		Issuer: issuer, Audience: cfg.Audience, Profile: cfg.Profile, ScopeClaims: cfg.ScopeClaims, ClientIDs: cfg.ClientIDs,
		RequiredClaims: cfg.RequiredClaims, ClockSkew: cfg.ClockSkew, Check: cfg.Check, Status: cfg.Status, StatusTTL: cfg.StatusTTL,
		Logger: cfg.Logger, InsecureNoAudience: cfg.InsecureNoAudience,
	})
}
