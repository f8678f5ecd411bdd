package jwks

import (
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/clock"
)

const (
	maxUnknown = 1024             // key IDs
	unknownFor = 30 * time.Second // at most; see newUnknownIDs
)

// unknownIDs remembers the key IDs that a fetched set did not contain, so that a flood of tokens with such a kid costs a
// lookup here and no call of the limiter. The key set is read first, so a refresh that brings the key does not have to
// remove its ID. When the memory is full, the ID that was used least recently is removed. It is safe for concurrent use.
type unknownIDs struct {
	ids   *lru.Cache[string, clock.Instant] // with the time of the fetch
	lasts time.Duration
}

// newUnknownIDs returns an empty memory. An ID is forgotten after minRefetch, because then the limiter allows the next
// fetch, and after 30 seconds at most.
func newUnknownIDs(minRefetch time.Duration) unknownIDs {
	ids, _ := lru.New[string, clock.Instant](maxUnknown) // it only fails for a size below 1
	return unknownIDs{ids, min(minRefetch, unknownFor)}
}

func (u unknownIDs) has(kid string) bool {
	since, ok := u.ids.Get(kid)
	return ok && since.Age() < u.lasts
}

func (u unknownIDs) add(kid string) {
	u.ids.Add(strings.Clone(kid), clock.Now()) // a substring would keep the whole token in memory
}
