// Package bounded has a map that forgets: it holds so many entries and no more, and what is used stays longer than what
// is not.
package bounded

import (
	"sync"
	"sync/atomic"
)

// Map is a map with room for a fixed number of entries. A full one drops an entry for each that is added, by the CLOCK
// rule: a hand goes round and takes the first entry that was not read since it last came by.
//
// Reading takes no lock and, for an entry that is read often, writes nothing, so readers of one entry do not wait for
// each other as they would in a list that is kept in order of use. A Map is safe for concurrent use.
type Map[K comparable, V any] struct {
	entries sync.Map // K → *entry[K, V]
	size    int

	mu   sync.Mutex     // guards the ring and all changes to entries
	ring []*entry[K, V] // nil where an entry was removed
	hand int
}

// entry does not change, but for used.
type entry[K comparable, V any] struct {
	key   K
	value V
	place int         // in the ring
	used  atomic.Bool // since the hand last came by
}

// New returns an empty Map with room for size entries, which is positive. It takes memory as it fills.
func New[K comparable, V any](size int) *Map[K, V] { return &Map[K, V]{size: size} }

// Get returns what is known of key, and counts as a use.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	e := m.entry(key)
	if e == nil {
		return value, false
	}
	if !e.used.Load() { // to write what is there already would pass the memory around the processors
		e.used.Store(true)
	}
	return e.value, true
}

// Add sets the value of key.
func (m *Map[K, V]) Add(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &entry[K, V]{key: key, value: value}
	if known := m.entry(key); known != nil {
		e.place = known.place
		e.used.Store(known.used.Load())
	} else {
		e.place = m.vacate()
	}
	m.ring[e.place] = e
	m.entries.Store(key, e)
}

// Remove drops key.
func (m *Map[K, V]) Remove(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entry(key); e != nil {
		m.entries.Delete(key)
		m.ring[e.place] = nil
	}
}

func (m *Map[K, V]) entry(key K) *entry[K, V] {
	found, ok := m.entries.Load(key)
	if !ok {
		return nil
	}
	return found.(*entry[K, V]) //nolint:errcheck // nothing else is stored
}

// vacate returns a free place, if need be by dropping the entry that has it.
func (m *Map[K, V]) vacate() int {
	if len(m.ring) < m.size {
		m.ring = append(m.ring, nil)
		return len(m.ring) - 1
	}
	place := m.turn()
	if e := m.ring[place]; e != nil {
		m.entries.Delete(e.key)
	}
	return place
}

// maxTurn bounds how far one Add moves the hand, so that none has to wait for a round through all entries.
const maxTurn = 64

func (m *Map[K, V]) turn() (place int) {
	for range maxTurn {
		place = m.hand
		m.hand = (m.hand + 1) % len(m.ring)
		if e := m.ring[place]; e == nil || !e.used.Swap(false) {
			break
		}
	}
	return place
}
