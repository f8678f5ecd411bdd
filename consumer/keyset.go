package consumer

import (
	"context"
	"sync"

	"github.com/bearerkit/bearerkit/jwks"
)

// keySet is the set in one place. It is read before it is in use, and the owner is told of that afterwards: Refresh.Err
// says what serves requests, and nobody who is slow to listen keeps the set from taking over.
type keySet struct {
	*jwks.Remote
	news news
}

// newKeySet makes one by build, which is jwks.New or restores.
func newKeySet(cache jwks.Config, build func(jwks.Config) (*jwks.Remote, error)) (*keySet, error) {
	s, tell := new(keySet), cache.OnRefresh
	cache.OnRefresh = func(ctx context.Context, r jwks.Refresh) {
		s.news.pass(func() { tell(ctx, r) })
	}
	remote, err := build(cache)
	if err != nil {
		return nil, err
	}
	s.Remote = remote
	return s, nil
}

// news is passed on from the release on, and kept until then.
type news struct {
	mu       sync.Mutex // guards what follows; not held while anybody is told
	released bool
	kept     []func() // a fetch or two
}

func (n *news) pass(tell func()) {
	if !n.keep(tell) {
		tell()
	}
}

func (n *news) keep(tell func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.released {
		n.kept = append(n.kept, tell)
	}
	return !n.released
}

func (n *news) release() {
	n.mu.Lock()
	kept := n.kept
	n.released, n.kept = true, nil
	n.mu.Unlock()
	for _, tell := range kept {
		tell()
	}
}
