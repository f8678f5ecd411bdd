package jwks

import (
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/clock"
)

const (
	maxUnknown = 64               // key IDs: at most one fetch in MinRefetch adds some, so more are rarely valid
	unknownFor = 30 * time.Second // at most, however long MinRefetch is
)

// unknownIDs caches the key IDs for which a fetched set brought no key: the set did not contain the kid, or only keys
// that had been tried. A flood of tokens with such a kid costs a lookup in this cache and does not reach the rate limiter.
// The key set is searched first, so a refresh that brings an unknown kid does not have to remove it. When the cache is
// full, the least recently used ID is evicted. The next token with that ID then reaches the rate limiter again. It is safe
// for concurrent use.
type unknownIDs struct {
	ids   *lru.Cache[string, clock.Instant] // with the time of the fetch
	lasts time.Duration
}

// newUnknownIDs returns an empty cache. An entry is valid for minRefetch, because after that time the limiter may allow
// another fetch, which may find the key.
func newUnknownIDs(minRefetch time.Duration) unknownIDs {
	ids, _ := lru.New[string, clock.Instant](maxUnknown) // it only fails for a size below 1
	return unknownIDs{ids, min(minRefetch, unknownFor)}
}

// has reports whether kid is in the cache and its entry is valid at the moment now.
func (u unknownIDs) has(now clock.Instant, kid string) bool {
	since, ok := u.ids.Get(kid)
	return ok && since.AgeAt(now) < u.lasts
}

// add caches kid, for which a set that was just fetched brought no key.
func (u unknownIDs) add(kid string) {
	u.ids.Add(strings.Clone(kid), clock.Now()) // a substring would keep the whole token in memory
}
