package statuslist

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// Refresh describes one fetch of a list, for [Config.OnRefresh].
type Refresh struct {
	// Issuer is Config.Issuer. It can be a metric label, unlike URL, which comes from a token.
	Issuer string

	// URL is the URL of the list. Its query may contain a secret of the issuer.
	URL string

	// Cause is why the list was fetched. "expired": a request found no list, or one that is older than Config.RefreshInterval or
	// its `ttl`. "ahead": the list was about to reach that age. "forced": a token has an index that the list in use does not have.
	Cause string

	// Duration is how long the fetch took.
	Duration time.Duration

	// List describes the new list. It is zero if Err is not nil.
	List ListInfo

	// Err says why there is no new list. The old one stays in use until it is too old: see Config.MaxTTL. Err is for logs: do not
	// send it to clients.
	Err error
}

// ListInfo describes a list.
type ListInfo struct {
	Bits     int       // the size of a status: 1, 2, 4 or 8
	Statuses int64     // the number of statuses that the list has room for
	IssuedAt time.Time // `iat`
	Expires  time.Time // `exp`; zero: never
}

// info describes l, which may be nil.
func (l *list) info() ListInfo {
	if l == nil {
		return ListInfo{}
	}
	return ListInfo{Bits: int(l.bits), Statuses: l.size(), IssuedAt: l.issued, Expires: l.expires}
}

// report logs a failed fetch and calls OnRefresh.
func (l *Lists) report(ctx context.Context, uri string, a refresh.Attempt[*list]) {
	r := Refresh{Issuer: l.cfg.Issuer, URL: uri, Cause: string(a.Cause), Duration: a.Duration, Err: a.Err}
	if a.Err == nil {
		r.List = a.Value.info()
	} else {
		l.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "status list not refreshed", slog.String("issuer", l.cfg.Issuer),
			slog.String("cause", r.Cause), slog.String("error", a.Err.Error()))
	}
	if l.cfg.OnRefresh != nil {
		l.cfg.OnRefresh(ctx, r)
	}
}

// Stats describes the lists, for metrics and health checks.
type Stats struct {
	// Issuer is Config.Issuer.
	Issuer string

	// Lists has an element for each known list, including those that could not be fetched yet. Lists that were replaced because of
	// Config.MaxLists are missing. It is sorted by URL.
	Lists []ListStats

	// Rejected counts the rejected tokens by cause, since the Lists was made.
	Rejected Rejections
}

// Rejections counts the calls of [Lists.Active] that returned false without an error, by cause. Each request with a rejected token is
// counted, unless the result was cached (consumer.Config.StatusTTL).
type Rejections struct {
	Invalid   uint64 // the status is [Invalid]: the token was revoked
	Suspended uint64 // the status is [Suspended]
	Other     uint64 // another status, which Config.AlsoActive does not list

	Unlisted   uint64 // the token has no claim status
	Malformed  uint64 // the claim is not valid
	NotAllowed uint64 // the list is not at one of Config.URLs
	OutOfRange uint64 // the list has no such index
}

// ListStats describes the state of one list.
type ListStats struct {
	// URL is the URL of the list. Its query may contain a secret of the issuer.
	URL string

	// List describes the list in use. Usable is false, and List is zero, if none was fetched or the last one is too old to be used.
	List   ListInfo
	Usable bool

	// Idle is true if no token has referred to the list for 1 hour. The list is then not fetched until a token refers to it.
	Idle bool

	// FetchedAt is when the list was last fetched successfully, even if it is too old now. Age is the time since then. Both are
	// zero before the first success.
	FetchedAt time.Time
	Age       time.Duration

	// ConsecutiveFailures is the number of failed fetches since the last success. LastError is the error of the last failure, and
	// nil after a success. It is for logs: do not send it to clients.
	ConsecutiveFailures int
	LastError           error
}

// Stats returns the current state. It does not wait and causes no fetch.
func (l *Lists) Stats() Stats {
	s := Stats{Issuer: l.cfg.Issuer, Rejected: l.lines.rejected()}
	s.Rejected.Invalid, s.Rejected.Suspended, s.Rejected.Other = l.revoked.invalid.Load(), l.revoked.suspended.Load(), l.revoked.other.Load()
	now := clock.Now()
	for _, e := range l.table.all() {
		of := e.value.Stats()
		s.Lists = append(s.Lists, ListStats{
			URL: e.uri, List: of.Value.info(), Usable: of.Held, Idle: e.isIdle(now), FetchedAt: of.LastSuccess, Age: of.Age,
			ConsecutiveFailures: of.ConsecutiveFailures, LastError: of.LastError,
		})
	}
	slices.SortFunc(s.Lists, func(a, b ListStats) int { return cmp.Compare(a.URL, b.URL) })
	return s
}

// revoked counts the calls of Active that returned false because of the status in a list.
type revoked struct{ invalid, suspended, other atomic.Uint64 }

// count counts a token with a status that rejects it.
func (r *revoked) count(status Status) {
	switch status {
	case Invalid:
		r.invalid.Add(1)
	case Suspended:
		r.suspended.Add(1)
	default:
		r.other.Add(1)
	}
}

// logEvery is the shortest time between two log lines about rejected tokens of one kind.
const logEvery = time.Minute

// lineLimit counts the tokens that were rejected because they have no status, and limits the log lines about them. Otherwise each
// request with such a token would write a line. The arrays have an element for each rejection.
type lineLimit struct {
	mu         sync.Mutex                // guards the fields below
	last       [rejections]clock.Instant // when a line was last written
	suppressed [rejections]int           // lines that were not written since then
	total      [rejections]uint64        // rejected tokens
}

// rejected returns how many tokens were rejected because they have no status.
func (n *lineLimit) rejected() Rejections {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Rejections{
		Unlisted: n.total[unlisted], Malformed: n.total[malformed], NotAllowed: n.total[notAllowed], OutOfRange: n.total[outOfRange],
	}
}

// admit counts a rejected token. It reports whether a line of this kind may be written, and how many were suppressed since the last one.
func (n *lineLimit) admit(kind rejection) (suppressed int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.total[kind]++
	if n.last[kind].Age() < logEvery {
		n.suppressed[kind]++
		return 0, false
	}
	suppressed, n.suppressed[kind], n.last[kind] = n.suppressed[kind], 0, clock.Now()
	return suppressed, true
}

// logRejection logs that a token has no status.
func (l *Lists) logRejection(ctx context.Context, err *rejectedError) {
	if suppressed, ok := l.lines.admit(err.kind); ok {
		l.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "token without a status rejected", slog.String("issuer", l.cfg.Issuer),
			slog.String("detail", err.problem), slog.Int("suppressed", suppressed))
	}
}
