package jwks

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// pemSet contains the keys that were fetched. It is immutable, except for the use of its keys.
type pemSet struct {
	byID   map[string]*pemKey
	absent []string // kids that the last fetch requested and for which the endpoint has no usable key

	unusable []UnusableKey // documents that were fetched and are not a usable key
}

// pemKey is one key of the endpoint.
type pemKey struct {
	keys    []Key         // one key; a slice, so that a lookup allocates nothing
	fetched clock.Instant // when it was last fetched
	*pemUse
}

// pemUse is the use of a key, which remains the same when the key is fetched again.
type pemUse struct {
	used      atomic.Int64 // the second of the last use, in Unix time
	confirmed atomic.Bool  // the key has verified a token
}

// use returns the key and records the time.
func (k *pemKey) use(now clock.Instant) []Key {
	if second := now.Time().Unix(); k.used.Load() != second { // a write by each request would slow all of them down
		k.used.Store(second)
	}
	return k.keys
}

// succeed returns k, which was just fetched, as the successor of kept. An unchanged key keeps its use, and remains the same
// key in memory. kept may be nil.
func (k *pemKey) succeed(kept *pemKey) *pemKey {
	if kept == nil || !kept.keys[0].Equal(k.keys[0]) {
		return k
	}
	return &pemKey{keys: kept.keys, fetched: k.fetched, pemUse: kept.pemUse}
}

// untried returns the key called kid if it serves alg, is younger than maxAge, and is not among tried. Otherwise it returns
// nil.
func (s *pemSet) untried(now clock.Instant, kid, alg string, maxAge time.Duration, tried []Key) *pemKey {
	key := s.keptKey(kid)
	if key != nil && key.keys[0].serves(alg) && key.fetched.AgeAt(now) < maxAge && !containsPublic(tried, key.keys[0]) {
		return key
	}
	return nil
}

// keptKey returns the key called kid, or nil. s may be nil.
func (s *pemSet) keptKey(kid string) *pemKey {
	if s == nil {
		return nil
	}
	return s.byID[kid]
}

// reject records that the document for kid is not a usable key. fault is nil if there is no such document.
func (s *pemSet) reject(kid string, fault error) {
	if fault != nil {
		s.unusable = append(s.unusable, UnusableKey{kid, FaultMalformed, fault.Error()})
	}
}

// evict drops keys until at most maxPEMKeys are left: first those of held that have verified no token, then those that were
// not used for long, and then those that are not in held. Of each group it first drops the one that was not used for the
// longest time. Anybody can name a key of somebody else at the same endpoint, but not verify a token with it.
func (s *pemSet) evict(held *pemSet) {
	now, ids := clock.Now().Time().Unix(), slices.Collect(maps.Keys(s.byID))
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(s.byID[a].used.Load(), s.byID[b].used.Load()) })
	isNew := func(kid string) bool { return held.keptKey(kid) == nil }
	for _, unneeded := range [...]func(kid string) bool{
		func(kid string) bool { return !isNew(kid) && !s.byID[kid].confirmed.Load() },
		func(kid string) bool { return now-s.byID[kid].used.Load() >= idleUntilOut },
		isNew,
	} {
		for _, kid := range ids {
			if s.byID[kid] != nil && len(s.byID) > maxPEMKeys && unneeded(kid) {
				delete(s.byID, kid)
			}
		}
	}
}
