package sqlstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// A lock is a row in bearerkit_locks. Its holder renews the row four times per lease. A row that does not change for a whole
// lease belongs to a process that has died, and another process may take it.
//
// The age of a row is measured by the process that waits, with its monotonic clock. So neither a wrong clock of another machine
// nor a suspended laptop, on which all processes stop, makes a lock look older than it is. See ADR 92.
const (
	lease      = 15 * time.Second
	firstPause = 10 * time.Millisecond // between two attempts of a caller that waits
	maxPause   = 200 * time.Millisecond
	maxSeen    = 1024
)

// locks is the part of the state of the locks that the callers of one process share.
type locks struct {
	mu    sync.Mutex           // guards the fields below
	local map[string]*place    // by the key of the row
	seen  map[string]*sighting // by the key of the row: the rows of other holders, for callers that wait
	lease time.Duration        // zero: the constant; tests set it
}

// place lets one caller of this process at a time contend for a lock, so that callers that wait cost one statement per attempt
// together.
type place struct {
	busy  chan struct{} // has one element while a caller contends for the lock or holds it
	users int           // callers that wait, contend or hold
}

// sighting is the row of another holder as this process last read it, and the time since which it has not changed.
type sighting struct {
	lockRow

	since time.Time // on the monotonic clock
}

// lockRow is a row of the table.
type lockRow struct {
	holder  []byte
	expires int64
}

// The statements of locks.
const (
	locksInsert = `
INSERT INTO bearerkit_locks (lock_key, holder, expires) VALUES (?, ?, ?)`
	locksInsertNew = locksInsert + ` ON CONFLICT (lock_key) DO NOTHING`
	locksRead      = `SELECT holder, expires FROM bearerkit_locks WHERE lock_key = ?`
	locksTake      = `
UPDATE bearerkit_locks SET holder = ?, expires = ? WHERE lock_key = ? AND holder = ? AND expires = ?`
	locksRenew   = `UPDATE bearerkit_locks SET expires = ? WHERE lock_key = ? AND holder = ?`
	locksRelease = `DELETE FROM bearerkit_locks WHERE lock_key = ? AND holder = ?`
)

// Lock implements client.TokenLocker. It waits until no other caller in any process holds the lock of key, or until ctx ends.
// Neither waiting nor holding a lock occupies a connection of the pool. A goroutine renews the lock until unlock is called.
//
// The lock of a process that has died becomes free after 15 seconds. If a process was stopped for more than 11 seconds while
// others were running, or could not reach the database for that long while others could, its lock may be lost. The Logger then
// receives a message at level Error.
func (t *Tokens) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if t.sealer == nil {
		return nil, errNoSealer
	}
	rowKey := rowKey("lock", key)
	leave, err := t.locks.enter(ctx, string(rowKey))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: Tokens.Lock: waiting for the lock: %w", err)
	}
	h := &holding{t: t, key: rowKey, holder: make([]byte, 16), done: make(chan struct{})}
	_, _ = rand.Read(h.holder) // never returns an error
	if err := h.acquire(ctx); err != nil {
		leave()
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // ctx limits only the wait
	h.ended.Go(func() { h.keep(ctx) })
	return sync.OnceFunc(func() {
		close(h.done)
		h.ended.Wait()
		h.release(ctx)
		leave()
	}), nil
}

// enter waits until no other caller of this process contends for the lock of a row.
func (l *locks) enter(ctx context.Context, key string) (leave func(), err error) {
	l.mu.Lock()
	if l.local == nil {
		l.local, l.seen = make(map[string]*place), make(map[string]*sighting)
	}
	p := l.local[key]
	if p == nil {
		p = &place{busy: make(chan struct{}, 1)}
		l.local[key] = p
	}
	p.users++
	l.mu.Unlock()
	left := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if p.users--; p.users == 0 {
			delete(l.local, key)
		}
	}
	select {
	case p.busy <- struct{}{}:
		return func() { <-p.busy; left() }, nil
	case <-ctx.Done():
		left()
		return nil, ctx.Err()
	}
}

// holding is one attempt to get a lock, and then the lock.
type holding struct {
	t       *Tokens
	key     []byte
	holder  []byte // identifies this holding
	expires int64
	done    chan struct{} // closed by unlock
	ended   sync.WaitGroup
}

// acquire waits for the lock in the database.
func (h *holding) acquire(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		got, err := h.try(ctx)
		switch {
		case err != nil:
			h.release(ctx) // the statement may have been executed
			return h.t.d.failed(ctx, "Tokens.Lock", err)
		case got:
			return nil
		}
		select {
		case <-time.After(pause/2 + mathrand.N(pause)): //nolint:gosec // spreads the attempts of several processes
		case <-ctx.Done():
			return fmt.Errorf("sqlstore: Tokens.Lock: waiting for the lock: %w", ctx.Err())
		}
	}
}

// try makes one attempt to get the lock.
func (h *holding) try(ctx context.Context) (bool, error) {
	limited, cancel := h.t.d.limited(ctx)
	defer cancel()
	row, err := h.read(limited)
	if err != nil {
		h.t.locks.forget(string(h.key)) // the holder may not have been able to renew the lock either
		return false, err
	}
	h.expires = h.next()
	if row == nil {
		h.t.locks.forget(string(h.key))
		return h.t.d.insert(limited, locksInsert, locksInsertNew, h.key, h.holder, h.expires)
	}
	if !h.t.locks.isDead(string(h.key), *row) {
		return false, nil
	}
	n, err := h.t.d.exec(limited, h.t.d.portable(locksTake), h.holder, h.expires, h.key, row.holder, row.expires)
	return n > 0, err
}

// read returns the row of the lock, or nil if nobody holds it.
func (h *holding) read(ctx context.Context) (row *lockRow, err error) {
	err = h.t.d.query(ctx, h.t.d.portable(locksRead), []any{h.key}, func(rows *sql.Rows) error {
		row = new(lockRow)
		return rows.Scan(&row.holder, &row.expires)
	})
	return row, err
}

// next returns the value of the column expires after now. Each value is larger than the previous one, even if the clock is set
// back, because a row that does not change looks dead.
func (h *holding) next() int64 {
	return max(micros(time.Now().Add(h.t.locks.duration())), h.expires+1)
}

// keep renews the lock until unlock is called.
func (h *holding) keep(ctx context.Context) {
	ticker := time.NewTicker(h.t.locks.duration() / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-h.done:
			return
		}
		if !h.renew(ctx) {
			h.t.logger.LogAttrs(ctx, slog.LevelError, "sqlstore: another process has taken the lock of a token, because it was not renewed in time")
			return
		}
	}
}

// renew renews the lock. It returns false if another process has taken it. An error is not reported: the next call tries again.
func (h *holding) renew(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, h.t.d.timeout)
	defer cancel()
	h.expires = h.next()
	n, err := h.t.d.exec(ctx, h.t.d.portable(locksRenew), h.expires, h.key, h.holder)
	return n > 0 || err != nil
}

// release deletes the row of the lock, if it is still that of h. If that fails, the lock becomes free after the lease.
func (h *holding) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.t.d.timeout)
	defer cancel()
	if _, err := h.t.d.exec(ctx, h.t.d.portable(locksRelease), h.key, h.holder); err != nil {
		h.t.logger.LogAttrs(ctx, slog.LevelWarn, "sqlstore: the lock of a token could not be released; it becomes free after 15 s",
			slog.Any("error", h.t.d.failed(ctx, "Tokens.Lock", err)))
	}
}

// duration returns the lease.
func (l *locks) duration() time.Duration {
	if l.lease > 0 {
		return l.lease
	}
	return lease
}

// isDead reports whether a row belongs to a process that has died. That is the case if it has not changed for a whole lease
// while callers of this process were waiting. If it expired more than a minute ago by the wall clock, a third of a lease is
// enough: a holder that is alive renews the row in that time.
func (l *locks) isDead(key string, row lockRow) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.seen[key]
	if last == nil || last.expires != row.expires || !bytes.Equal(last.holder, row.holder) {
		l.makeRoom()
		l.seen[key] = &sighting{lockRow: row, since: time.Now()}
		return false
	}
	unchanged := time.Since(last.since)
	abandoned := time.Since(time.UnixMicro(row.expires)) > time.Minute
	return unchanged >= l.duration() || abandoned && unchanged >= l.duration()/3
}

// makeRoom limits the number of sightings. A caller whose sighting is dropped waits longer.
func (l *locks) makeRoom() {
	for key := range l.seen {
		if len(l.seen) < maxSeen {
			return
		}
		delete(l.seen, key)
	}
}

// forget drops the sighting of a row.
func (l *locks) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.seen, key)
}
