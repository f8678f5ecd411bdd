package statuslist

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// idleFor is how long no token may refer to a list before another list may replace it, and before Run stops fetching it.
const idleFor = time.Hour

// newEvery is the average time between two new lists. Until then, MaxLists of them are allowed in quick succession.
const newEvery = time.Second

// table holds the lists by their URL. Reading it takes no lock.
type table struct {
	entries atomic.Pointer[map[string]*entry] // never changed, only replaced

	mu   sync.Mutex // guards full and all replacements of entries
	full time.Time  // when MaxLists new lists are allowed again
}

// entry is a list that tokens refer to, and that may not have been fetched yet.
type entry struct {
	uri     string
	value   *refresh.Value[*list]
	used    atomic.Int64 // when it was used last, in seconds of the wall clock
	removed atomic.Bool  // it is not in the table any more
}

// use records that a token refers to e. It writes at most once a second, because many requests share e.
func (e *entry) use(now clock.Instant) {
	if second := now.Time().Unix(); e.used.Load() != second {
		e.used.Store(second)
	}
}

// isIdle reports whether no token has referred to e for a while.
func (e *entry) isIdle(now clock.Instant) bool {
	return clock.At(time.Unix(e.used.Load(), 0)).AgeAt(now) > idleFor
}

// hasFailed reports whether no list was ever fetched, and the last attempt has failed.
func (e *entry) hasFailed() bool {
	stats := e.value.Stats()
	return stats.LastSuccess.IsZero() && stats.ConsecutiveFailures > 0
}

// all returns the entries.
func (t *table) all() map[string]*entry {
	if entries := t.entries.Load(); entries != nil {
		return *entries
	}
	return nil
}

// entryOf returns the entry of the list at uri. It adds one if uri is allowed and there is room. It fetches nothing.
func (l *Lists) entryOf(uri string) (*entry, error) {
	if known, ok := l.table.all()[uri]; ok {
		return known, nil
	}
	if err := l.checkURL(uri); err != nil {
		return nil, err
	}
	return l.add(uri)
}

var errManyNew = errors.New("tokens refer to too many new lists at once")

// add adds an entry. The errors match ErrUnavailable.
func (l *Lists) add(uri string) (*entry, error) {
	t, now := &l.table, clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.all()
	if known, ok := old[uri]; ok {
		return known, nil
	}
	// Readers take no lock, so the map is copied and then replaced.
	next := make(map[string]*entry, len(old)+1)
	maps.Copy(next, old)
	var replaced *entry
	if len(old) >= l.cfg.MaxLists {
		if replaced = replaceable(old, now); replaced == nil {
			return nil, unavailable(fmt.Errorf("tokens refer to more than %d lists (Config.MaxLists)", l.cfg.MaxLists))
		}
		delete(next, replaced.uri)
	}
	if !t.admit(l.cfg.MaxLists) {
		return nil, unavailable(errManyNew)
	}
	if replaced != nil {
		replaced.removed.Store(true)
	}
	e := &entry{uri: uri, value: refresh.New(l.refreshConfig(uri))}
	e.use(now)
	next[uri] = e
	t.entries.Store(&next)
	return e, nil
}

// admit reports whether another new list is allowed. The caller holds mu. It keeps only the time at
// which MaxLists new lists are allowed again: each new list moves that time by newEvery.
func (t *table) admit(burst int) bool {
	now := time.Now()
	if t.full.Before(now) {
		t.full = now
	}
	if t.full.Sub(now) > time.Duration(burst-1)*newEvery {
		return false
	}
	t.full = t.full.Add(newEvery)
	return true
}

// replaceable returns an entry that may be removed, or nil. One without a list is preferred.
func replaceable(entries map[string]*entry, now clock.Instant) (idle *entry) {
	for _, e := range entries {
		switch {
		case e.hasFailed():
			return e
		case e.isIdle(now):
			idle = e
		}
	}
	return idle
}
