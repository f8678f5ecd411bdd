package middleware

import (
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/consumer"
)

// A flood of invalid tokens must not become a flood of log lines. Of each kind of refusal, the first sampleFirst in a
// period are logged. The first line of the next period counts the lines that were dropped.
const (
	samplePeriod = 10 * time.Second
	sampleFirst  = 10  // lines of one kind in a period
	maxKinds     = 256 // kinds with a period of their own; tenants that are resolved at run time may have any number
)

// kind is the part of a refusal that has few different values. Refusals with equal kinds are sampled together. The
// detail is not a part of it: an attacker can choose the values that it quotes, and would get lines without limit.
type kind struct {
	status       int
	reason       consumer.Reason
	issuer, rule string
}

// sampler decides which refusals are logged. It is safe for concurrent use.
type sampler struct {
	mu     sync.Mutex                // guards all fields and the periods
	kinds  *lru.Cache[kind, *period] // at most maxKinds
	shared period                    // of all kinds that found no room in kinds
}

// period counts the refusals of one kind since began.
type period struct {
	began              time.Time
	logged, suppressed int // suppressed also counts earlier periods, until a line reports it
}

// newSampler returns a sampler without any kinds.
func newSampler() *sampler {
	kinds, _ := lru.New[kind, *period](maxKinds) // the size is positive, so there is no error
	return &sampler{kinds: kinds}
}

// admit reports whether a refusal is to be logged, and how many of its kind were dropped since the last line.
func (s *sampler) admit(k kind) (suppressed int, ok bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.period(k, now)
	// A new period starts with the first refusal after the old one, not by a timer.
	if now.Sub(p.began) >= samplePeriod {
		p.began, p.logged = now, 0
	}
	if p.logged >= sampleFirst {
		p.suppressed++
		return 0, false
	}
	p.logged++
	suppressed, p.suppressed = p.suppressed, 0
	return suppressed, true
}

// period returns the period of k. A new kind replaces the least recently used one only if the period of that one is
// over: otherwise new kinds without end could log without limit. The replaced kind leaves its count of dropped lines to
// the shared period.
func (s *sampler) period(k kind, now time.Time) *period {
	if p, ok := s.kinds.Get(k); ok {
		return p
	}
	if s.kinds.Len() >= maxKinds {
		_, oldest, _ := s.kinds.GetOldest()
		if now.Sub(oldest.began) < samplePeriod {
			return &s.shared
		}
		s.shared.suppressed += oldest.suppressed
	}
	p := &period{began: now}
	s.kinds.Add(k, p)
	return p
}

// attrs returns the attributes of a log line. Only detail can quote values from the request.
func (k kind) attrs(detail string, suppressed int) []slog.Attr {
	attrs := []slog.Attr{
		slog.Int("status", k.status), slog.String("reason", string(k.reason)),
		slog.String("issuer", k.issuer), slog.String("rule", k.rule),
	}
	if detail != "" {
		attrs = append(attrs, slog.String("detail", detail))
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	return attrs
}
