package middleware

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// A flood of bad tokens must not become a flood of log lines: of each kind of refusal the first few in a period are
// logged, and the next period begins by saying how many were not.
const (
	samplePeriod = 10 * time.Second
	sampleFirst  = 10  // lines of a kind in a period
	maxKinds     = 256 // that are told apart; rules and issuers come from the configuration, but tenants may be many
)

// kind is what makes two refusals the same to a reader of the log.
type kind struct {
	status       int
	reason       consumer.Reason
	issuer, rule string
}

// sampler decides which refusals are logged. It is safe for concurrent use.
type sampler struct {
	mu    sync.Mutex // guards kinds
	kinds map[kind]*period
}

type period struct {
	began              time.Time
	logged, suppressed int
}

// admit reports whether a refusal is to be logged, and how many of its kind were not since the last one that was.
func (s *sampler) admit(k kind) (suppressed int, ok bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.period(k, now)
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

// period finds the period of k. When there is no room for another kind, those whose period is over and that owe no number
// make room; without any, k shares one with all that came too late.
func (s *sampler) period(k kind, now time.Time) *period {
	if p := s.kinds[k]; p != nil {
		return p
	}
	if len(s.kinds) >= maxKinds {
		s.forget(now)
	}
	if len(s.kinds) >= maxKinds {
		k = kind{}
		if p := s.kinds[k]; p != nil {
			return p
		}
	}
	if s.kinds == nil {
		s.kinds = make(map[kind]*period)
	}
	p := &period{began: now}
	s.kinds[k] = p
	return p
}

func (s *sampler) forget(now time.Time) {
	for k, p := range s.kinds {
		if p.suppressed == 0 && now.Sub(p.began) >= samplePeriod {
			delete(s.kinds, k)
		}
	}
}

// attrs describes a refusal without anything of the request.
func (k kind) attrs(suppressed int) []slog.Attr {
	attrs := []slog.Attr{
		slog.Int("status", k.status), slog.String("reason", string(k.reason)),
		slog.String("issuer", k.issuer), slog.String("rule", k.rule),
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	return attrs
}
