package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	defaultClockSkew     = 10 * time.Second
	maxClockSkew         = 5 * time.Minute
	defaultCacheSize     = 10_000
	defaultMaxTokenBytes = 16 << 10
)

// Config describes one issuer and what its tokens must be to be accepted. [New] copies it.
type Config struct {
	// Issuer is the issuer identifier. A token's `iss` must equal it, byte for byte. Required.
	Issuer string

	// Audience are the names of this API. A token's `aud` must contain one of them (RFC 9068 §4). Required, except with
	// InsecureNoAudience.
	Audience []string

	// Profile is the shape of the issuer's tokens. Zero: ProfileDefault.
	Profile Profile

	// Algorithms are the accepted values of `alg` (RFC 8725bis §3.1). Empty: RS*, PS*, ES*, EdDSA and Ed25519, or, where
	// Keys is a shared secret, the algorithm of that secret.
	Algorithms []string

	// Keys verifies signatures. Nil: the issuer's key set, found by discovery, cached and kept fresh.
	Keys jwks.Source

	// KeyCache says how the issuer's key set is cached: its ages, limits, Snapshot and OnRefresh. URL and the fields that
	// this Config has as well are filled in, and must be zero here. With a Snapshot a process that is started while the
	// issuer is down serves at once; it must have been saved by a Consumer of the same issuer. The zero value is fine, and
	// the only one if Keys is set.
	KeyCache jwks.Config

	// Metadata is used instead of discovery; it must be the issuer's. With Keys nothing else is taken from it. Nil:
	// discovered.
	Metadata *oidcdiscovery.Metadata

	// HTTPClient gives the transport that fetches metadata and keys. Nil: http.DefaultTransport. Redirects are never
	// followed, and the kit's time and size limits hold for any client.
	HTTPClient *http.Client

	// ClockSkew is how far the issuer's clock may be off, in either direction. Zero: 10 s; negative: none; at most 5 min.
	ClockSkew time.Duration

	// TokenType, when set, is what the private `type` claim must be: "access", "refresh" or "id" with crossauth servers.
	// Empty: the claim is not demanded, except by ProfileCrossauth.
	TokenType string

	// ClientIDs are the only clients whose tokens are accepted. Empty: all of the issuer's.
	ClientIDs []string

	// RequiredClaims must be in every token, besides those that the profile requires. Empty: none.
	RequiredClaims []string

	// Check is asked about a token that passed every other check of its own. An error refuses it with [ReasonClaims], or with
	// [ReasonStatusUnavailable] if it matches [ErrUnavailable]. A yes is remembered with the token: for what can change in
	// a token's lifetime use Status. Nil: no further check.
	Check func(ctx context.Context, t *Token) error

	// Status is asked on every request whether the token may still be used, also for a remembered one. What cannot be
	// found out refuses the request with [ReasonStatusUnavailable]. Nil: never.
	Status TokenStatus

	// StatusTTL is how long an answer of Status is remembered, and so how long a revoked token may still pass; a no is
	// remembered for 5 s at most, an error not at all. There is room for 10 000 answers. At most 1 hour. Zero: Status is
	// asked every time.
	StatusTTL time.Duration

	// OnStatus is told of every answer of Status. It runs within the request. Nil: nobody is told.
	OnStatus func(ctx context.Context, check StatusCheck)

	// CacheSize is how many verified tokens are remembered. Zero: 10 000; negative: none.
	CacheSize int

	// MaxTokenBytes bounds the length of a token. Zero: 16 KiB.
	MaxTokenBytes int

	// OnVerify is told of every verification. It runs within the request, so it should be quick. Nil: nobody is told.
	OnVerify func(ctx context.Context, v Verification)

	// Logger is told of faults of discovery and keys. Nil: nothing is logged.
	Logger *slog.Logger

	// PublicAddressesOnly refuses to fetch from loopback, private and link-local addresses, whatever the issuer's host
	// name resolves to (RFC 8725bis §3.10). Set it where the issuer is not a name that you chose yourself.
	PublicAddressesOnly bool

	// InsecureAllowHTTP lets metadata and keys be fetched without TLS from other than loopback addresses.
	InsecureAllowHTTP bool

	// InsecureNoAudience accepts tokens without `aud`; one that has it must still match Audience. ClientIDs is required
	// then, since nothing else says that a token is meant for this API.
	InsecureNoAudience bool

	// InsecureStatusFailOpen lets a token pass whose Status could not be found out: whoever can bring the store down can
	// then use revoked tokens.
	InsecureStatusFailOpen bool

	// InsecureAcceptIDToken accepts ID tokens as access tokens. Anyone who signs in anywhere with the client named by
	// Audience can then call this API.
	InsecureAcceptIDToken bool
}

func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("consumer: Config.%s %s", field, problem))
		}
	}
	check(cfg.Issuer != "", "Issuer", "is required")
	check(len(cfg.Audience) > 0 || cfg.InsecureNoAudience, "Audience", "is required")
	check(!slices.Contains(cfg.Audience, ""), "Audience", "holds an empty name")
	check(!cfg.InsecureNoAudience || len(cfg.ClientIDs) > 0, "ClientIDs", "is required with InsecureNoAudience")
	check(!slices.Contains(cfg.ClientIDs, ""), "ClientIDs", "holds an empty id")
	check(!slices.Contains(cfg.RequiredClaims, ""), "RequiredClaims", "holds an empty name")
	profile, known := profiles()[cfg.Profile]
	check(known, "Profile", "is unknown")
	check(!known || len(cfg.ClientIDs) == 0 || len(profile.clientID) > 0, "ClientIDs", "does not go with this Profile")
	check(!profile.idToken || cfg.InsecureAcceptIDToken, "InsecureAcceptIDToken", "is required by this Profile")
	check(cfg.ClockSkew <= maxClockSkew, "ClockSkew", "is more than 5 minutes")
	check(cfg.StatusTTL >= 0, "StatusTTL", "is negative")
	check(cfg.StatusTTL <= maxStatusTime, "StatusTTL", "is more than an hour")
	check(cfg.StatusTTL == 0 || cfg.Status != nil, "StatusTTL", "is set without Status")
	check(!cfg.InsecureStatusFailOpen || cfg.Status != nil, "InsecureStatusFailOpen", "is set without Status")
	check(cfg.MaxTokenBytes >= 0, "MaxTokenBytes", "is negative")
	check(cfg.Keys == nil || reflect.ValueOf(cfg.KeyCache).IsZero(), "KeyCache", "is not used when Keys is set")
	check(cfg.KeyCache.URL == "" && cfg.KeyCache.HTTPClient == nil && !cfg.KeyCache.PublicAddressesOnly &&
		!cfg.KeyCache.InsecureAllowHTTP, "KeyCache", "has a URL, HTTPClient, PublicAddressesOnly or InsecureAllowHTTP")
	return errors.Join(append(faults, cfg.validateAlgorithms(), cfg.validateMetadata())...)
}

// validateAlgorithms holds secrets and public keys apart, so that no public key is ever tried as a secret.
func (cfg Config) validateAlgorithms() error {
	var faults []error
	known, secret := algorithms(), secretAlgorithms(cfg.Keys)
	for _, alg := range cfg.Algorithms {
		if _, ok := known[alg]; !ok {
			faults = append(faults, fmt.Errorf("consumer: Config.Algorithms: %q is not supported", alg))
			continue
		}
		if isSymmetric(alg) != (len(secret) > 0) {
			faults = append(faults, fmt.Errorf("consumer: Config.Algorithms: %q does not go with Keys", alg))
		}
	}
	return errors.Join(faults...)
}

func (cfg Config) withDefaults() Config {
	cfg.Audience, cfg.ClientIDs = slices.Clone(cfg.Audience), slices.Clone(cfg.ClientIDs)
	cfg.RequiredClaims = slices.Clone(cfg.RequiredClaims)
	cfg.ClockSkew = orDefault(cfg.ClockSkew, defaultClockSkew)
	cfg.CacheSize = orDefault(cfg.CacheSize, defaultCacheSize)
	cfg.MaxTokenBytes = orDefault(cfg.MaxTokenBytes, defaultMaxTokenBytes)
	cfg.Algorithms = slices.Clone(cfg.Algorithms)
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = secretAlgorithms(cfg.Keys)
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = asymmetricAlgorithms()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// algorithms are those on the list.
func (cfg Config) algorithms() map[string]algorithm {
	accepted := algorithms()
	maps.DeleteFunc(accepted, func(alg string, _ algorithm) bool { return !slices.Contains(cfg.Algorithms, alg) })
	return accepted
}

// rules are the profile's, with what the Config adds to them.
func (cfg Config) rules() rules {
	r := profiles()[cfg.Profile]
	r.required = slices.Concat(r.required, cfg.RequiredClaims)
	if cfg.TokenType != "" {
		r.fixed = maps.Clone(r.fixed)
		if r.fixed == nil {
			r.fixed = make(map[string][]string)
		}
		r.fixed["type"] = []string{cfg.TokenType}
	}
	return r
}

// orDefault replaces zero by the default, and what is negative by zero: none.
func orDefault[T int | time.Duration](value, byDefault T) T {
	if value == 0 {
		return byDefault
	}
	return max(value, 0)
}

// secretAlgorithms are the algorithms of a source of shared secrets; none for a source of public keys.
func secretAlgorithms(keys jwks.Source) []string {
	source, ok := keys.(interface{ Algorithms() []string })
	if !ok {
		return nil
	}
	return slices.DeleteFunc(source.Algorithms(), func(alg string) bool { return !isSymmetric(alg) })
}
