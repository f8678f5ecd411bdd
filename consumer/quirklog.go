package consumer

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/quirk"
)

// quirkLog collects the deviations that a Consumer has accepted, and reports each of them once. The number of different
// quirks is small and fixed, so the list is bounded. It is safe for concurrent use.
type quirkLog struct {
	issuer string
	logger *slog.Logger

	pending atomic.Bool // unreported is not empty; read without the lock on each verification

	mu         sync.Mutex // guards all fields below
	seen       []quirk.Quirk
	unreported []quirk.Quirk // for the next call of Config.OnVerify
}

// newQuirkLog returns a quirkLog for the Consumer of cfg. It contains the quirks of Config.Metadata.
func newQuirkLog(cfg Config) *quirkLog {
	q := &quirkLog{issuer: cfg.Issuer, logger: cfg.Logger}
	if cfg.Metadata != nil {
		q.record(cfg.Metadata.Quirks(), true)
	}
	return q
}

// add records quirks of a verified token or of the issuer's metadata. Each new one is logged and passed to the next call
// of Config.OnVerify. Callers must add the quirks of a token only after its signature was verified, so that forged tokens
// cause no reports.
func (q *quirkLog) add(ctx context.Context, found ...quirk.Quirk) {
	for _, fresh := range q.record(found, true) {
		q.log(ctx, fresh)
	}
}

// addReported is add for quirks that OnRefresh reports. OnVerify does not repeat them.
func (q *quirkLog) addReported(ctx context.Context, found ...quirk.Quirk) {
	for _, fresh := range q.record(found, false) {
		q.log(ctx, fresh)
	}
}

// record adds found to the list and returns those that it did not contain.
func (q *quirkLog) record(found []quirk.Quirk, report bool) (fresh []quirk.Quirk) {
	if len(found) == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range quirk.Join(found) {
		if !slices.Contains(q.seen, one) {
			fresh = append(fresh, one)
		}
	}
	q.seen = quirk.Join(q.seen, fresh)
	if report && len(fresh) > 0 {
		q.unreported = append(q.unreported, fresh...)
		q.pending.Store(true)
	}
	return fresh
}

// log writes the one line about a quirk.
func (q *quirkLog) log(ctx context.Context, found quirk.Quirk) {
	q.logger.LogAttrs(ctx, slog.LevelDebug, "deviation accepted", slog.String("issuer", q.issuer),
		slog.String("quirk", string(found.Name)), slog.String("place", found.Place), slog.String("rfc", found.RFC))
}

// report returns the quirks that no call of OnVerify has received yet. It is nil almost always.
func (q *quirkLog) report() []quirk.Quirk {
	if !q.pending.Load() {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	unreported := q.unreported
	q.unreported = nil
	q.pending.Store(false)
	return unreported
}

// all returns a copy of all quirks, sorted. It is nil if there are none.
func (q *quirkLog) all() []quirk.Quirk {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.seen)
}
