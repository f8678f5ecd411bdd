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

// Passes removes tokens from the caches of one call of Watch. Make it with [NewPasses]. It is for one goroutine.
//
// A pass over large caches takes milliseconds, and every denied token causes one. So each pass is followed by a pause, in which
// further changes are collected for the next pass. Otherwise a flood of changes would take all the time of a processor.
type Passes struct {
	caches []Cache
	timer  *time.Timer // of Due
	next   time.Time   // the earliest time of the next pass
}

// NewPasses returns the Passes over caches. It returns an error if there is no cache, or if one of them is nil. The text of the error
// begins with name, the package of the caller. The caller must call Stop at the end.
func NewPasses[C Cache](name string, caches []C) (*Passes, error) {
	if len(caches) == 0 {
		return nil, errors.New(name + ": Watch needs at least one cache")
	}
	p := &Passes{timer: time.NewTimer(0)}
	p.timer.Stop()
	for i, cache := range caches {
		if nilcheck.IsNil(cache) {
			return nil, fmt.Errorf("%s: cache %d of Watch is nil", name, i)
		}
		p.caches = append(p.caches, cache)
	}
	return p, nil
}

// Schedule lets the channel of Due receive one value as soon as the next pass is allowed. Further calls until then change nothing.
func (p *Passes) Schedule() { p.timer.Reset(time.Until(p.next)) }

// Due returns the channel that receives a value after Schedule.
func (p *Passes) Due() <-chan time.Time { return p.timer.C }

// Paused reports whether the pause after the last pass has not ended yet.
func (p *Passes) Paused() bool { return time.Now().Before(p.next) }

// Stop cancels a scheduled pass: Due receives no value for it.
func (p *Passes) Stop() { p.timer.Stop() }

// Drop removes the tokens from all caches whose [store.KeysOf] contain one of keys. It returns the number of removed entries. It does
// not wait for the end of the pause: the caller must receive from Due, or check Paused, before it calls Drop.
func (p *Passes) Drop(keys map[string]struct{}) (removed int) { return p.pass(store.Matcher(keys)) }

// DropAll removes all tokens from all caches. It returns the number of removed entries, and does not wait either.
func (p *Passes) DropAll() (removed int) { return p.pass(nil) }

// pass calls Drop of all caches, and sets the end of the pause that follows.
func (p *Passes) pass(match func(store.Token) bool) (removed int) {
	start := time.Now()
	for _, cache := range p.caches {
		removed += cache.Drop(match)
	}
	end := time.Now()
	p.next = end.Add(pauseAfter(end.Sub(start)))
	return removed
}

// pauseAfter returns the time between a pass over the caches and the next one.
func pauseAfter(pass time.Duration) time.Duration {
	return min(max(minPause, pauseShare*pass), maxPause)
}
