package ssf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/store"
)

const (
	defaultRememberFor = 30 * 24 * time.Hour
	minRememberFor     = time.Hour
	longestTime        = 366 * 24 * time.Hour // for TokenLifetime and RememberFor
	defaultTimeout     = 10 * time.Second
	maxTimeout         = 5 * time.Minute
	defaultClockSkew   = 10 * time.Second
	maxClockSkew       = 5 * time.Minute // the longest that package consumer accepts
	maxTokenIssuers    = 20
)

// Config describes a transmitter, and what its events do. [New] copies it.
type Config struct {
	// Issuer is the issuer identifier of the transmitter. The `iss` of a SET must equal it, byte for byte. Required.
	Issuer string

	// Audience lists the names of this receiver. The `aud` of a SET must contain one of them. The transmitter chooses the
	// name when a stream is created: see [Stream].Audience. Required.
	Audience []string

	// Storage stores the entries of the deny list, and records which SETs were received. Use the Storage of the
	// [store.DenyList] that is the consumer.Config.Status of the API. If the API runs in several processes, it must be
	// shared, as those of packages store/redisstore and store/sqlstore are. Each recorded SET takes one entry, so a
	// [store.Memory] must have room for the SETs of RememberFor. While the Storage is full, SETs are not acknowledged.
	// Required.
	Storage store.Storage

	// TokenLifetime is the longest time from the issue of an access token to its expiry. Entries of the deny list are kept
	// for this time, and 10 minutes longer: the clock of the issuer may be ahead, and the API may accept a token for some time after
	// its expiry (consumer.Config.ClockSkew). With a shorter time, denied tokens would become valid again. Required. New rejects
	// more than 366 days.
	TokenLifetime time.Duration

	// TokenIssuers lists the issuers whose access tokens the transmitter may deny by the rules of [Target]. It does not limit
	// MapSubject, which receives all subjects and may return targets of any issuer. New rejects more than 20. Empty: Issuer alone.
	TokenIssuers []string

	// SessionClaim says that the access tokens carry the session in the claim `sid`. True: an event about a session denies
	// the tokens of that session only. False: it also denies the tokens that the user received before the event, because any
	// token without `sid` may be one of the session. See [Effect].
	SessionClaim bool

	// MapSubject returns the names that access tokens have for the subject of an event, such as their `sub`. It is called for
	// each event that denies tokens. If it returns no targets, the rules of [Target] apply, which map identifiers of an issuer,
	// but no email addresses or telephone numbers. If it returns an error, the SET is not acknowledged, and the transmitter
	// sends it again. It must be safe for concurrent use. Nil: only the rules of [Target] apply.
	MapSubject func(ctx context.Context, subject Subject) ([]Target, error)

	// Effect returns what an event denies. Use it to change the effect of some events, and return the result of
	// [DefaultEffect] for the others. It must be safe for concurrent use. Nil: [DefaultEffect].
	Effect func(event Event) Effect

	// OnEvent is called with each event after its tokens were denied, also if the event denies nothing or its type is not
	// known. If it returns an error, the SET is not acknowledged, and the transmitter sends it again. An event can therefore
	// reach OnEvent more than once: after an error, if a process ends before it has recorded the SET, or if the SET reaches two
	// processes at the same time. Event.ID identifies the SET. OnEvent must be fast and safe for concurrent use. Nil: no call.
	OnEvent func(ctx context.Context, event Event) error

	// OnReceived is called once for each event, and once for each SET that is rejected or cannot be verified. It is for metrics
	// and alerts. It must be fast and safe for concurrent use. Nil: no call.
	OnReceived func(ctx context.Context, reception Reception)

	// RememberFor is how long a received SET is recorded. If it arrives again within this time, it has no effect. New rejects
	// less than 1 hour and more than 366 days. Zero: 30 days.
	RememberFor time.Duration

	// Timeout limits the time in which a SET is verified and takes effect. New rejects more than 5 minutes. Zero: 10 seconds.
	Timeout time.Duration

	// ClockSkew is how far in the future the time of an event may be, by the clock of this machine. If the time is later, the
	// event denies the tokens that were issued until ClockSkew from now, or until the `iat` of the SET if that is later. The
	// `iat` of a SET may be up to 5 minutes in the future, whatever ClockSkew is. New rejects more than 5 minutes. Zero: 10
	// seconds. Negative: none.
	ClockSkew time.Duration

	// Keys is the source of the transmitter's public keys. It must be safe for concurrent use. Nil: the `jwks_uri` of the
	// transmitter's metadata, cached and refreshed.
	Keys jwks.Source

	// MetadataURL is the URL of the transmitter's metadata. Its `issuer` must equal Issuer. MetadataURL must be empty if
	// Keys is set. Empty: the location /.well-known/ssf-configuration of Issuer (SSF section 7.2).
	MetadataURL string

	// Algorithms lists the accepted values of `alg`. Empty: those of consumer.Config.
	Algorithms []string

	// HTTPClient provides the transport that fetches metadata and keys. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// PublicAddressesOnly rejects connections to addresses that are not on the public internet when metadata and keys are
	// fetched. Set it if somebody else chooses the transmitter. False: all addresses are allowed.
	PublicAddressesOnly bool

	// Logger receives events that deny nothing although they should, events of unknown types, changes of the stream, rejected
	// SETs and failures, with the errors of Storage and of the functions of this Config. The other outcomes have the level
	// Debug. The log contains the issuer and the `jti` of a SET, the type of the event and the format of its subject, but not
	// the subject itself. Nil: nothing is logged.
	Logger *slog.Logger

	// InsecureAllowHTTP allows metadata and keys to be fetched without TLS from any host. False: only from loopback hosts.
	InsecureAllowHTTP bool
}

// withDefaults returns a copy of cfg with all defaults filled in.
func (cfg Config) withDefaults() Config {
	cfg.Audience = slices.Clone(cfg.Audience)
	cfg.TokenIssuers = slices.Clone(cfg.TokenIssuers)
	if len(cfg.TokenIssuers) == 0 {
		cfg.TokenIssuers = []string{cfg.Issuer}
	}
	cfg.RememberFor = cmp.Or(cfg.RememberFor, defaultRememberFor)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.ClockSkew = max(cmp.Or(cfg.ClockSkew, defaultClockSkew), 0)
	if cfg.Effect == nil {
		cfg.Effect = DefaultEffect
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// validate joins the faults that package consumer does not report.
func (cfg Config) validate() error {
	var faults faults
	faults.check(!nilcheck.IsNil(cfg.Storage), "Config.Storage is required: the Storage of the API's store.DenyList")
	faults.check(cfg.TokenLifetime > 0, "Config.TokenLifetime is required: the longest time from the issue of an access token to its expiry")
	faults.check(cfg.TokenLifetime <= longestTime, "Config.TokenLifetime is %v, expected at most 366 days", cfg.TokenLifetime)
	faults.check(len(cfg.TokenIssuers) <= maxTokenIssuers, "Config.TokenIssuers has %d issuers, expected at most %d", len(cfg.TokenIssuers), maxTokenIssuers)
	faults.check(!slices.Contains(cfg.TokenIssuers, ""), "Config.TokenIssuers contains an empty issuer")
	faults.check(cfg.RememberFor == 0 || cfg.RememberFor >= minRememberFor && cfg.RememberFor <= longestTime,
		"Config.RememberFor is %v, expected 1 hour to 366 days", cfg.RememberFor)
	faults.check(cfg.Timeout >= 0 && cfg.Timeout <= maxTimeout, "Config.Timeout is %v, expected 0 to %v", cfg.Timeout, maxTimeout)
	faults.check(cfg.ClockSkew <= maxClockSkew, "Config.ClockSkew is %v, expected at most %v", cfg.ClockSkew, maxClockSkew)
	return errors.Join(faults...)
}

// faults are the faults of a Config.
type faults []error

// check adds a fault unless ok is true.
func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf("ssf: "+format, args...))
	}
}
