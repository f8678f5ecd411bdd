package introspection

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/quirk"
)

// logEvery limits the lines about failures of one kind.
const logEvery = time.Minute

// lineLimit limits the lines about failures, because each request may fail.
type lineLimit struct {
	mu         sync.Mutex // guards the fields below
	last       [failureKinds]time.Time
	suppressed [failureKinds]int
}

// admit reports whether a line of this kind may be written, and how many were suppressed since the last one.
func (l *lineLimit) admit(kind failureKind, now time.Time) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.last[kind].IsZero() && now.Sub(l.last[kind]) < logEvery {
		l.suppressed[kind]++
		return 0, false
	}
	suppressed, l.suppressed[kind], l.last[kind] = l.suppressed[kind], 0, now
	return suppressed, true
}

// logFailure logs a failure: at level Error if the operator of the API has to act.
func (v *Verifier) logFailure(ctx context.Context, f failure, err error) {
	suppressed, ok := v.lines.admit(f.kind, time.Now())
	if !ok {
		return
	}
	level := slog.LevelWarn
	if f.kind.isOurFault() {
		level = slog.LevelError
	}
	v.cfg.Logger.LogAttrs(ctx, level, "introspection failed", slog.String("issuer", v.issuer),
		slog.String("detail", f.detail), slog.String("error", err.Error()), slog.Int("suppressed", suppressed))
}

// logPause logs that requests pause.
func (v *Verifier) logPause(ctx context.Context, pause time.Duration) {
	v.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "introspection pauses", slog.String("issuer", v.issuer), slog.Duration("pause", pause))
}

// quirkLog collects the deviations that a Verifier has accepted, and logs each of them once.
type quirkLog struct {
	issuer string
	logger *slog.Logger

	mu   sync.Mutex // guards seen
	seen []quirk.Quirk
}

// add records a deviation.
func (q *quirkLog) add(ctx context.Context, found quirk.Quirk) {
	q.mu.Lock()
	known := slices.Contains(q.seen, found)
	q.seen = quirk.Join(q.seen, []quirk.Quirk{found})
	q.mu.Unlock()
	if !known {
		q.logger.LogAttrs(ctx, slog.LevelDebug, "deviation accepted", slog.String("issuer", q.issuer),
			slog.String("quirk", string(found.Name)), slog.String("place", found.Place), slog.String("rfc", found.RFC))
	}
}

// all returns a copy of all deviations.
func (q *quirkLog) all() []quirk.Quirk {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.seen)
}
