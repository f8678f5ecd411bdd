// Package watching contains what the Watch methods of store/redisstore and store/sqlstore have in common: the passes over the
// caches, and the statistics.
package watching

import (
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/store"
)

// Cache is a cache of verified tokens.
type Cache interface {
	// Drop removes what is cached for tokens for which match returns true, or everything if match is nil. It returns the number
	// of removed entries.
	Drop(match func(store.Token) bool) int
}

// MaxPending is the largest number of changed keys that wait for the next pass. If there are more, everything is removed.
const MaxPending = 10_000

const (
	minPause   = 100 * time.Millisecond // between two passes
	pauseShare = 20                     // the pause after a pass is pauseShare times as long as the pass,
	maxPause   = time.Second            // but not longer than this, because it delays the next pass
)

// CheckCaches returns an error if there is no cache, or if one of them is nil or a nil pointer. store is the package name in the
// text of the error.
func CheckCaches[C Cache](store string, caches []C) error {
	if len(caches) == 0 {
		return errors.New(store + ": Watch needs at least one cache")
	}
	for i, cache := range caches {
		if nilcheck.IsNil(cache) {
			return fmt.Errorf("%s: cache %d of Watch is nil", store, i)
		}
	}
	return nil
}

// Drop calls Drop of all caches. It returns the number of removed entries, and the earliest time of the next pass. The pause until
// then is longer if the caches are large, so that a flood of changes does not take all the time of a processor.
func Drop[C Cache](caches []C, match func(store.Token) bool) (removed int, next time.Time) {
	start := time.Now()
	for _, cache := range caches {
		removed += cache.Drop(match)
	}
	end := time.Now()
	return removed, end.Add(pauseAfter(end.Sub(start)))
}

// pauseAfter returns the time between a pass over the caches and the next one.
func pauseAfter(pass time.Duration) time.Duration {
	return min(max(minPause, pauseShare*pass), maxPause)
}
