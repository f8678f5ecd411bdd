package weblogin

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// sources holds the token sources of the logins that were used last. Each login has one, so that its requests share a
// refresh, the pause after a refresh that failed, and a token that could not be stored yet.
//
// An entry needs no expiry of its own: App.user drops the source of a login that has ended.
type sources struct {
	open  func(key string) (*client.TokenSource, error)
	byKey *lru.Cache[string, *source]
}

// maxSources is the number of logins that share refreshes. One that was evicted gets a new source, which reads the store.
const maxSources = 10_000

// newSources returns an empty sources. open creates the token source of a login.
func newSources(open func(key string) (*client.TokenSource, error)) (*sources, error) {
	cache, err := lru.New[string, *source](maxSources)
	return &sources{open, cache}, err
}

// source is the token source of one login.
type source struct {
	*client.TokenSource

	// begun is when the user signed in. It was computed once, from the stored wall time, so that the age of the login does
	// not shrink when the wall clock is set back, and does not stand still while the machine sleeps.
	begun clock.Instant

	mu        sync.Mutex // guards refreshed
	refreshed time.Time
}

// of returns the source of a login. If there are too many, the one that was not used for the longest time is dropped.
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

// refreshAgain is the time between two refreshes that a page can cause.
const refreshAgain = 5 * time.Second

// refresh refreshes the token now. A page that calls it again within refreshAgain gets the token that is there.
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
