package bearertest

import (
	"container/list"
	"sync"
	"time"
)

// maxEntries is the maximum number of entries of each shelf.
const maxEntries = 10_000

// shelf holds values for a limited time: codes, refresh tokens, and what else a client can make the issuer store. When it is
// full, a new value replaces the oldest one. The zero shelf is not usable: see newShelf. It is safe for concurrent use.
type shelf[T any] struct {
	lifetime time.Duration

	mu      sync.Mutex // guards the fields below
	entries map[string]*list.Element
	order   list.List // of *entry[T], oldest first
}

type entry[T any] struct {
	key     string
	value   T
	expires time.Time
}

func newShelf[T any](lifetime time.Duration) *shelf[T] {
	return &shelf[T]{lifetime: lifetime, entries: make(map[string]*list.Element)}
}

// add stores a value. It reports false, and changes nothing, if key is in use.
func (s *shelf[T]) add(key string, value T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for oldest := s.order.Front(); oldest != nil; oldest = s.order.Front() {
		e, ok := oldest.Value.(*entry[T])
		if ok && now.Before(e.expires) && len(s.entries) < maxEntries {
			break
		}
		s.remove(oldest)
	}
	if _, used := s.entries[key]; used {
		return false
	}
	s.entries[key] = s.order.PushBack(&entry[T]{key, value, now.Add(s.lifetime)})
	return true
}

// get returns the value of key, if it has not expired.
func (s *shelf[T]) get(key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(key)
}

// take returns the value of key, if it has not expired, and removes it.
func (s *shelf[T]) take(key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.find(key)
	if ok {
		s.remove(s.entries[key])
	}
	return value, ok
}

// values returns all values that have not expired, oldest first.
func (s *shelf[T]) values() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	var values []T
	for element := s.order.Front(); element != nil; element = element.Next() {
		if e, ok := element.Value.(*entry[T]); ok && time.Now().Before(e.expires) {
			values = append(values, e.value)
		}
	}
	return values
}

// find returns the value of key, if it has not expired. The caller must hold s.mu.
func (s *shelf[T]) find(key string) (value T, ok bool) {
	element, ok := s.entries[key]
	if !ok {
		return value, false
	}
	e, ok := element.Value.(*entry[T])
	if !ok || !time.Now().Before(e.expires) {
		return value, false
	}
	return e.value, true
}

// remove removes an entry. The caller must hold s.mu.
func (s *shelf[T]) remove(element *list.Element) {
	if e, ok := s.order.Remove(element).(*entry[T]); ok {
		delete(s.entries, e.key)
	}
}
