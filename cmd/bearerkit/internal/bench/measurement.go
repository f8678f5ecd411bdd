package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The limits and the precision of latencies. Times are recorded in microseconds.
const (
	longest     = maxDuration + maxTimeout
	significant = 3
)

// slot is the length of the intervals in which completed requests are counted, for the plot.
const slot = 100 * time.Millisecond

// measurement collects the results of one kind. It is safe for concurrent use.
type measurement struct {
	load *load

	mu         sync.Mutex // guards the fields below
	latency    *hdrhistogram.Histogram
	sent       int         // requests of which at least one byte may have been sent
	statuses   map[int]int // number of responses, by status
	unexpected int         // responses with an unexpected status
	failures   int         // attempts without a response
	failure    error       // the first one of them
	inARow     int         // failures and unexpected responses since the last expected response
	transient  bool        // the last failure suggests that the API is unavailable or overloaded
	slots      []int       // number of responses in each slot
	elapsed    time.Duration
	stopped    bool // because everything failed
}

func newMeasurement(l *load) *measurement {
	return &measurement{
		load: l, statuses: make(map[int]int),
		latency: hdrhistogram.New(1, longest.Microseconds(), significant),
	}
}

// maxFailuresInARow ends a kind. Up to one further request for each connection is under way at that time.
const maxFailuresInARow = 20

// response records a response: its status, its latency, and its time since the start of the kind. It reports whether the status was
// expected.
func (m *measurement) response(status int, latency, at time.Duration) (expected bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent++
	m.statuses[status]++
	_ = m.latency.RecordValue(min(max(latency.Microseconds(), 1), longest.Microseconds()))
	i := int(at / slot)
	for len(m.slots) <= i {
		m.slots = append(m.slots, 0)
	}
	m.slots[i]++
	expected = m.load.expects(status)
	if expected {
		m.inARow = 0
		return true
	}
	m.unexpected++
	m.fail(status == tooManyRequests || status >= serverError)
	return false
}

// Statuses that say that the API is overloaded or unavailable (RFC 6585, Section 4; RFC 9110, Section 15.6).
const (
	tooManyRequests = 429
	serverError     = 500
)

// lost records an attempt without a response. sent reports whether a part of the request may have been sent.
func (m *measurement) lost(err error, sent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if sent {
		m.sent++
	}
	if m.failure == nil {
		m.failure = err
	}
	m.failures++
	m.fail(true)
}

// fail counts a failure. The caller must have locked m.mu.
func (m *measurement) fail(transient bool) {
	m.inARow++
	m.transient = transient
	m.stopped = m.stopped || m.inARow >= maxFailuresInARow
}

// isStopped reports whether maxFailuresInARow has been reached, so that the kind must end.
func (m *measurement) isStopped() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stopped
}

// progress returns the number of responses so far.
func (m *measurement) progress() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int(m.latency.TotalCount())
}

// perSecond returns the throughput: responses per second.
func (m *measurement) perSecond() float64 {
	if m.elapsed <= 0 {
		return 0
	}
	return float64(m.latency.TotalCount()) / m.elapsed.Seconds()
}

// quantile returns a percentile of the latency.
func (m *measurement) quantile(percent float64) time.Duration {
	return time.Duration(m.latency.ValueAtPercentile(percent)) * time.Microsecond
}

// ok reports whether every attempt got an expected response.
func (m *measurement) ok() bool {
	return m.failures == 0 && m.unexpected == 0 && m.latency.TotalCount() > 0
}
