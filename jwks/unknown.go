package jwks

import (
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/clock"
)

const (
	maxUnknown = 1024             // key IDs
	unknownFor = 30 * time.Second // at most, however long MinRefetch is
)

// unknownIDs remembers the key IDs that a fetched set did not contain, so that a flood of tokens with such a kid costs a
// lookup here and does not reach the limiter. The key set is searched first, so a refresh that brings the key does not have
// to remove its ID. When the memory is full, the ID that was used least recently is removed; that only means that the
// limiter is called for it again. It is safe for concurrent use.
type unknownIDs struct {
	ids   *lru.Cache[string, clock.Instant] // with the time of the fetch
	lasts time.Duration
}

// newUnknownIDs returns an empty memory. It forgets an ID after minRefetch, because by then the limiter may allow another
// fetch, which may bring the key.
func newUnknownIDs(minRefetch time.Duration) unknownIDs {
	ids, _ := lru.New[string, clock.Instant](maxUnknown) // it only fails for a size below 1
	return unknownIDs{ids, min(minRefetch, unknownFor)}
}

// has reports whether kid is remembered at the moment now.
func (u unknownIDs) has(now clock.Instant, kid string) bool {
	since, ok := u.ids.Get(kid)
	return ok && since.AgeAt(now) < u.lasts
}

// add remembers kid, which a set that was just fetched does not contain.
func (u unknownIDs) add(kid string) {
	u.ids.Add(strings.Clone(kid), clock.Now()) // a substring would keep the whole token in memory
}
