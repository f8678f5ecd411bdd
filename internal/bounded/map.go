// Package bounded provides a map for the cache of verified tokens (ADR 6). Reading it takes no lock. Every other bounded
// cache of the kit is off the hot path and uses golang-lru.
package bounded

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// Map is a map with a fixed capacity. When it is full, Add evicts one entry by the CLOCK algorithm: an index, the hand,
// moves around the entries and stops at the first one that was not read since the hand last passed it. That entry is
// evicted. Entries that are in use therefore stay longer.
//
// Get takes no lock and, for an entry that is read often, writes nothing. Readers of the same entry do not wait for
// each other, as they would with a list in order of use. A Map is safe for concurrent use.
type Map[K comparable, V any] struct {
	size   int
	seed   maphash.Seed
	chains atomic.Pointer[[]chain[K, V]] // by hash; nil before the first Add

	mu   sync.Mutex     // guards what follows, and all changes to chains
	ring []*entry[K, V] // all entries
	hand int            // index in ring
	gone uint64         // entries that were dropped for others
}

// chain is a pointer in the linked list of entries with the same hash: to the first entry, or from one entry to the
// next. Only these pointers change. A reader that is at an entry while it is removed continues with the entries behind
// it.
type chain[K comparable, V any] struct{ atomic.Pointer[entry[K, V]] }

// entry is a key with its value. Both never change: Add for a key that is present stores a new entry.
type entry[K comparable, V any] struct {
	key   K
	value V
	next  chain[K, V]
	place int         // index in ring
	used  atomic.Bool // was read since the hand last passed
}

// New returns an empty Map for size entries. size must be positive. The Map allocates most of its memory when the first
// entry is added.
func New[K comparable, V any](size int) *Map[K, V] {
	return &Map[K, V]{size: size, seed: maphash.MakeSeed()}
}

// Get returns the value of key, and marks it as used.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	chains := m.chains.Load()
	if chains == nil {
		return value, false
	}
	e := m.chain(*chains, key).find(key)
	if e == nil {
		return value, false
	}
	if !e.used.Load() { // a needless write would slow down readers on other processors
		e.used.Store(true)
	}
	return e.value, true
}

// Add sets the value of key. If the Map is full, it drops another entry.
func (m *Map[K, V]) Add(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.chain(m.start(), key)
	e := &entry[K, V]{key: key, value: value}
	if known := first.find(key); known != nil { // a concurrent reader finds either entry
		e.place = known.place
		// e gets its next link before it is linked, so that a reader never finds a chain that ends too early.
		e.next.Store(known.next.Load())
		first.linkTo(known).Store(e)
	} else {
		e.place = m.vacate()
		e.next.Store(first.Load())
		first.Store(e)
	}
	m.ring[e.place] = e
}

// Remove removes key, if it is there.
func (m *Map[K, V]) Remove(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.chain(m.start(), key)
	if e := first.find(key); e != nil {
		first.unlink(e)
		m.closeGap(e.place)
	}
}

// RemoveFunc removes the entries for which match returns true, and returns their number. It calls match without holding the
// lock, for the entries that are in the Map when RemoveFunc begins.
func (m *Map[K, V]) RemoveFunc(match func(key K, value V) bool) (removed int) {
	m.mu.Lock()
	entries := slices.Clone(m.ring)
	m.mu.Unlock()
	for _, e := range entries {
		if match(e.key, e.value) {
			m.Remove(e.key)
			removed++
		}
	}
	return removed
}

// Stats describes the state of a Map.
type Stats struct {
	Size    int    // capacity in entries
	Entries int    // number of entries
	Evicted uint64 // number of entries that were dropped for others since New
}

// Stats returns the current state. A nil Map has the zero Stats.
func (m *Map[K, V]) Stats() Stats {
	if m == nil {
		return Stats{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{Size: m.size, Entries: len(m.ring), Evicted: m.gone}
}

// closeGap moves the last entry of the ring to place, so that the ring has no gaps.
func (m *Map[K, V]) closeGap(place int) {
	end := len(m.ring) - 1
	m.ring[place] = m.ring[end]
	m.ring[place].place = place
	m.ring[end] = nil
	m.ring = m.ring[:end]
}

// start returns the chains, and allocates them if there are none. There are about as many chains as entries, so most
// chains have one entry.
func (m *Map[K, V]) start() []chain[K, V] {
	if chains := m.chains.Load(); chains != nil {
		return *chains
	}
	chains := make([]chain[K, V], 1<<bits.Len(uint(m.size-1)))
	m.chains.Store(&chains)
	return chains
}

// chain returns the chain that key belongs to. The seed is random, so that nobody can choose keys that all end up in
// one chain.
func (m *Map[K, V]) chain(chains []chain[K, V], key K) *chain[K, V] {
	return &chains[maphash.Comparable(m.seed, key)&(uint64(len(chains))-1)] // the number of chains is a power of two
}

// find returns the entry of key, or nil.
func (c *chain[K, V]) find(key K) *entry[K, V] {
	e := c.Load()
	for e != nil && e.key != key {
		e = e.next.Load()
	}
	return e
}

// unlink removes e from the chain. e must be in it.
func (c *chain[K, V]) unlink(e *entry[K, V]) { c.linkTo(e).Store(e.next.Load()) }

// linkTo returns the link to e. e must be in the chain.
func (c *chain[K, V]) linkTo(e *entry[K, V]) *chain[K, V] {
	link := c
	for at := link.Load(); at != e; at = link.Load() {
		link = &at.next
	}
	return link
}

// vacate returns a free index of the ring. If the ring is full, it drops an entry.
func (m *Map[K, V]) vacate() int {
	if len(m.ring) < m.size {
		m.ring = append(m.ring, nil)
		return len(m.ring) - 1
	}
	m.gone++
	place := m.turn()
	e := m.ring[place]
	m.chain(m.start(), e.key).unlink(e)
	return place
}

// maxTurn is the most entries that the hand passes in one Add, so that no Add has to walk through all entries.
const maxTurn = 64

// turn moves the hand and returns the index of the entry to drop. After maxTurn entries that were all in use it returns
// the last of them, although it was read recently.
func (m *Map[K, V]) turn() (place int) {
	for range maxTurn {
		place = m.hand
		m.hand = (m.hand + 1) % len(m.ring)
		if !m.ring[place].used.Swap(false) {
			break
		}
	}
	return place
}
