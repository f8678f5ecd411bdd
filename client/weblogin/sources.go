package weblogin

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// sources are the token sources of the sessions that were used last. A session has one, so that its requests share a
// refresh, the pause after one that failed, and a token that is not stored yet.
type sources struct {
	open func(key string) (*client.TokenSource, error)

	mu     sync.Mutex // guards what follows
	byKey  map[string]*list.Element
	recent list.List // of *source; the first was used last
}

const maxSources = 10_000

// source is the token source of a session.
type source struct {
	*client.TokenSource

	key string

	mu        sync.Mutex // guards refreshed
	refreshed time.Time
}

// of returns the source of a session. The one that was not used for longest makes room.
func (s *sources) of(key string) (*source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byKey[key]; ok {
		s.recent.MoveToFront(e)
		return e.Value.(*source), nil //nolint:errcheck,forcetypeassert // there is nothing else in it
	}
	opened, err := s.open(key)
	if err != nil {
		return nil, err
	}
	if s.recent.Len() >= maxSources {
		s.removeLocked(s.recent.Back())
	}
	one := &source{TokenSource: opened, key: key}
	s.byKey[key] = s.recent.PushFront(one)
	return one, nil
}

// drop forgets the source of a session that has ended.
func (s *sources) drop(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byKey[key]; ok {
		s.removeLocked(e)
	}
}

func (s *sources) removeLocked(e *list.Element) {
	one := s.recent.Remove(e).(*source) //nolint:errcheck,forcetypeassert // there is nothing else in it
	delete(s.byKey, one.key)
}

const refreshAgain = 5 * time.Second

// refresh gets the next token now. A page that asks all the time gets the one from a moment ago.
func (s *source) refresh(ctx context.Context) error {
	s.mu.Lock()
	recent := time.Since(s.refreshed) < refreshAgain
	s.mu.Unlock()
	if recent {
		return nil
	}
	if _, err := s.Refresh(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.refreshed = time.Now()
	s.mu.Unlock()
	return nil
}
