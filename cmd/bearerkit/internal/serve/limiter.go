package serve

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// At most maxWarnings warnings are logged in warningPeriod, because clients can cause them.
const (
	warningPeriod = 10 * time.Second
	maxWarnings   = 10
)

// limiter limits warnings. It is safe for concurrent use.
type limiter struct {
	mu         sync.Mutex // guards all fields
	began      time.Time
	logged     int
	suppressed int
}

// admit reports whether a warning is to be logged, and how many were dropped since the last one.
func (l *limiter) admit(now time.Time) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= warningPeriod {
		l.began, l.logged = now, 0
	}
	if l.logged == maxWarnings {
		l.suppressed++
		return 0, false
	}
	l.logged++
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}

// warn logs that serve rejected a request of the proxy before its token was read. attr says why. It must not contain a value that
// the client chose.
func (s *service) warn(r *http.Request, attr slog.Attr) {
	suppressed, ok := s.warnings.admit(time.Now())
	if !ok {
		return
	}
	attrs := []slog.Attr{attr, slog.String("peer", r.RemoteAddr)}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	s.logger.LogAttrs(r.Context(), slog.LevelWarn, "serve: request rejected before its token was read", attrs...)
}
