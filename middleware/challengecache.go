package middleware

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxScoped is the number of challenges with scopes that are kept for one scheme. Rules determine the scopes, so each route
// has only a few of them. If there are more than maxScoped, the others are built for each response.
const maxScoped = 1000

// challenges contains the challenges of one scheme. They are built once, so that a flood of invalid tokens costs little. It is
// safe for concurrent use.
type challenges struct {
	byCode map[string]string // without scopes; not changed after newChallenges
	seed   maphash.Seed      // of hash; random, so that nobody can choose scopes with equal hashes

	mu     sync.Mutex                                 // guards writes to scoped
	scoped atomic.Pointer[map[uint64]scopedChallenge] // by hash; nil: none yet. The map does not change.
}

// scopedChallenge is a challenge with the scopes of a route.
type scopedChallenge struct {
	code   string
	scopes []string
	text   string
}

// newChallenges returns the challenges of a scheme that begin with bare. codes are error codes of that scheme only.
func newChallenges(bare string, codes ...string) *challenges {
	byCode := map[string]string{"": bare}
	for _, code := range append(codes,
		codeInvalidRequest, codeInvalidToken, codeInsufficientScope, codeInsufficientAuthentication) {
		byCode[code] = withCode(bare, code)
	}
	return &challenges{byCode: byCode, seed: maphash.MakeSeed()}
}

// plain returns the challenge with this error code. An empty code is omitted.
func (c *challenges) plain(code string) string {
	if text, known := c.byCode[code]; known {
		return text
	}
	return withCode(c.byCode[""], code)
}

// with returns the challenge with this error code and these scopes.
func (c *challenges) with(code string, scopes []string) string {
	if len(scopes) == 0 {
		return c.plain(code)
	}
	at := c.hash(code, scopes)
	if known := c.scoped.Load(); known != nil {
		if kept, ok := (*known)[at]; ok && kept.code == code && slices.Equal(kept.scopes, scopes) {
			return kept.text
		}
	}
	// This is the first response with these scopes, or another challenge has the same hash.
	text := withScopes(c.plain(code), scopes)
	c.keep(at, scopedChallenge{code, slices.Clone(scopes), text})
	return text
}

// hash returns the key of a challenge in scoped. Different challenges may have the same hash, so with compares them too.
func (c *challenges) hash(code string, scopes []string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(code)
	for _, scope := range scopes {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(scope)
	}
	return h.Sum64()
}

// keep adds a challenge, unless there are too many. It copies the map, so that reads need no lock.
func (c *challenges) keep(at uint64, added scopedChallenge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next map[uint64]scopedChallenge
	if known := c.scoped.Load(); known != nil {
		if len(*known) >= maxScoped {
			return
		}
		next = maps.Clone(*known)
	} else {
		next = make(map[uint64]scopedChallenge)
	}
	next[at] = added
	c.scoped.Store(&next)
}

// withCode adds the parameter error.
func withCode(challenge, code string) string { return challenge + ", error=" + quote(code) }

// withScopes adds the parameter scope (RFC 6750 section 3).
func withScopes(challenge string, scopes []string) string {
	if len(scopes) == 0 {
		return challenge
	}
	return challenge + `, scope="` + strings.Join(scopes, " ") + `"` // a scope has no quotes and backslashes
}
