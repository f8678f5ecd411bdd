package statuslist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/bounded"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Lists checks the status of the tokens of one issuer. It is a [consumer.TokenStatus]. Make one with [New]; the zero Lists
// cannot be used. It is safe for concurrent use.
type Lists struct {
	cfg        Config
	client     *http.Client
	verifier   *consumer.Consumer
	places     []place
	active     [256]bool // by Status: whether a token with it is accepted
	skew       time.Duration
	fetches    chan struct{} // has an element for each running fetch
	table      table
	references *bounded.Map[string, *reference] // by the JSON text of the claim status
	lines      lineLimit
	revoked    revoked
}

var _ consumer.TokenStatus = (*Lists)(nil)

// New returns a Lists for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no I/O and
// starts no goroutine.
func New(cfg Config) (*Lists, error) {
	cfg = cfg.withDefaults()
	fault := cfg.validate()
	l := &Lists{
		cfg: cfg, client: cfg.HTTPClient, skew: skewOf(cfg.ClockSkew), fetches: make(chan struct{}, maxFetches),
		references: bounded.New[string, *reference](maxReferences),
	}
	var err error
	if cfg.Issuer != "" {
		l.places, err = cfg.places()
		fault = errors.Join(fault, err)
		if l.verifier, err = cfg.verifier(); err != nil {
			fault = errors.Join(fault, fmt.Errorf("statuslist: the Consumer that verifies lists of Config.ListIssuer: %w", err))
		}
	}
	if cfg.PublicAddressesOnly {
		l.client, err = fetch.PublicClient(cfg.HTTPClient)
		if err != nil {
			fault = errors.Join(fault, fmt.Errorf("statuslist: Config.PublicAddressesOnly: %w", err))
		}
	}
	for _, uri := range cfg.Preload {
		if err := l.checkURL(uri); err != nil && len(l.places) > 0 {
			fault = errors.Join(fault, fmt.Errorf("statuslist: Config.Preload: %w", err))
		}
	}
	if fault != nil {
		return nil, fault
	}
	l.active[Valid] = true
	for _, status := range cfg.AlsoActive {
		l.active[status] = true
	}
	return l, nil
}

const defaultClockSkew = 10 * time.Second // of package consumer

// skewOf returns the clock skew that a Consumer allows with this setting.
func skewOf(setting time.Duration) time.Duration {
	return max(cmp.Or(setting, defaultClockSkew), 0)
}

// Active reports whether the status of token allows it to be used. It is false, without an error, if the token has no status:
// see [ErrRejected]. The error matches [ErrUnavailable], and also ctx.Err() if ctx has ended.
//
// Without a list that may be used, Active waits for at most 3 seconds. With one, it takes no lock and does not allocate.
func (l *Lists) Active(ctx context.Context, token consumer.StatusToken) (bool, error) {
	status, err := l.Lookup(ctx, token)
	if err == nil {
		if !l.active[status] {
			l.revoked.count(status)
		}
		return l.active[status], nil
	}
	rejected, ok := errors.AsType[*rejectedError](err)
	switch {
	case !ok:
		return false, err
	case rejected.kind == unlisted && l.cfg.InsecureAcceptUnlisted:
		return true, nil
	}
	l.logRejection(ctx, rejected)
	return false, nil
}

// Lookup returns the status of token, even if Config.AlsoActive does not list it. Use it in a handler whose result depends on a status
// of the application. The error matches [ErrRejected] or [ErrUnavailable].
func (l *Lists) Lookup(ctx context.Context, token consumer.StatusToken) (Status, error) {
	if token.Issuer() != l.cfg.Issuer {
		return 0, unavailable(fmt.Errorf("the token is from the issuer %.100q, expected %q (Config.Issuer)", token.Issuer(), l.cfg.Issuer))
	}
	ref, err := l.referenceOf(token)
	if err != nil {
		return 0, err
	}
	now := clock.Now()
	ref.entry.use(now)
	current, err := ref.entry.value.GetAt(ctx, now)
	if err != nil {
		return 0, unavailable(err)
	}
	if status, ok := current.at(ref.index); ok {
		return status, nil
	}
	return l.newer(ctx, now, ref, current, token.IssuedAt())
}

// newer returns the status of a token whose index is not in the list current. If the token is newer than the list, the issuer may
// have extended the list meanwhile. Package refresh limits the fetches for that.
func (l *Lists) newer(ctx context.Context, now clock.Instant, ref *reference, current *list, issued time.Time) (Status, error) {
	if issued.After(current.issued) {
		latest, fetched, err := ref.entry.value.Force(ctx, now, func(l *list) bool { return ref.index < l.size() })
		if err != nil {
			return 0, unavailable(err)
		}
		if status, ok := latest.at(ref.index); ok {
			return status, nil
		}
		// Without a new fetch, the rate limit may have prevented it, so it is not known whether the issuer has added the index.
		if !fetched && issued.After(latest.issued) {
			return 0, unavailable(errors.New("the list is older than the token and has no such index"))
		}
		current = latest
	}
	return 0, reject(outOfRange, "idx is not less than %d, the number of statuses in the list", current.size())
}

// CacheFor returns how long a result of Active for token may be cached: until its list must be fetched again. It never waits and
// causes no fetch. A Consumer calls it if [consumer.Config.StatusTTL] is set. Do not set StatusTTL for a Lists alone: Active is about
// as fast as that cache.
func (l *Lists) CacheFor(token consumer.StatusToken) time.Duration {
	if _, ok := referenceText(token); !ok {
		return math.MaxInt64 // the claims of a token do not change
	}
	ref, err := l.referenceOf(token)
	if err != nil {
		return 0
	}
	return ref.entry.value.FreshForAt(clock.Now())
}
