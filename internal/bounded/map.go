// Package bounded has a map that forgets: it holds so many entries and no more, and what is used stays longer than what
// is not.
package bounded

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

// Map is a map with room for a fixed number of entries. A full one drops an entry for each that is added, by the CLOCK
// rule: a hand goes round and takes the first entry that was not read since it last came by.
//
// Reading takes no lock and, for an entry that is read often, writes nothing, so readers of one entry do not wait for
// each other as they would in a list that is kept in order of use. A Map is safe for concurrent use.
type Map[K comparable, V any] struct {
	size   int
	seed   maphash.Seed
	chains atomic.Pointer[[]chain[K, V]] // by hash; nil before the first Add

	mu   sync.Mutex     // guards the ring and all changes to chains
	ring []*entry[K, V] // all that is held
	hand int
	gone uint64 // entries that were dropped for others
}

// chain is a link to the first of the entries whose hashes meet, or to the next of them. Only links change: whoever reads
// an entry that is taken out of its chain goes on from there to the same entries as before.
type chain[K comparable, V any] struct{ atomic.Pointer[entry[K, V]] }

type entry[K comparable, V any] struct {
	key   K
	value V
	next  chain[K, V]
	place int         // in the ring
	used  atomic.Bool // since the hand last came by
}

// New returns an empty Map with room for size entries, which is positive. Most of its memory it takes when the first
// entry comes, and as it fills.
func New[K comparable, V any](size int) *Map[K, V] {
	return &Map[K, V]{size: size, seed: maphash.MakeSeed()}
}

// Get returns what is known of key, and counts as a use.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	chains := m.chains.Load()
	if chains == nil {
		return value, false
	}
	e := m.chain(*chains, key).find(key)
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
	first := m.chain(m.start(), key)
	e := &entry[K, V]{key: key, value: value}
	if known := first.find(key); known != nil { // whoever reads meanwhile finds either
		e.place = known.place
		e.next.Store(known.next.Load())
		first.linkTo(known).Store(e)
	} else {
		e.place = m.vacate()
		e.next.Store(first.Load())
		first.Store(e)
	}
	m.ring[e.place] = e
}

// Remove drops key.
func (m *Map[K, V]) Remove(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.chain(m.start(), key)
	if e := first.find(key); e != nil {
		first.unlink(e)
		m.closeGap(e.place)
	}
}

// Stats describes a Map.
type Stats struct {
	Size    int    // how many entries it has room for
	Entries int    // how many it holds
	Evicted uint64 // how many it has dropped for others, ever
}

// Stats returns the state of now. A nil Map has none.
func (m *Map[K, V]) Stats() Stats {
	if m == nil {
		return Stats{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{Size: m.size, Entries: len(m.ring), Evicted: m.gone}
}

// closeGap moves the last entry of the ring, so that nothing that is held has to go while there is room.
func (m *Map[K, V]) closeGap(place int) {
	end := len(m.ring) - 1
	m.ring[place] = m.ring[end]
	m.ring[place].place = place
	m.ring[end] = nil
	m.ring = m.ring[:end]
}

// start returns the chains. It makes about as many as there will be entries, so that most of them have one link.
func (m *Map[K, V]) start() []chain[K, V] {
	if chains := m.chains.Load(); chains != nil {
		return *chains
	}
	chains := make([]chain[K, V], 1<<bits.Len(uint(m.size-1)))
	m.chains.Store(&chains)
	return chains
}

func (m *Map[K, V]) chain(chains []chain[K, V], key K) *chain[K, V] {
	return &chains[maphash.Comparable(m.seed, key)&(uint64(len(chains))-1)] // as many as a power of two
}

// find returns nil if the chain has no entry for key.
func (c *chain[K, V]) find(key K) *entry[K, V] {
	e := c.Load()
	for e != nil && e.key != key {
		e = e.next.Load()
	}
	return e
}

// unlink takes e, which is in the chain, out of it.
func (c *chain[K, V]) unlink(e *entry[K, V]) { c.linkTo(e).Store(e.next.Load()) }

// linkTo returns the link to e, which is in the chain.
func (c *chain[K, V]) linkTo(e *entry[K, V]) *chain[K, V] {
	link := c
	for at := link.Load(); at != e; at = link.Load() {
		link = &at.next
	}
	return link
}

// vacate returns a free place, if need be by dropping the entry that has it.
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

// maxTurn bounds how far one Add moves the hand, so that none has to wait for a round through all entries.
const maxTurn = 64

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
