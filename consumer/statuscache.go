package consumer

import (
	"time"

	"github.com/bearerkit/bearerkit/internal/bounded"
)

const (
	maxStatuses   = 10_000
	maxStatusTime = time.Hour       // who wants to know less often does not want to know
	inactiveFor   = 5 * time.Second // at most: a token may be used before it is stored
)

// statusCache remembers answers of a TokenStatus by the claims they were given for. A nil statusCache remembers nothing.
type statusCache struct {
	digester digester
	answers  *bounded.Map[digest, statusAnswer]
	keep     time.Duration
}

type statusAnswer struct {
	active bool
	until  time.Time
}

func newStatusCache(keep time.Duration) *statusCache {
	if keep <= 0 {
		return nil
	}
	return &statusCache{
		digester: newDigester(), answers: bounded.New[digest, statusAnswer](maxStatuses), keep: keep,
	}
}

// get also returns the digest, under which add knows the claims.
func (s *statusCache) get(t *Token) (d digest, active, ok bool) {
	if s == nil {
		return d, false, false
	}
	d = s.digester.sum(t.claims.Raw())
	answer, ok := s.answers.Get(d)
	if !ok || !time.Now().Before(answer.until) {
		return d, false, false
	}
	return d, answer.active, true
}

func (s *statusCache) add(d digest, active bool) {
	if s == nil {
		return
	}
	keep := s.keep
	if !active {
		keep = min(keep, inactiveFor)
	}
	s.answers.Add(d, statusAnswer{active, time.Now().Add(keep)})
}
