package statuslist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/jwks"
)

const (
	defaultMinTTL   = 10 * time.Second
	defaultInterval = 5 * time.Minute
	defaultMaxTTL   = time.Hour
	maxMaxTTL       = 24 * time.Hour // a revoked token may be accepted for as long

	defaultMaxLists = 64
	maxMaxLists     = 1024

	defaultMaxListBytes = 4 << 20
	maxMaxListBytes     = 64 << 20

	defaultTimeout = 5 * time.Second
	maxTimeout     = time.Minute
)

// Config describes the status lists for the tokens of one issuer. Only Issuer is required. [New] copies it.
type Config struct {
	// Issuer is the issuer of the tokens whose status is checked, as in consumer.Config. A token of another issuer is an error.
	// Required.
	Issuer string

	// ListIssuer is the issuer of the lists, if it differs from Issuer. Its keys verify the lists, and `iss` of a list,
	// if present, must equal it byte for byte. Empty: Issuer.
	ListIssuer string

	// URLs lists where the lists may be, such as https://issuer.example/lists/. An element allows the URL itself, and all URLs
	// under it if it ends with a slash or has no path. No other URL is ever fetched, whatever a token says. Empty: all URLs on
	// the server of ListIssuer.
	URLs []string

	// Keys is the source of the keys that verify lists. It must be safe for concurrent use. Nil: the key set of ListIssuer, which
	// is found by discovery, cached and refreshed. A Consumer of the same issuer fetches that key set, too. To fetch it once,
	// make a source with jwks.New, and use it for both.
	Keys jwks.Source

	// MetadataURL is the URL of the metadata of ListIssuer; see consumer.Config. It must be empty if Keys is set. Empty: the
	// well-known locations.
	MetadataURL string

	// Algorithms lists the accepted values of `alg` of lists; see consumer.Config. Empty: RS*, PS*, ES*, EdDSA and Ed25519, or,
	// if Keys is a shared secret, the algorithm of that secret.
	Algorithms []string

	// Audience lists the names of this API. It matters only for lists that have `aud`, which must then contain one of them.
	// Empty: the only accepted name is that of ListIssuer.
	Audience []string

	// HTTPClient provides the transport that fetches lists, metadata and keys. Its redirect policy and its cookie jar are not
	// used. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// ClockSkew is how far the clock of the issuer may differ from the clock of this machine; see consumer.Config. Zero: 10
	// seconds. Negative: no difference is allowed.
	ClockSkew time.Duration

	// AlsoActive lists statuses, besides [Valid], with which a token may be used. List only statuses whose meaning the issuer has
	// documented. New rejects [Valid], [Invalid] and [Suspended]. Empty: only Valid.
	AlsoActive []Status

	// RefreshInterval is the age from which a list is fetched again, if its `ttl` is not shorter. While tokens refer to the list, the
	// fetch begins a little earlier. If the list can be fetched, a revoked token is accepted for at most about this time after the
	// issuer has published a new list. New rejects more than MaxTTL. Zero: 5 minutes, or MaxTTL if that is shorter.
	RefreshInterval time.Duration

	// MinTTL and MaxTTL limit how long a list may be used after its fetch, if it cannot be fetched again. That time is the `ttl`
	// of the list. Without ttl, it is the time that the header of the response allows caches (Cache-Control or Expires), and
	// without that, RefreshInterval. The time never extends beyond `exp` of the list, apart from ClockSkew. New rejects a MinTTL of
	// less than 1 second, and a MaxTTL of more than 24 hours. Zero: MinTTL is 10 seconds, and MaxTTL is 1 hour or, if that is longer,
	// RefreshInterval.
	MinTTL, MaxTTL time.Duration

	// MaxLists is the maximum number of lists in memory. Beyond it, a new list replaces one that could not be fetched or that no
	// token has referred to for 1 hour; if there is none, the status is unavailable. New rejects more than 1024. Zero: 64.
	MaxLists int

	// MaxListBytes is the maximum size of a list in memory, after its decompression, in bytes. A list with 1 bit per token holds 8
	// times as many tokens. The response may have about twice as many bytes. New rejects more than 64 MiB. Zero: 4 MiB.
	MaxListBytes int

	// Timeout limits each fetch of a list, from dialing to the last byte. A request to the API waits for at most 3 seconds, but
	// the fetch continues. New rejects more than 1 minute. Zero: 5 seconds.
	Timeout time.Duration

	// Preload lists the URLs of lists that [Lists.Warm] fetches. They must be allowed by URLs. Empty: lists are fetched when a
	// token refers to them.
	Preload []string

	// AggregationURL is the URL of a document that names lists (section 9.3 of the draft). [Lists.Warm] fetches it, and then those
	// of the lists that URLs allows, up to MaxLists. Empty: no document is fetched. The member aggregation_uri of a list is not
	// used.
	AggregationURL string

	// OnRefresh is called after each fetch of a list, successful or not. It must be safe for concurrent use. Nil: no call.
	OnRefresh func(ctx context.Context, r Refresh)

	// Logger receives failed fetches. It also receives rejections of tokens that have no usable reference to a list, at most once
	// per minute for each cause, but no rejections of revoked tokens. Nil: nothing is logged.
	Logger *slog.Logger

	// PublicAddressesOnly rejects connections to loopback, private and link-local addresses for lists, metadata and keys. Set it
	// if somebody else chooses the issuer, such as a tenant. HTTPClient must then be nil or have an *http.Transport. It does not
	// apply to Keys. False: all addresses are allowed.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows lists, metadata and keys to be fetched without TLS from any host. False: only from loopback hosts.
	InsecureAllowHTTP bool

	// InsecureAcceptUnlisted accepts tokens that have no claim `status`. They cannot be revoked by a list. Set it if the issuer
	// adds the claim only to some tokens. A token with a claim status that names no status list is rejected in any case. False:
	// such tokens are rejected.
	InsecureAcceptUnlisted bool
}

// validate joins all faults of cfg, except those that package consumer finds. cfg has its defaults.
func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("statuslist: Config."+format, args...))
		}
	}
	check(cfg.Issuer != "", "Issuer is required")
	check(cfg.MinTTL >= time.Second, "MinTTL is %v, expected at least 1s", cfg.MinTTL)
	check(cfg.MaxTTL <= maxMaxTTL, "MaxTTL is %v, expected at most %v", cfg.MaxTTL, maxMaxTTL)
	check(cfg.MinTTL <= cfg.MaxTTL, "MinTTL is %v, expected at most %v (MaxTTL)", cfg.MinTTL, cfg.MaxTTL)
	check(cfg.RefreshInterval >= cfg.MinTTL && cfg.RefreshInterval <= cfg.MaxTTL,
		"RefreshInterval is %v, expected %v to %v (MinTTL to MaxTTL)", cfg.RefreshInterval, cfg.MinTTL, cfg.MaxTTL)
	check(cfg.MaxLists > 0 && cfg.MaxLists <= maxMaxLists, "MaxLists is %d, expected 1 to %d", cfg.MaxLists, maxMaxLists)
	check(cfg.MaxListBytes > 0 && cfg.MaxListBytes <= maxMaxListBytes,
		"MaxListBytes is %d, expected 1 to %d", cfg.MaxListBytes, maxMaxListBytes)
	check(cfg.Timeout > 0 && cfg.Timeout <= maxTimeout, "Timeout is %v, expected more than 0 and at most %v", cfg.Timeout, maxTimeout)
	for _, status := range cfg.AlsoActive {
		check(status > Suspended, "AlsoActive contains %v, whose meaning is fixed", status)
	}
	check(len(cfg.Preload) <= cfg.MaxLists, "Preload has %d URLs, expected at most %d (MaxLists)", len(cfg.Preload), cfg.MaxLists)
	if cfg.AggregationURL != "" {
		err := fetch.CheckURL(cfg.AggregationURL, cfg.InsecureAllowHTTP)
		check(err == nil, "AggregationURL: %w", err)
	}
	return errors.Join(faults...)
}

// withDefaults returns a copy of cfg with all defaults filled in.
func (cfg Config) withDefaults() Config {
	cfg.ListIssuer = cmp.Or(cfg.ListIssuer, cfg.Issuer)
	cfg.MinTTL = cmp.Or(cfg.MinTTL, defaultMinTTL)
	cfg.MaxTTL = cmp.Or(cfg.MaxTTL, max(defaultMaxTTL, cfg.RefreshInterval))
	cfg.RefreshInterval = cmp.Or(cfg.RefreshInterval, min(defaultInterval, cfg.MaxTTL))
	cfg.MaxLists = cmp.Or(cfg.MaxLists, defaultMaxLists)
	cfg.MaxListBytes = cmp.Or(cfg.MaxListBytes, defaultMaxListBytes)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.Preload, cfg.AlsoActive = slices.Clone(cfg.Preload), slices.Clone(cfg.AlsoActive)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// maxResponseBytes is the maximum length of a list as it is sent. A list that cannot be compressed grows by 16/9, because it is
// encoded twice.
func (cfg Config) maxResponseBytes() int { return 2*cfg.MaxListBytes + 64<<10 }
