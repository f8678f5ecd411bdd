package store

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull means that a [Memory] or a [Replays] is full and did not store the entry.
var ErrFull = errors.New("store: the memory is full")

// Memory is a [Storage] in the memory of this process. It is safe for concurrent use. Create it with [NewMemory]: the zero
// value has no room for entries.
type Memory struct {
	size    int
	changes atomic.Uint64 // the number of calls of Save and Delete; an entry that expires does not count
	mu      sync.RWMutex  // guards entries
	entries map[string]Entry
}

var _ Storage = (*Memory)(nil)

// NewMemory returns a Memory for at most size entries. A size below 1 is treated as 1. When it is full, it deletes only
// expired entries. If it evicted others, revoked tokens would become valid again.
func NewMemory(size int) *Memory {
	return &Memory{size: max(size, 1), entries: make(map[string]Entry)}
}

// Lookup implements [Storage]. It compares Expires with the wall clock. The error is always nil.
func (m *Memory) Lookup(_ context.Context, keys ...string) (map[string]Entry, error) {
	now := time.Now()
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found map[string]Entry // stays nil for most tokens
	for _, key := range keys {
		entry, ok := m.entries[key]
		if !ok || entry.endedAt(now) {
			continue
		}
		if found == nil {
			found = make(map[string]Entry, len(keys))
		}
		found[key] = entry
	}
	return found, nil
}

// Save implements [Storage]. The error is nil or [ErrFull].
func (m *Memory) Save(_ context.Context, key string, entry Entry) error {
	now := time.Now()
	entry = entry.onWallClock()
	m.mu.Lock()
	defer m.mu.Unlock()
	held, ok := m.entries[key]
	switch {
	case ok && !held.endedAt(now):
		entry = entry.with(held)
	case !ok && len(m.entries) >= m.size:
		maps.DeleteFunc(m.entries, func(_ string, e Entry) bool { return e.endedAt(now) })
		if len(m.entries) >= m.size {
			return ErrFull
		}
	}
	m.entries[key] = entry
	m.changes.Add(1) // after the change, and before Lookup can run
	return nil
}

// Delete implements [Storage]. The error is always nil.
func (m *Memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
	m.changes.Add(1)
	return nil
}
