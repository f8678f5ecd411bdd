package introspection

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/bounded"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/digest"
)

// accepted caches accepted tokens. Reading it takes no lock. A nil accepted caches nothing.
type accepted struct {
	tokens *bounded.Map[digest.Sum, *entry]
	ttl    time.Duration
}

// entry is an accepted token. It is fresh for a time that counts from the request, and not from the response. An entry that
// is not fresh is kept: it shows that the token was active before.
type entry struct {
	token *consumer.Token
	since clock.Instant // the request was sent
	lasts time.Duration
}

// newAccepted returns a cache for size tokens that are used for ttl, or nil if one of them is zero.
func newAccepted(size int, ttl time.Duration) *accepted {
	if size == 0 || ttl == 0 {
		return nil
	}
	return &accepted{bounded.New[digest.Sum, *entry](size), ttl}
}

// get returns the token with the digest d, or nil. fresh is false if it must not be used.
func (a *accepted) get(d digest.Sum) (token *consumer.Token, fresh bool) {
	if a == nil {
		return nil, false
	}
	e, ok := a.tokens.Get(d)
	if !ok {
		return nil, false
	}
	return e.token, e.since.Age() < e.lasts
}

// add caches t. since is when the request was sent. An entry never outlives `exp`, without any clock skew (RFC 7662 section
// 4). The age of an entry is the larger of the ages on both clocks, so neither a jump of the clock nor a sleep extends it.
func (a *accepted) add(d digest.Sum, t *consumer.Token, since clock.Instant) {
	if a == nil {
		return
	}
	lasts := a.ttl
	if !t.Expiry().IsZero() {
		lasts = min(lasts, t.Expiry().Sub(since.Time()))
	}
	if lasts > 0 {
		a.tokens.Add(d, &entry{t, since, lasts})
	}
}

// remove drops a token that is not accepted any more.
func (a *accepted) remove(d digest.Sum) {
	if a != nil {
		a.tokens.Remove(d)
	}
}

// drop removes the tokens for which match returns true, and returns their number.
func (a *accepted) drop(match func(consumer.StatusToken) bool) int {
	if a == nil {
		return 0
	}
	return a.tokens.RemoveFunc(func(_ digest.Sum, e *entry) bool { return match(e.token) })
}

// stats returns the state of the cache.
func (a *accepted) stats() bounded.Stats {
	if a == nil {
		return bounded.Stats{}
	}
	return a.tokens.Stats()
}

// rejected caches rejections, apart from accepted tokens, so that a flood of random tokens evicts no accepted one. A nil
// rejected caches nothing.
type rejected struct {
	results *lru.Cache[digest.Sum, rejection]
	ttl     time.Duration
}

// rejection is the error for a token. The error is shared, so it must be copied.
type rejection struct {
	err   consumer.Error
	since clock.Instant
}

// newRejected returns a cache of rejections that are used for ttl, or nil if ttl is zero.
func newRejected(ttl time.Duration) *rejected {
	if ttl == 0 {
		return nil
	}
	results, _ := lru.New[digest.Sum, rejection](maxRejected) // fails only for a size that is not positive
	return &rejected{results, ttl}
}

// get returns the cached rejection of the token with the digest d, or nil.
func (r *rejected) get(d digest.Sum) error {
	if r == nil {
		return nil
	}
	found, ok := r.results.Get(d)
	if !ok || found.since.Age() >= r.ttl {
		return nil
	}
	return &found.err
}

// add caches a rejection.
func (r *rejected) add(d digest.Sum, err *consumer.Error, since clock.Instant) {
	if r != nil {
		r.results.Add(d, rejection{*err, since})
	}
}

// remove drops the rejection of a token that is accepted now.
func (r *rejected) remove(d digest.Sum) {
	if r != nil {
		r.results.Remove(d)
	}
}

// purge drops all rejections.
func (r *rejected) purge() {
	if r != nil {
		r.results.Purge()
	}
}

// len returns the number of cached rejections.
func (r *rejected) len() int {
	if r == nil {
		return 0
	}
	return r.results.Len()
}
