package ssf

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// Stats describes what a Receiver has received in this process since it was made. It is for metrics and alerts.
type Stats struct {
	// Issuer is Config.Issuer.
	Issuer string

	// These fields count events by [Outcome]. A SET that is rejected or could not be verified counts as one event, and is counted
	// again each time it is delivered.
	Denied, Noted, Duplicate, Unknown, Unmapped, Rejected, Failed uint64

	// LastAccepted is when an event last took effect or was a duplicate, so that its SET can be acknowledged. Zero: never.
	LastAccepted time.Time

	// Poll describes the requests of Receiver.Poll.
	Poll PollStats

	// Push describes the requests that the handler of Receiver.PushHandler has rejected before it had read a SET.
	Push PushStats
}

// PollStats describes the requests of [Receiver.Poll].
type PollStats struct {
	// Running is the number of running calls of Poll.
	Running int

	// LastSuccess is when the last readable response arrived. Zero: never.
	LastSuccess time.Time

	// Age is the time since the last readable response to a running call of Poll, or since the call if there was none yet. If several
	// calls are running, it is the largest of their values. Age should not exceed the sum of PollConfig.Timeout and
	// PollConfig.Interval for long. Zero: no call is running.
	Age time.Duration

	// Responses counts the readable responses. Timeouts counts the long polls that have reached PollConfig.Timeout without a response,
	// which is not a failure. If timeouts are frequent, increase PollConfig.Timeout. Failures counts all other requests.
	Responses, Timeouts, Failures uint64

	// ConsecutiveFailures counts the failures since the last response or timeout. If several calls are running, it is the largest of
	// their values. LastError is the error of the last failure, and nil after a response or a timeout. It is for logs: do not send it
	// to clients.
	ConsecutiveFailures int
	LastError           error
}

// PushStats counts the requests that the handler of [Receiver.PushHandler] has rejected before it had read a SET.
type PushStats struct {
	// Unauthorized counts requests without an accepted Authorization header. If the transmitter sends them, no event arrives.
	Unauthorized uint64

	// Busy counts requests that received 503 because PushConfig.MaxConcurrent others were being handled.
	Busy uint64

	// Malformed counts requests with another method or media type, and those whose body was too long or could not be read.
	Malformed uint64
}

// Stats returns the current statistics. It is safe for concurrent use.
func (r *Receiver) Stats() Stats {
	c := &r.counters
	s := Stats{
		Issuer: r.cfg.Issuer,
		Denied: c.denied.Load(), Noted: c.noted.Load(), Duplicate: c.duplicate.Load(), Unknown: c.unknown.Load(),
		Unmapped: c.unmapped.Load(), Rejected: c.rejected.Load(), Failed: c.failed.Load(),
		Poll: c.polls.stats(),
		Push: PushStats{Unauthorized: c.unauthorized.Load(), Busy: c.busy.Load(), Malformed: c.malformed.Load()},
	}
	if at := c.lastAccepted.Load(); at != nil {
		s.LastAccepted = *at
	}
	return s
}

// counters are the counters of Stats.
type counters struct {
	denied, noted, duplicate, unknown, unmapped, rejected, failed atomic.Uint64

	unauthorized, busy, malformed atomic.Uint64 // of PushStats

	lastAccepted atomic.Pointer[time.Time]
	polls        polls
}

// of returns the counter of an outcome.
func (c *counters) of(outcome Outcome) *atomic.Uint64 {
	switch outcome {
	case OutcomeDenied:
		return &c.denied
	case OutcomeNoted:
		return &c.noted
	case OutcomeDuplicate:
		return &c.duplicate
	case OutcomeUnknown:
		return &c.unknown
	case OutcomeUnmapped:
		return &c.unmapped
	case OutcomeRejected:
		return &c.rejected
	case OutcomeFailed:
	}
	return &c.failed
}

// polls counts the requests of the calls of Poll. The zero value is ready for use.
type polls struct {
	mu    sync.Mutex // guards the fields below, and the fields since and unanswered of all pollers
	calls map[*poller]struct{}
	total PollStats // without the fields that describe running calls
}

// begin records that a call of Poll begins. The caller must call end.
func (c *polls) begin(p *poller) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = make(map[*poller]struct{})
	}
	p.since, c.calls[p] = clock.Now(), struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, p)
	}
}

// responded records a response that could be read.
func (c *polls) responded(p *poller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Responses++
	c.total.LastSuccess, c.total.LastError = time.Now(), nil
	p.since, p.unanswered = clock.Now(), 0
}

// timedOut records a long poll without a response. It leaves since unchanged, so that PollStats.Age shows a transmitter that never
// responds.
func (c *polls) timedOut(p *poller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Timeouts++
	c.total.LastError, p.unanswered = nil, 0
}

// failed records a request that has failed.
func (c *polls) failed(p *poller, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Failures++
	c.total.LastError = err
	p.unanswered++
}

// stats returns the counts of all calls, and the worst state of those that are running.
func (c *polls) stats() PollStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.total
	s.Running = len(c.calls)
	for p := range c.calls {
		s.Age = max(s.Age, p.since.Age())
		s.ConsecutiveFailures = max(s.ConsecutiveFailures, p.unanswered)
	}
	return s
}
