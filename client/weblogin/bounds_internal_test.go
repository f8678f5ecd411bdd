package weblogin

import (
	"container/list"
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// Sessions may be many: what is remembered of them here is not.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	opened := 0
	s := &sources{byKey: make(map[string]*list.Element), open: func(key string) (*client.TokenSource, error) {
		opened++
		if key == "bad" {
			return nil, client.ErrNoToken
		}
		return new(client.TokenSource), nil
	}}
	first, err := s.of("first")
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxSources + 100 {
		if _, err := s.of(strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
		if again, err := s.of("first"); err != nil || again != first { // it is used all the time
			t.Fatal("another source", err)
		}
	}
	if len(s.byKey) != maxSources || s.recent.Len() != maxSources || opened != maxSources+101 {
		t.Error(len(s.byKey), s.recent.Len(), opened)
	}
	s.drop("first")
	s.drop("never there")
	if again, err := s.of("first"); err != nil || again == first || len(s.byKey) != maxSources {
		t.Error("it was not dropped", err)
	}
	if _, err := s.of("bad"); !errors.Is(err, client.ErrNoToken) || len(s.byKey) != maxSources {
		t.Error(err)
	}
}

// One at a time has the lock of a key, others wait no longer than they like, and nothing is left of it.
func TestLocksAreBounded(t *testing.T) {
	t.Parallel()
	s := &tokenStore{busy: make(map[string]chan struct{})}
	held := 0
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			unlock, err := s.Lock(t.Context(), "one")
			if err != nil {
				t.Error(err)
				return
			}
			held++
			if held != 1 {
				t.Errorf("%d hold it", held)
			}
			held--
			unlock()
		})
	}
	all.Wait()
	unlock, err := s.Lock(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Lock(ctx, "one"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	unlock()
	if len(s.busy) != 0 {
		t.Errorf("%d locks are left", len(s.busy))
	}
}
