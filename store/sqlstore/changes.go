package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/watching"
)

const (
	maxChanges = 10_000 // changes that one poll reads, and gaps that a watcher remembers

	// commitTime is the longest time from the assignment of an id to the commit that makes its row visible, if the change is
	// acknowledged. A transaction for which Save returned nil has committed within the longest Config.Timeout. A second is added
	// because the clocks of two machines may run at different speeds.
	commitTime = maxTimeout + time.Second

	// gapLife is how long an id that was not seen may still appear. It is longer than commitTime, so that changes that take
	// effect after their caller has received an error are usually noticed too.
	gapLife = time.Minute
)

// changes is what one poll has read from the database, all from one snapshot.
type changes struct {
	rows    []change // in ascending order of their ids
	highest int64    // the largest id in the table, or 0
	pruned  int64    // the largest id that was removed
	epoch   string   // of marks; it changes if the database may have lost rows
}

// change is one row of bearerkit_changes.
type change struct {
	id      int64
	key     string
	created int64
}

// readChanges reads the changes with an id above floor, at most maxChanges and two more: one that was read before, and one that
// shows that there are too many.
func (s *Store) readChanges(ctx context.Context, floor int64) (changes, error) {
	var c changes
	found := false
	err := s.query(ctx, s.text.changes, []any{floor, maxChanges + 2}, func(rows *sql.Rows) error {
		var epoch, key []byte
		var id, created sql.NullInt64
		if err := rows.Scan(&c.pruned, &c.highest, &epoch, &id, &key, &created); err != nil {
			return err
		}
		c.epoch, found = string(epoch), true
		if id.Valid { // the row exists also if there is no change
			c.rows = append(c.rows, change{id.Int64, string(key), created.Int64})
		}
		return nil
	})
	if err == nil && !found {
		return c, errNoState
	}
	return c, err
}

// position is how far a watcher has read the log of changes.
//
// The ids ascend, but transactions do not commit in the order of their ids. A change with a smaller id may become visible after
// one with a larger id. So position remembers the ids below the largest one that it has not seen: the gaps. Each poll reads
// from the first gap on. A gap is ignored after gapLife, because most of them belong to transactions that were rolled back.
//
// The ages of gaps are measured with the monotonic clock: if the wall clock is set forward, a gap must not be ignored too early.
//
// A restored backup assigns ids again that were seen before. So each poll also reads the last row again. If it is missing or
// has changed, the database has lost changes.
type position struct {
	known bool   // seen and epoch are set
	seen  int64  // the largest id that was seen or removed
	last  change // the row with the id seen; its id is 0 if that row was not read
	gaps  map[int64]time.Time
	epoch string

	resetAt time.Time      // when reset skipped changes that were not read; zero after the second purge
	cause   watching.Cause // why reset skipped them
}

// floor returns the id after which a poll begins: it reads the changes that were not seen, and the last one that was.
func (p *position) floor() int64 { return min(p.unseen(), p.seen-1) }

// unseen returns the id after which there may be changes that were not seen.
func (p *position) unseen() int64 {
	floor := p.seen
	for id := range p.gaps {
		floor = min(floor, id-1)
	}
	return floor
}

// hasCaughtUp reports whether so much time has passed since the last reset that all changes before it have become visible.
func (p *position) hasCaughtUp() bool { return p.resetAt.IsZero() }

// advance returns the keys of the changes that were not seen before. Other keys may have changed too unless the cause is None.
func (p *position) advance(c changes, now time.Time) (keys []string, cause watching.Cause) {
	if cause := p.gap(c); cause != watching.None {
		return nil, p.reset(c, now, cause)
	}
	p.epoch = c.epoch
	for _, row := range c.rows {
		isNew := p.see(row.id, now)
		if row.id == p.seen {
			p.last = row
		}
		if !isNew {
			continue
		}
		keys = append(keys, row.key)
		if len(p.gaps) > maxChanges {
			return nil, p.reset(c, now, watching.Flood)
		}
	}
	for id, since := range p.gaps {
		if now.Sub(since) > gapLife {
			delete(p.gaps, id)
		}
	}
	if !p.hasCaughtUp() && now.Sub(p.resetAt) >= commitTime {
		p.resetAt = time.Time{}
		return nil, p.cause
	}
	return keys, watching.None
}

// gap returns why the changes since the last poll are not all in c, or None.
func (p *position) gap(c changes) watching.Cause {
	switch {
	case !p.known:
		return watching.Started
	case max(c.highest, c.pruned) < p.seen:
		return watching.Lost
	case c.pruned > p.unseen():
		return watching.Missed
	case c.exceed(p.unseen()):
		return watching.Flood
	case c.epoch != p.epoch && p.epoch != "":
		return watching.Interrupted
	case p.isReplaced(c):
		return watching.Lost
	}
	return watching.None
}

// exceed reports whether there are more than maxChanges changes with an id above floor.
func (c *changes) exceed(floor int64) bool {
	n := len(c.rows)
	if n > 0 && c.rows[0].id <= floor {
		n--
	}
	return n > maxChanges
}

// isReplaced reports whether the last row that was read is missing, although it was not removed by [Store.Run], or has changed.
func (p *position) isReplaced(c changes) bool {
	if p.last.id != p.seen || p.seen <= c.pruned {
		return false
	}
	return !slices.Contains(c.rows, p.last)
}

// see reports whether the id was not seen before, and marks it as seen.
func (p *position) see(id int64, now time.Time) bool {
	if id <= p.seen {
		_, late := p.gaps[id]
		delete(p.gaps, id)
		return late
	}
	for gap := p.seen + 1; gap < id && len(p.gaps) <= maxChanges; gap++ {
		p.gaps[gap] = now
	}
	p.seen = id
	return true
}

// reset continues after the latest change, without the changes before it. Some of them may not be visible yet, so a later call
// of advance returns the cause once more.
func (p *position) reset(c changes, now time.Time, cause watching.Cause) watching.Cause {
	*p = position{
		known: true, seen: max(c.highest, c.pruned), gaps: make(map[int64]time.Time), epoch: c.epoch, resetAt: now, cause: cause,
	}
	return cause
}
