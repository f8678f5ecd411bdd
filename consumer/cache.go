package consumer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/bounded"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/digest"
	"github.com/bearerkit/bearerkit/jwks"
)

// tokenCache caches verified tokens under a keyed digest of their text, so that no usable token stays in memory after its
// request. A nil tokenCache caches nothing.
type tokenCache struct {
	digester *digest.Digester
	tokens   *bounded.Map[digest.Sum, *Token]
	drops    drops
}

// newTokenCache returns a cache for size tokens, or nil if size is zero. A negative CacheSize becomes zero before the
// call.
func newTokenCache(size int) *tokenCache {
	if size <= 0 {
		return nil
	}
	return &tokenCache{digester: digest.New(), tokens: bounded.New[digest.Sum, *Token](size)}
}

// get also returns the slot of the token. add and remove take it, so that a token is hashed only once.
func (c *tokenCache) get(raw string) (t *Token, p slot, ok bool) {
	if c == nil {
		return nil, p, false
	}
	p = slot{c.digester.Sum(raw), c.drops.count()}
	t, ok = c.tokens.Get(p.digest)
	return t, p, ok
}

// add caches t in the slot that get returned, unless tokens were dropped since then. t must be verified.
func (c *tokenCache) add(p slot, t *Token) {
	if c == nil {
		return
	}
	if c.drops.enter(p) {
		c.tokens.Add(p.digest, t)
	}
	c.drops.leave()
}

// remove drops a token that must be verified again.
func (c *tokenCache) remove(p slot) {
	if c != nil {
		c.tokens.Remove(p.digest)
	}
}

// drop removes the tokens for which match returns true, and returns their number.
func (c *tokenCache) drop(match func(StatusToken) bool) int {
	if c == nil {
		return 0
	}
	c.drops.begin()
	return c.tokens.RemoveFunc(func(_ digest.Sum, t *Token) bool { return match(t) })
}

// recheck checks everything that may have changed since t was verified: the audience of the request, the time, the
// issuer's keys, and the status of the token. A cached token is therefore not trusted more than a new one. The claims
// cannot change, so they are not checked again. Neither is Config.Check called again: its result counts for the lifetime of the token.
func (c *Consumer) recheck(ctx context.Context, t *Token) error {
	if t.fixedKeys && t.isCurrent(clock.Now()) {
		if t.timeOnly {
			return nil // nothing but the time can have changed
		}
		return c.recheckStatus(ctx, t)
	}
	if c.cfg.AudienceFunc != nil {
		// The token was verified for another request, which may have been for another tenant.
		if err := c.checkRequestAudience(ctx, t); err != nil {
			return err
		}
	}
	now := clock.Now() // once, because reading the clocks takes long compared with a cache hit
	if !t.isCurrent(now) {
		if err := c.checkTimes(t, now); err != nil {
			return err
		}
	}
	keys, err := c.keysOf(ctx, now, t.header)
	if err != nil {
		return err
	}
	// An issuer may use a kid again for a new key. The signature must then be verified with that key.
	if !contains(keys, t.key) {
		return errOutdated
	}
	return c.recheckStatus(ctx, t)
}

// recheckStatus checks the status of a cached token, if Config.Status is set.
func (c *Consumer) recheckStatus(ctx context.Context, t *Token) error {
	if c.cfg.Status == nil {
		return nil
	}
	return c.checkStatus(ctx, t)
}

// hasFixedKeys reports whether neither the keys nor the audience of a cached token of c can change.
func (c *Consumer) hasFixedKeys() bool {
	_, static := c.keys.Load().Source.(jwks.Static)
	return static && c.cfg.AudienceFunc == nil
}

// isTimeOnly reports whether only the time decides about a cached token of c: its keys are fixed, and no function of the
// application must be called. A cache hit then reads the Token only, and not the Consumer. With thousands of issuers, a Consumer is
// rarely in the cache of the processor, so reading it would take longer than the rest of the cache hit.
func (c *Consumer) isTimeOnly() bool {
	return c.hasFixedKeys() && c.cfg.Status == nil && c.cfg.OnVerify == nil
}

// errOutdated says that a cached token must be verified again: its kid names another key now, or its Consumer has left
// the Group.
var errOutdated = errors.New("consumer: cached token outdated")

// isCurrent reports whether a cached token certainly passes checkTimes at the moment now. It compares two numbers only:
// most requests are cache hits, and most tokens are neither at their end nor older than a clock that was set back.
func (t *Token) isCurrent(now clock.Instant) bool {
	return t.verified.AgeAt(now) < t.lasts && !now.WallBefore(t.verified)
}

// lasts returns how long after its verification checkTimes accepts t, unless the clock is set back.
func (c *Consumer) lasts(t *Token) time.Duration {
	if t.expiry.IsZero() {
		return 1<<63 - 1
	}
	return t.expiry.Add(c.cfg.ClockSkew).Sub(t.verified.Time())
}

// checkTimes compares exp, nbf and iat with the clock (RFC 7519 sections 4.1.4 to 4.1.6). It allows for the clock skew in
// both directions.
//
// exp is a wall time. If the wall clock was set back after t was verified, the time since then is added to the time of
// the verification instead, so that no jump of the clock extends the life of a cached token.
func (c *Consumer) checkTimes(t *Token, now clock.Instant) error {
	wall, latest := now.Time(), t.verified.Add(t.verified.AgeAt(now)).Time()
	switch {
	case t.isCurrent(now) && !t.notBefore.After(wall) && !t.issuedAt.After(wall): // cheaper than the differences below
		return nil
	case !t.expiry.IsZero() && latest.Sub(t.expiry) >= c.cfg.ClockSkew: // zero only if the profile does not require exp
		return c.timeError(ReasonExpired, "exp", t.expiry, "has passed", latest)
	case t.notBefore.Sub(wall) > c.cfg.ClockSkew:
		return c.timeError(ReasonNotYetValid, "nbf", t.notBefore, "is in the future", wall)
	case t.issuedAt.Sub(wall) > c.cfg.ClockSkew:
		return c.timeError(ReasonIssuedInFuture, "iat", t.issuedAt, "is in the future", wall)
	}
	return nil
}

// keysOf returns the issuer's keys that may have signed a token with the header h. now was read for the same request.
func (c *Consumer) keysOf(ctx context.Context, now clock.Instant, h *header) ([]jwks.Key, error) {
	keys, err := c.keys.Load().keysAt(ctx, now, h.keyID, h.algorithm)
	if err != nil {
		return nil, keyError(ctx, h, err)
	}
	return keys, nil
}

// contains reports whether keys contain key, which verified a cached token.
func contains(keys []jwks.Key, key *jwks.Key) bool {
	for i := range keys {
		if keys[i].Equal(*key) {
			return true
		}
	}
	return false
}

// slot is where a cache holds a token. drops is the number of drops when its request looked it up.
type slot struct {
	digest digest.Sum
	drops  uint64
}

// drops counts the drops of a cache. Without the count, a request that has called Config.Status before a token was revoked
// could cache the result after the drop.
//
// A drop first counts and then removes. A request compares the count while no drop can begin, and adds only if there was none.
// So either the drop finds the entry, or there is none, and no other request ever finds an old result after a drop.
type drops struct {
	n      atomic.Uint64
	adding sync.RWMutex // read-locked by requests while they add
}

// begin counts a drop. Call it before the entries are removed.
func (d *drops) begin() {
	d.adding.Lock()
	defer d.adding.Unlock()
	d.n.Add(1)
}

// count returns the number of drops so far.
func (d *drops) count() uint64 { return d.n.Load() }

// enter reports whether the entry for p may be added, because there was no drop after p was looked up. No drop begins before
// leave is called.
func (d *drops) enter(p slot) bool {
	d.adding.RLock()
	return d.n.Load() == p.drops
}

// leave ends what enter began, whatever its result was.
func (d *drops) leave() { d.adding.RUnlock() }
