package consumer

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/digest"
)

// TokenStatus reports whether a verified token may still be used. An implementation may be a list of revoked tokens, or
// a list of the tokens that the issuer has stored; package store has both. It is called on every request, including
// cache hits, so it should be fast. It must be safe for concurrent use.
//
// With Config.StatusTTL, its results are cached. If it also has a method CacheFor(token StatusToken) time.Duration, a result is
// cached for no longer than CacheFor has returned before the call of Active. [store.All] and [statuslist.Lists] have this method.
//
// If it has a method Version(status any) (version uint64, ok bool), and ok is true when the Consumer is created, a positive result
// for a token in the cache is used until the version changes, and StatusTTL has no effect. Version must return another number
// after each change that makes a token inactive, as soon as Active reports the change and not before. It is called on every
// request, so it must return at once. Its argument is Config.Status. ok must be false if that has another type than the receiver:
// a type that embeds the receiver also has its method Version, but may have a method Active of its own. [store.DenyList] has this
// method, and ok is true for entries in a [store.Memory].
//
// [store.DenyList]: https://pkg.go.dev/github.com/bearerkit/bearerkit/store#DenyList
// [store.Memory]: https://pkg.go.dev/github.com/bearerkit/bearerkit/store#Memory
// [store.All]: https://pkg.go.dev/github.com/bearerkit/bearerkit/store#All
// [statuslist.Lists]: https://pkg.go.dev/github.com/bearerkit/bearerkit/consumer/statuslist#Lists
type TokenStatus interface {
	// Active reports whether the token may be used. After an error the request is rejected with
	// [ReasonStatusUnavailable], unless Config.InsecureStatusFailOpen is set.
	Active(ctx context.Context, token StatusToken) (bool, error)
}

// StatusToken is the part of a [*Token] that a [TokenStatus] receives. It is an alias of an unnamed interface, so that
// a store can implement TokenStatus without importing this package.
type StatusToken = interface {
	ID() string
	Issuer() string
	Subject() string
	IssuedAt() time.Time
	Expiry() time.Time
	Claim(name string) (value any, ok bool)
}

// StatusCheck describes one status check for [Config.OnStatus]. Except for the issuer, it contains no part of the
// token.
type StatusCheck struct {
	// Issuer is Config.Issuer.
	Issuer string

	// Active is the result of Config.Status. It is false if Err is not nil.
	Active bool

	// Cached is true if the result was in the cache and Config.Status was not called.
	Cached bool

	// Duration is how long the check took.
	Duration time.Duration

	// Err is the error of Config.Status, or nil. It is for logs: do not send it to clients.
	Err error
}

// checkStatus calls Config.Status, if there is one.
func (c *Consumer) checkStatus(ctx context.Context, t *Token) error {
	if c.cfg.Status == nil {
		return nil
	}
	active, err := c.statusOf(ctx, t)
	switch {
	// The setting does not apply if the request has ended, because the error may only be a consequence of that.
	case err != nil && c.cfg.InsecureStatusFailOpen && ctx.Err() == nil:
		return nil
	case err != nil:
		return unavailable(ctx, ReasonStatusUnavailable, err)
	case !active:
		return reject(ReasonRevoked, "Config.Status reports that the token may not be used")
	}
	return nil
}

// statusOf returns the result of Config.Status, from the cache if possible, and passes it to Config.OnStatus.
func (c *Consumer) statusOf(ctx context.Context, t *Token) (active bool, err error) {
	check := StatusCheck{Issuer: c.cfg.Issuer}
	if c.cfg.OnStatus != nil {
		start := time.Now()
		defer func() {
			check.Active, check.Err, check.Duration = active, err, time.Since(start)
			c.cfg.OnStatus(ctx, check)
		}()
	}
	mark, unchanged := c.versions.of(t)
	if unchanged {
		check.Cached = true
		return true, nil
	}
	at, result, ok := c.statuses.get(t)
	if ok {
		check.Cached = true
		return result, nil
	}
	// Both before the call, so that a slow call does not make its result look newer.
	asked, atMost := clock.Now(), c.statuses.atMost(t)
	active, err = c.cfg.Status.Active(ctx, t)
	if err == nil && active {
		err = ctx.Err() // an implementation that gave up when ctx ended may have returned anything
	}
	if err == nil {
		c.statuses.add(at, statusResult{active, asked, atMost, t})
		c.versions.note(t, mark, active)
	}
	return active && err == nil, err
}

const (
	maxStatuses   = 10_000
	maxStatusTime = time.Hour       // a longer time would make the check pointless
	inactiveFor   = 5 * time.Second // a token may be used before the issuer has stored it
)

// statusCache caches results of a TokenStatus under a digest of the token's claims. A nil statusCache caches nothing.
type statusCache struct {
	digester *digest.Digester
	results  *lru.Cache[digest.Sum, statusResult]
	ttl      time.Duration
	limit    limiter // nil: all results are cached for ttl
	drops    drops
}

// limiter is the optional method of a [TokenStatus] whose results must not be cached for longer.
type limiter interface {
	CacheFor(token StatusToken) time.Duration
}

// statusResult is a result of Config.Status for a token, the time at which the call began, and how long the result may be used.
type statusResult struct {
	active bool
	since  clock.Instant
	atMost time.Duration
	token  *Token // for drop
}

// newStatusCache returns a cache that holds results of status for ttl, or nil if ttl is zero.
func newStatusCache(status TokenStatus, ttl time.Duration) *statusCache {
	if ttl <= 0 {
		return nil
	}
	results, _ := lru.New[digest.Sum, statusResult](maxStatuses) // fails only for a size that is not positive
	limit, _ := status.(limiter)
	return &statusCache{digester: digest.New(), results: results, ttl: ttl, limit: limit}
}

// atMost returns how long the TokenStatus allows its result for t to be cached.
func (s *statusCache) atMost(t *Token) time.Duration {
	if s == nil || s.limit == nil {
		return maxStatusTime
	}
	return s.limit.CacheFor(t)
}

// get also returns the slot of the result for add.
func (s *statusCache) get(t *Token) (p slot, active, ok bool) {
	if s == nil {
		return p, false, false
	}
	// The claims identify the token. A Token does not keep the text that was sent, because it is a usable credential.
	p = slot{s.digester.Sum(t.claims.Raw()), s.drops.count()}
	result, ok := s.results.Get(p.digest)
	if !ok || result.since.Age() >= min(s.ttlOf(result.active), result.atMost) {
		return p, false, false
	}
	return p, result.active, true
}

// add caches a result in the slot that get returned, unless results were dropped since then.
func (s *statusCache) add(p slot, result statusResult) {
	if s == nil {
		return
	}
	if s.drops.enter(p) {
		s.results.Add(p.digest, result)
	}
	s.drops.leave()
}

// drop removes the results of the tokens for which match returns true, and returns their number.
func (s *statusCache) drop(match func(StatusToken) bool) (removed int) {
	if s == nil {
		return 0
	}
	s.drops.begin()
	for _, key := range s.results.Keys() {
		if result, ok := s.results.Peek(key); ok && match(result.token) && s.results.Remove(key) {
			removed++
		}
	}
	return removed
}

// ttlOf returns how long a result is used.
func (s *statusCache) ttlOf(active bool) time.Duration {
	if active {
		return s.ttl
	}
	return min(s.ttl, inactiveFor)
}
