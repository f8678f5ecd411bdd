package store

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// ErrFull says that a [Memory] has no room: the entry was not kept.
var ErrFull = errors.New("store: the memory is full")

// Memory is a [Storage] in the memory of this process. It is safe for concurrent use.
type Memory struct {
	size    int
	mu      sync.RWMutex // guards entries
	entries map[string]Entry
}

var _ Storage = (*Memory)(nil)

// NewMemory returns a Memory with room for size entries, at least one. A full one makes room by dropping what has expired,
// and nothing else: to forget that a token was revoked would be to let it pass.
func NewMemory(size int) *Memory {
	return &Memory{size: max(size, 1), entries: make(map[string]Entry)}
}

// Lookup implements [Storage].
func (m *Memory) Lookup(_ context.Context, keys ...string) (map[string]Entry, error) {
	now := time.Now()
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found map[string]Entry // nil for most tokens
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

// Save implements [Storage]. The error is [ErrFull].
func (m *Memory) Save(_ context.Context, key string, entry Entry) error {
	now := time.Now()
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
	return nil
}

// Delete implements [Storage].
func (m *Memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
	return nil
}
