package weblogin

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// sources holds the token sources of the most recently used logins. All requests of a login use the same source, so that
// they share a refresh in progress, the pause after a failed refresh, and a token that could not be stored yet.
//
// An entry needs no expiry of its own: App.user drops the source of a login that has ended.
type sources struct {
	open  func(key string) (*client.TokenSource, error)
	byKey *lru.Cache[string, *source]
}

// maxSources is the maximum number of sources. If the source of a login was evicted, its next request creates a new one,
// which reads the token from the store.
const maxSources = 10_000

// newSources returns an empty sources. open creates the token source of a login.
func newSources(open func(key string) (*client.TokenSource, error)) (*sources, error) {
	cache, err := lru.New[string, *source](maxSources)
	return &sources{open, cache}, err
}

// source is the token source of one login.
type source struct {
	*client.TokenSource

	// begun is when the user signed in. It is computed once, from the stored wall time. From then on the login gets older
	// even if the wall clock is set back or the machine sleeps.
	begun clock.Instant

	mu        sync.Mutex // guards refreshed
	refreshed time.Time
}

// of returns the source of a login, and creates it if necessary. If there are more than maxSources, the least recently
// used one is removed.
func (s *sources) of(l login) (*source, error) {
	if one, ok := s.byKey.Get(l.Key); ok {
		return one, nil
	}
	opened, err := s.open(l.Key)
	if err != nil {
		return nil, err
	}
	one := &source{TokenSource: opened, begun: clock.Now().Add(-clock.At(l.At).Age())}
	if other, ok, _ := s.byKey.PeekOrAdd(l.Key, one); ok { // another request was faster
		return other, nil
	}
	return one, nil
}

// drop removes the source of a login that has ended.
func (s *sources) drop(key string) { s.byKey.Remove(key) }

// refreshAgain is the minimum time between two refreshes that a page causes.
const refreshAgain = 5 * time.Second

// refresh refreshes the token now. If the last refresh was less than refreshAgain ago, it does nothing, so that a page
// cannot cause a stream of refreshes.
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
