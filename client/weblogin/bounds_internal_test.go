package weblogin

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// The number of logins is not bounded, but the memory for their token sources is.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	opened := 0
	s, err := newSources(func(key string) (*client.TokenSource, error) {
		opened++
		if key == "bad" {
			return nil, client.ErrNoToken
		}
		return new(client.TokenSource), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.of(login{Key: "first"})
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxSources + 100 {
		if _, err := s.of(login{Key: strconv.Itoa(n)}); err != nil {
			t.Fatal(err)
		}
		if again, err := s.of(login{Key: "first"}); err != nil || again != first {
			t.Fatal("the login that is used all the time got another source", err)
		}
	}
	if s.byKey.Len() != maxSources || opened != maxSources+101 {
		t.Error(s.byKey.Len(), opened)
	}
	s.drop("first")
	s.drop("never there")
	if again, err := s.of(login{Key: "first"}); err != nil || again == first || s.byKey.Len() != maxSources {
		t.Error("the source was not dropped", err)
	}
	if _, err := s.of(login{Key: "bad"}); !errors.Is(err, client.ErrNoToken) || s.byKey.Len() != maxSources {
		t.Error(err)
	}
}

// One holder at a time has the lock of a key, others wait no longer than their context, and no memory remains.
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
				t.Errorf("%d holders have the lock, expected 1", held)
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
		t.Errorf("%d locks remain, expected 0", len(s.busy))
	}
}
