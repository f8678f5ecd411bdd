package ssf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

const (
	defaultPollEvents  = 50
	maxPollEvents      = 1000
	defaultPollTimeout = 90 * time.Second // of a long poll
	maxPollTimeout     = 10 * time.Minute
	maxPollInterval    = time.Hour
	maxPollBytes       = 4 << 20 // of a response

	emptyPause   = time.Second      // the shortest time between two long polls that return nothing
	firstBackoff = time.Second      // after the first failure
	lastBackoff  = time.Minute      // the longest pause after a failed request
	lastRetry    = 10 * time.Second // the longest pause if a SET has not taken effect: others must not wait for it
)

// PollConfig configures [Receiver.Poll].
type PollConfig struct {
	// Endpoint is the endpoint_url of a stream with poll delivery: see [Stream].Delivery. It must be https, or http on a
	// loopback host. Required.
	Endpoint string

	// Token returns the access token for the Endpoint. It is called before each request, so it should cache the token. The
	// request has the header Authorization with the scheme Bearer. Nil: no such header; HTTPClient may add one.
	Token func(ctx context.Context) (string, error)

	// HTTPClient provides the transport. Its redirect policy and its cookie jar are not used. A shorter Timeout of the client
	// applies. Nil: [http.DefaultTransport].
	HTTPClient *http.Client

	// Interval is the pause between two requests that return at once (short polling). Poll rejects more than 1 hour, because
	// tokens are denied that much later. Zero: long polling, in which the transmitter delays the response until there is an
	// event.
	Interval time.Duration

	// MaxEvents is the maximum number of SETs in a response. Poll rejects more than 1000. Zero: 50.
	MaxEvents int

	// Timeout limits each request. With long polling, it must be longer than the transmitter waits for events. Poll rejects
	// more than 10 minutes. Zero: 90 seconds.
	Timeout time.Duration

	// PublicAddressesOnly rejects an Endpoint whose address is not on the public internet. Set it if somebody else chooses
	// the transmitter, which chooses the Endpoint. HTTPClient must then be nil or have an *http.Transport. False: all
	// addresses are allowed.
	PublicAddressesOnly bool

	// InsecureAllowHTTP allows an Endpoint without TLS on any host. False: only on loopback hosts.
	InsecureAllowHTTP bool
}

// Poll fetches SETs from a transmitter until ctx ends (RFC 8936, SSF section 6.1.2). It returns nil when ctx ends, and an error if cfg
// has faults. Call it in a goroutine of its own. One process of an API can poll for all, if they share the Storage. If several poll,
// a SET may reach each of them. Its tokens are then denied twice, which has no further effect, but Config.OnEvent may be called in each
// process.
//
// Each request acknowledges the received SETs that have taken effect, and reports those that are not acceptable. A SET that has
// not taken effect is neither acknowledged nor reported, so the transmitter delivers it again. If a request fails, the next one
// repeats its acknowledgements and reports. If a response has more than MaxEvents SETs, Poll ignores the others: the transmitter
// delivers them again. A transmitter that sends no SETs, or only those that were just acknowledged or reported, receives at most
// one request per second.
//
// After a failed request, Poll waits about 1 second, and twice as long after each further failure, up to 1 minute. If a SET has not
// taken effect, Poll waits at most 10 seconds. It waits longer if a response has a Retry-After header, up to 5 minutes. Failures are
// logged. [Receiver.Stats] shows whether Poll works. A long poll that reaches the Timeout is not a failure.
func (r *Receiver) Poll(ctx context.Context, cfg PollConfig) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	if cfg.PublicAddressesOnly {
		public, err := fetch.PublicClient(cfg.HTTPClient)
		if err != nil {
			return fmt.Errorf("ssf: PollConfig.HTTPClient: %w", err)
		}
		cfg.HTTPClient = public
	}
	cfg.MaxEvents = cmp.Or(cfg.MaxEvents, defaultPollEvents)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultPollTimeout)
	if c := cfg.HTTPClient; c != nil && c.Timeout > 0 {
		cfg.Timeout = min(cfg.Timeout, c.Timeout)
	}
	p := &poller{receiver: r, cfg: cfg, stats: &r.counters.polls, maxEvents: cfg.MaxEvents, errs: make(map[string]errorBody)}
	defer p.stats.begin(p)()
	for ctx.Err() == nil {
		if !sleep(ctx, p.poll(ctx)) {
			break
		}
	}
	return nil
}

// validate joins all faults of cfg.
func (cfg PollConfig) validate() error {
	var faults faults
	if err := fetch.CheckURL(cfg.Endpoint, cfg.InsecureAllowHTTP); err != nil {
		faults.check(false, "PollConfig.Endpoint: %w", err)
	}
	faults.check(cfg.Interval >= 0 && cfg.Interval <= maxPollInterval, "PollConfig.Interval is %v, expected 0 to %v", cfg.Interval, maxPollInterval)
	faults.check(cfg.MaxEvents >= 0 && cfg.MaxEvents <= maxPollEvents, "PollConfig.MaxEvents is %d, expected 0 to %d", cfg.MaxEvents, maxPollEvents)
	faults.check(cfg.Timeout >= 0 && cfg.Timeout <= maxPollTimeout, "PollConfig.Timeout is %v, expected 0 to %v", cfg.Timeout, maxPollTimeout)
	return errors.Join(faults...)
}

// sleep waits, and returns false if ctx has ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	if pause <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// poller is one call of Poll. Its methods run in one goroutine.
type poller struct {
	receiver *Receiver
	cfg      PollConfig
	stats    *polls // its mutex guards the next two fields

	since      clock.Instant // when the last response arrived; before the first one, when Poll was called
	unanswered int           // requests that have failed since the last response or timeout

	maxEvents int // less than cfg.MaxEvents after a response that was too large
	failures  int // since all SETs of a response took effect or were rejected, for the pauses

	acks []string             // jti of SETs that have taken effect, for the next request
	errs map[string]errorBody // by jti of SETs that are not acceptable, for the next request
}

// poll sends one request, lets the SETs of the response take effect, and returns the pause before the next request.
func (p *poller) poll(ctx context.Context) time.Duration {
	start := time.Now()
	response, err := p.request(ctx)
	if err != nil {
		return p.requestFailed(ctx, err)
	}
	repeated := p.repeats(response)
	p.acks, p.errs = nil, make(map[string]errorBody) // the response shows that the transmitter has them
	p.maxEvents = min(p.maxEvents+1, p.cfg.MaxEvents)
	p.stats.responded(p)
	if err := p.receive(ctx, response); err != nil {
		return p.backOff(ctx, err, lastRetry)
	}
	p.failures = 0
	switch {
	case !repeated:
		return 0 // acknowledge, and fetch more
	case response.more || len(response.sets) > 0:
		return max(emptyPause-time.Since(start), 0) // the transmitter makes no progress
	case p.cfg.Interval > 0:
		return p.cfg.Interval
	}
	return max(emptyPause-time.Since(start), 0) // the transmitter may not wait, although it should
}

// repeats reports whether all SETs of a response were acknowledged or reported by its request. It is true without SETs.
func (p *poller) repeats(response pollResponse) bool {
	acknowledged := make(map[string]bool, len(p.acks))
	for _, id := range p.acks {
		acknowledged[id] = true
	}
	return !slices.ContainsFunc(response.sets, func(set namedSET) bool {
		_, reported := p.errs[set.id]
		return !reported && !acknowledged[set.id]
	})
}

// requestFailed returns the pause after a request that has failed.
func (p *poller) requestFailed(ctx context.Context, err error) time.Duration {
	if errors.Is(err, errNoEvent) {
		p.stats.timedOut(p)
		return emptyPause // probably there was no event, but the transmitter has waited longer than cfg.Timeout
	}
	if ctx.Err() == nil {
		p.stats.failed(p, err)
	}
	if _, ok := errors.AsType[*fetch.TooLargeError](err); ok {
		p.maxEvents = max(p.maxEvents/2, 1)
	}
	return p.backOff(ctx, err, lastBackoff)
}

// receive lets the SETs of a response take effect. If one of them fails, receive continues with the others, and returns the first
// error. After a failure it stops as soon as it has taken longer than a request may: the transmitter delivers the rest again.
func (p *poller) receive(ctx context.Context, response pollResponse) (failure error) {
	start := time.Now()
	for _, set := range response.sets {
		if failure != nil && time.Since(start) > p.cfg.Timeout {
			return failure
		}
		err := p.receiver.receiveNamed(ctx, set)
		rejected, ok := errors.AsType[*Error](err)
		switch {
		case ok:
			p.errs[set.id] = errorBody{rejected.Code, describe(rejected.Code)}
		case err == nil:
			p.acks = append(p.acks, set.id)
		case failure == nil:
			failure = err
		}
	}
	return failure
}

// backOff counts and logs a failure, and returns the pause after it, at most longest unless the transmitter requests more. The pause is
// random in its upper half, so that several processes do not send their requests at the same time.
func (p *poller) backOff(ctx context.Context, err error, longest time.Duration) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	pause := min(firstBackoff<<min(p.failures, 6), longest) // 2⁶ s are more than lastBackoff
	p.failures++
	pause = pause/2 + rand.N(pause/2+1) //nolint:gosec // this needs no secret
	pause = max(pause, fetch.RetryAfter(err))
	p.receiver.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ssf: events could not be fetched, or have not taken effect", slog.String("issuer", p.receiver.cfg.Issuer),
		slog.String("error", logText(err)), slog.Duration("pause", pause))
	return pause
}
