package client

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/bearerkit/bearerkit/quirk"
)

// quirkLog collects the harmless deviations of one server that a Client has accepted, and logs each of them once. The
// number of different quirks is small and fixed, so the list is bounded. It is safe for concurrent use.
type quirkLog struct {
	issuer string
	logger *slog.Logger

	mu   sync.Mutex // guards the field below
	seen []quirk.Quirk
}

// newQuirkLog returns a quirkLog for the client of cfg. It contains the quirks of Config.Metadata.
func newQuirkLog(cfg Config) *quirkLog {
	q := &quirkLog{issuer: cfg.Issuer, logger: cfg.Logger}
	if q.logger == nil {
		q.logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metadata != nil {
		q.seen = quirk.Join(cfg.Metadata.Quirks())
	}
	return q
}

// add records quirks, and logs those that it did not contain at level Debug.
func (q *quirkLog) add(ctx context.Context, found []quirk.Quirk) {
	for _, fresh := range q.record(found) {
		q.logger.LogAttrs(ctx, slog.LevelDebug, "deviation accepted", slog.String("issuer", q.issuer),
			slog.String("quirk", string(fresh.Name)), slog.String("place", fresh.Place), slog.String("rfc", fresh.RFC))
	}
}

// record adds found to the list and returns those that it did not contain.
func (q *quirkLog) record(found []quirk.Quirk) (fresh []quirk.Quirk) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range quirk.Join(found) {
		if !slices.Contains(q.seen, one) {
			fresh = append(fresh, one)
		}
	}
	q.seen = quirk.Join(q.seen, fresh)
	return fresh
}

// report records a deviation of the server that was accepted. All fields of found must come from fixed lists, and never
// from a response.
func (c *Client) report(ctx context.Context, found quirk.Quirk) {
	c.quirks.add(ctx, []quirk.Quirk{found})
}

// Quirks returns the harmless deviations from the specifications that this Client has accepted from the server so far, in
// its metadata and in its responses. They are sorted, and each occurs once. Clients that [Client.WithParams] returns share
// the list. It is nil if there are none. Deviations of keys and of signed tokens are only logged.
func (c *Client) Quirks() []quirk.Quirk {
	c.quirks.mu.Lock()
	defer c.quirks.mu.Unlock()
	return slices.Clone(c.quirks.seen)
}
